/**
 * What a member does for an operator who takes a backup: parts in order, once it has applied
 * enough, a few at a time, and not for ever.
 *
 * @module
 */

import assert from "node:assert/strict";
import { schemaVersion } from "../../src/chat/schema.ts";
import { limits } from "../../src/limits.ts";
import type { SnapshotSource } from "../../src/node/ports.ts";
import { ChatError } from "../../src/errors.ts";
import { termOf } from "../contract/log_entries.ts";
import { backupServer, policy, seenTerm } from "../support/backup.ts";
import { HandClock } from "../support/hand_clock.ts";

const applied = { index: 50, term: termOf(1), checksum: "checksum 50" };
const context = { deadlineMs: Infinity, signal: new AbortController().signal };

/** A member whose state has so many chunks. */
class Bench {
  readonly clock = new HandClock();
  readonly server;
  opened = 0;
  closed = 0;

  constructor(chunks: number) {
    const state = { openSnapshot: () => Promise.resolve(this.#source(chunks)) };
    this.server = backupServer(state, this.clock);
  }

  #source(chunks: number): SnapshotSource {
    this.opened += 1;
    let next = 0;
    let isClosed = false;
    return {
      applied,
      rowsTotal: 10,
      next: () => {
        if (isClosed) return Promise.reject(new ChatError("NOT_UP_TO_DATE", "it was closed"));
        return Promise.resolve(next < chunks ? new Uint8Array(10).fill(next++) : null);
      },
      digest: () => "the digest",
      close: () => {
        isClosed = true;
        this.closed += 1;
        return Promise.resolve();
      },
    };
  }

  begin(given = context) {
    return this.server.serve({ atLeastIndex: 0 }, given);
  }
}

Deno.test("backup server: a header, the terms, chunks in order, an end; then the read is over", async () => {
  const bench = new Bench(2);
  const [header, terms, ...rest] = await Array.fromAsync(bench.begin());
  assert.deepEqual(header, {
    kind: "header",
    clusterId: "cluster-1",
    nodeId: "n1",
    base: applied,
    term: seenTerm,
    policy,
    schemaVersion,
    takenAtMs: bench.clock.wall(),
    rowsTotal: 10,
  });
  assert.deepEqual(terms, { kind: "terms", termStarts: [{ term: termOf(1), index: 1 }] });
  assert.deepEqual(rest, [
    { kind: "chunk", number: 0, data: new Uint8Array(10).fill(0) },
    { kind: "chunk", number: 1, data: new Uint8Array(10).fill(1) },
    { kind: "end", chunks: 2, digest: "the digest" },
  ]);
  assert.deepEqual([bench.opened, bench.closed, bench.clock.timers], [1, 1, 0]);
});

Deno.test("backup server: gives so many at once; whoever goes away makes room", async () => {
  const bench = new Bench(3);
  const given = Array.from({ length: limits.backupsGivenMax }, () => bench.begin());
  for (const one of given) await one.next();
  await assert.rejects(bench.begin().next(), { reason: "OVERLOADED" });
  await given[0]!.return(undefined);
  assert.equal((await bench.begin().next()).done, false);
  assert.equal(bench.closed, 1);
});

Deno.test("backup server: one that nobody reads any more is closed, and makes room", async () => {
  const bench = new Bench(3);
  const stuck = bench.begin();
  await stuck.next();
  await bench.clock.advance(limits.snapshotIdleMsMax - 1);
  assert.equal(bench.closed, 0);
  await bench.clock.advance(1);
  assert.equal(bench.closed, 1);
  assert.equal((await Array.fromAsync(bench.begin())).length, 6);
  await stuck.next();
  await assert.rejects(stuck.next(), { reason: "NOT_UP_TO_DATE" });
});

Deno.test("backup server: a node that stops ends them, and begins none", async () => {
  const bench = new Bench(3);
  const given = bench.begin();
  await given.next();
  await given.next();
  await bench.server.close();
  assert.equal(bench.closed, 1);
  await assert.rejects(given.next(), { reason: "SHUTTING_DOWN" });
  await assert.rejects(bench.begin().next(), { reason: "SHUTTING_DOWN" });
});
