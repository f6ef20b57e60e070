/**
 * The reserve of a node's disk, with a disk that a test fills: when writes are refused, when they
 * are taken again, and to whom a leader without room hands over.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DiskReserve, reserveOf } from "../../src/node/disk_reserve.ts";
import type { LogLevel } from "../../src/node/logger.ts";
import type { RoleListener } from "../../src/node/driver_api.ts";
import type { CoreStatus } from "../../src/raft/io.ts";
import { TERM } from "../../src/node/driver_test_ports.ts";
import { limits } from "../../src/limits.ts";
import type { DiskSpace } from "../../src/storage/disk_space.ts";
import { HandClock } from "../support/hand_clock.ts";

const TOTAL = 1024 * 1024 * 1024;
const RESERVE = reserveOf(TOTAL);

type Members = CoreStatus["members"];

function memberOf(id: string, { voter = true, reachable = true } = {}): Members[number] {
  const member = { id, peerAddress: `${id}:1`, clientAddress: `${id}:2` };
  return { member, voter, reachable, matchIndex: null, incarnation: null };
}

/** A reserve over a disk and a driver of which the test says everything. */
class Bench {
  readonly clock = new HandClock();
  readonly log: { readonly level: LogLevel; readonly text: string }[] = [];
  readonly transfers: (string | null)[] = [];
  members: Members = [memberOf("n1")];
  space: DiskSpace | null = { freeBytes: TOTAL, totalBytes: TOTAL };
  /** Ends the running transfer. */
  answer = Promise.withResolvers<void>();
  #tell: RoleListener = () => {};
  readonly reserve: DiskReserve;

  constructor() {
    this.reserve = new DiskReserve({
      clock: this.clock,
      logger: { log: (level, text) => void this.log.push({ level, text }), isOn: () => true },
      space: () => Promise.resolve(this.space),
      driver: {
        onRole: (listener) => {
          this.#tell = listener;
          return () => this.#tell = () => {};
        },
        status: () => ({ leader: "n1", members: this.members }) as CoreStatus,
        transfer: (to) => {
          this.transfers.push(to);
          return this.answer.promise;
        },
      },
    });
  }

  role(role: "leader" | "follower"): void {
    this.#tell({ role, term: TERM, leader: "n1", ready: true });
  }

  async free(bytes: number): Promise<void> {
    this.space = { freeBytes: bytes, totalBytes: TOTAL };
    await this.clock.advance(limits.diskLookMs);
  }

  /** Whether writes are refused now. */
  get refuses(): boolean {
    const refusal = this.reserve.refusal();
    const told = refusal?.reason === "DISK_FULL" && refusal.retryAfterMs === limits.diskRetryMs;
    assert.ok(refusal === null || told);
    return refusal !== null;
  }
}

async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench();
  await bench.reserve.start();
  bench.role("leader");
  await run(bench);
  bench.reserve.close();
  assert.equal(bench.clock.timers, 0, "it looks no more");
}

Deno.test("disk reserve: a share of a small disk, and no more than its bound of a large one", () => {
  assert.equal(reserveOf(TOTAL), TOTAL / 16);
  assert.equal(reserveOf(limits.diskReserveBytes * 16), limits.diskReserveBytes);
  assert.equal(reserveOf(limits.diskReserveBytes * 1_000), limits.diskReserveBytes);
});

Deno.test("disk reserve: writes are refused below it, and taken again somewhat above", () =>
  withBench(async (bench) => {
    await bench.free(RESERVE);
    assert.equal(bench.refuses, false, "at the reserve");
    await bench.free(RESERVE - 1);
    assert.equal(bench.refuses, true, "below it");
    await bench.free(RESERVE * limits.diskClearFactor - 1);
    assert.equal(bench.refuses, true, "a little room is not enough");
    await bench.free(RESERVE * limits.diskClearFactor);
    assert.equal(bench.refuses, false, "by itself");
    assert.deepEqual(bench.log.map(({ level }) => level), ["warn", "info"]);
    assert.match(bench.log[0]!.text, /nearly full, 63 MiB free: .* below 64 MiB; make room/);
  }));

Deno.test("disk reserve: a follower refuses nothing, and a disk that nobody can ask about is no full one", () =>
  withBench(async (bench) => {
    bench.role("follower");
    await bench.free(0);
    assert.equal(bench.refuses, false);
    assert.deepEqual(bench.transfers, []);
    bench.role("leader");
    assert.equal(bench.refuses, true);
    await bench.free(TOTAL);
    bench.space = null;
    await bench.clock.advance(limits.diskLookMs);
    assert.equal(bench.refuses, false);
  }));

Deno.test("disk reserve: a leader hands over to another voter that answers, and takes writes meanwhile", () =>
  withBench(async (bench) => {
    bench.members = [
      memberOf("n1"),
      memberOf("n2", { reachable: false }),
      memberOf("n3", { voter: false }),
      memberOf("n4"),
    ];
    await bench.free(RESERVE - 1);
    assert.deepEqual(bench.transfers, ["n4"]);
    assert.equal(bench.refuses, false);
    await bench.free(RESERVE / 2 - 1);
    assert.equal(bench.refuses, true, "not when hardly anything is left");
    await bench.free(RESERVE / 2);
    assert.equal(bench.refuses, false);
    bench.answer.reject(new Error("n4 did not take over"));
    await bench.clock.advance(limits.diskLookMs);
    assert.equal(bench.refuses, true, "it did not help");
    assert.equal(bench.transfers.length, 1, "not again and again");
    bench.answer = Promise.withResolvers();
    await bench.clock.advance(limits.diskHandOverMs);
    assert.deepEqual(bench.transfers, ["n4", "n4"]);
    bench.answer.resolve();
  }));
