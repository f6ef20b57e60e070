/**
 * Hand-overs between two sides of a partition, both ends: what is asked in which order, what is
 * proposed, and what happens when something fails.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { HandOvers } from "../../src/node/driver_hand_over.ts";
import type { LogStore, StateStore, Transport } from "../../src/node/ports.ts";
import type { Effect, Input } from "../../src/raft/io.ts";
import type { Entry } from "../../src/raft/types.ts";
import type { HandOverAsk } from "../../src/rpc/peer_api.ts";
import { HandClock, settled } from "../support/hand_clock.ts";

const TERM = { epoch: 0, number: 1, nodeId: "n3" };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function command(index: number): Entry {
  const data = encoder.encode(`command ${index}`);
  return { index, term: TERM, checksum: `${index}`, kind: "command", data };
}

const noop = (index: number): Entry => ({ index, term: TERM, checksum: `${index}`, kind: "noop" });

type Asked = Omit<HandOverAsk, "clusterId" | "nodeId">;

/** A node that hands over, the leader that it asks, and everything that they did, in order. */
class Bench {
  readonly clock = new HandClock();
  readonly events: string[] = [];
  readonly notices: string[] = [];
  readonly inputs: Input[] = [];
  entries: readonly Entry[] = [];
  /** Request ids in the state, by index. */
  requests: readonly string[] = [];
  commonIndex = 0;
  unknown = 0;
  fails: ChatError | null = null;
  failsToPropose: ChatError | null = null;
  settledAlready: readonly string[] = [];
  readonly handOvers: HandOvers;

  constructor() {
    const log: Pick<LogStore, "read"> = {
      read: (from, to) =>
        Promise.resolve(this.entries.filter(({ index }) => index >= from && index <= to)),
    };
    const state: Partial<StateStore> = {
      salvagedFrom: (entries) =>
        Promise.resolve(
          entries.map(({ data }) => encoder.encode(`salvaged ${decoder.decode(data)}`)),
        ),
      requestsBetween: (from, to) => {
        this.events.push(`requests ${from} to ${to}`);
        return Promise.resolve(this.requests);
      },
      settledAmong: (salvaged) =>
        Promise.resolve(
          salvaged.map((data) => this.settledAlready.includes(decoder.decode(data))),
        ),
      countUnknown: (ids) => Promise.resolve(ids.length === 0 ? 0 : this.unknown),
    };
    const transport: Pick<Transport, "handOver"> = { handOver: (to, ask) => this.#answer(to, ask) };
    this.handOvers = new HandOvers({
      log: log as LogStore,
      state: state as StateStore,
      transport: transport as Transport,
      clock: this.clock,
      step: (input) => void this.inputs.push(input),
      waitApplied: (index) => Promise.resolve(void this.events.push(`applied ${index}`)),
      core: () => ({
        status: () => ({ commitIndex: 7 }) as never,
        commonIndex: ({ last }) => last - 1,
      }),
      propose: (data) => {
        if (this.failsToPropose) return Promise.reject(this.failsToPropose);
        return Promise.resolve(void this.events.push(`propose ${decoder.decode(data)}`));
      },
      onNotice: (text) => void this.notices.push(text),
    });
  }

  #answer(to: string, ask: Asked) {
    if (this.fails !== null) return Promise.reject(this.fails);
    const commands = ask.commands.map((data) => decoder.decode(data)).join();
    const told = [
      ...(ask.termStarts.length > 0 ? [`common with end ${ask.lastIndex}`] : []),
      ...(commands === "" ? [] : [commands]),
      ...(ask.requestIds.length > 0 ? [`known ${ask.requestIds.length}`] : []),
    ];
    this.events.push(`ask ${to}: ${told.join()}`);
    return Promise.resolve({ commonIndex: this.commonIndex, unknown: this.unknown });
  }

  async handsOver(through: number, baseIndex = 0): Promise<void> {
    const effect: Effect & { readonly kind: "handOver" } = {
      kind: "handOver",
      to: "n1",
      through,
      baseIndex,
      termStarts: [{ term: TERM, index: 1 }],
    };
    this.handOvers.begin(effect);
    for (let turn = 0; turn < 20; turn++) await settled();
  }
}

Deno.test("hand-over: what follows the common index goes over in order, commands alone", async () => {
  const bench = new Bench();
  bench.entries = [command(1), command(2), noop(3), command(4), command(5)];
  bench.commonIndex = 1;
  await bench.handsOver(5);
  assert.deepEqual(bench.events, [
    "applied 7",
    "ask n1: common with end 5",
    "ask n1: salvaged command 2,salvaged command 4,salvaged command 5",
  ]);
  assert.deepEqual(bench.inputs, [{ kind: "handedOver", to: "n1", through: 5, done: true }]);
});

Deno.test("hand-over: a long log goes over in parts", async () => {
  const bench = new Bench();
  const count = limits.handOverCommandsMax + 3;
  bench.entries = Array.from({ length: count }, (_, at) => command(at + 1));
  await bench.handsOver(count);
  const parts = bench.events.slice(2).map((event) => event.split(",").length);
  assert.deepEqual(parts, [limits.handOverCommandsMax, 3]);
});

Deno.test("hand-over: nothing of its own is no question but the first", async () => {
  const bench = new Bench();
  bench.entries = [command(1), command(2)];
  bench.commonIndex = 2;
  await bench.handsOver(2);
  assert.equal(bench.events.length, 2);
  assert.equal(bench.inputs.length, 1);
});

Deno.test("hand-over: what is below its log must be known there", async () => {
  const bench = new Bench();
  bench.entries = [command(5)];
  bench.requests = ["r3", "r4"];
  bench.commonIndex = 2;
  await bench.handsOver(5, 4);
  assert.deepEqual(bench.events.slice(2), [
    "requests 3 to 4",
    "ask n1: known 2",
    "ask n1: salvaged command 5",
  ]);
});

Deno.test("hand-over: as long as one is not known there, nothing is given up", async () => {
  const bench = new Bench();
  bench.entries = [command(5)];
  bench.requests = ["r3", "r4"];
  bench.unknown = 1;
  await bench.handsOver(5, 4);
  assert.match(bench.notices.join(), /lacks 1 requests .* admin recover/);
  assert.deepEqual(bench.inputs, [], "it waits before it begins anew");
  await bench.clock.advance(limits.handOverRetryMs);
  await settled();
  assert.deepEqual(bench.inputs, [{ kind: "handedOver", to: "n1", through: 5, done: false }]);
});

Deno.test("hand-over: a failure is told once, and the next try comes later each time", async () => {
  const bench = new Bench();
  bench.entries = [command(1)];
  bench.fails = new ChatError("NO_LEADER", "Nobody leads");
  for (const ms of [limits.handOverRetryMs, 2 * limits.handOverRetryMs]) {
    const before = bench.inputs.length;
    await bench.handsOver(1);
    await bench.clock.advance(ms - 1);
    assert.equal(bench.inputs.length, before);
    await bench.clock.advance(1);
    await settled();
    assert.equal(bench.inputs.length, before + 1);
  }
  assert.equal(bench.notices.length, 1);
});

Deno.test("hand-over: the winner proposes what it does not know yet, and says what it knows", async () => {
  const bench = new Bench();
  bench.settledAlready = ["b"];
  bench.unknown = 1;
  const nothing = { termStarts: [], lastIndex: 0, commands: [], requestIds: [] };
  const commands = ["a", "b", "c"].map((text) => encoder.encode(text));
  const answer = await bench.handOvers.take({ ...nothing, commands });
  assert.deepEqual([bench.events, answer], [["propose a", "propose c"], {
    commonIndex: 0,
    unknown: 0,
  }]);
  const termStarts = [{ term: TERM, index: 1 }];
  assert.equal(
    (await bench.handOvers.take({ ...nothing, termStarts, lastIndex: 9 })).commonIndex,
    8,
  );
  assert.equal((await bench.handOvers.take({ ...nothing, requestIds: ["r"] })).unknown, 1);
});

Deno.test("hand-over: what the winner could not commit is no success", async () => {
  const bench = new Bench();
  bench.failsToPropose = new ChatError("LEADERSHIP_LOST", "Another leads now");
  const ask = { termStarts: [], lastIndex: 0, requestIds: [], commands: [encoder.encode("a")] };
  await assert.rejects(bench.handOvers.take(ask), { reason: "LEADERSHIP_LOST" });
});
