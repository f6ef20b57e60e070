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
import { lastCommonIndex } from "../../src/raft/log.ts";
import type { Entry, TermStart } from "../../src/raft/types.ts";
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
  onAsk = () => {};
  readonly inputs: Input[] = [];
  entries: readonly Entry[] = [];
  /** Request ids in the state, by index. */
  requests: readonly string[] = [];
  commonIndex = 0;
  /** Of the next hand-over. */
  number = 1;
  /** The leader's log, if what is in common is to be found by it. */
  leaderLog: { readonly starts: readonly TermStart[]; readonly last: number } | null = null;
  readonly asked: Asked[] = [];
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
        return Promise.resolve(this.requests.slice(0, to - from + 1));
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
    this.asked.push(ask);
    this.onAsk();
    const commands = ask.commands.map((data) => decoder.decode(data)).join();
    const told = [
      ...(ask.termStarts.length > 0 ? [`common with end ${ask.lastIndex}`] : []),
      ...(commands === "" ? [] : [commands]),
      ...(ask.requestIds.length > 0 ? [`known ${ask.requestIds.length}`] : []),
    ];
    this.events.push(`ask ${to}: ${told.join()}`);
    const commonIndex = this.leaderLog === null
      ? this.commonIndex
      : lastCommonIndex(this.leaderLog, { starts: ask.termStarts, last: ask.lastIndex });
    return Promise.resolve({ commonIndex, unknown: this.unknown });
  }

  async handsOver(
    through: number,
    baseIndex = 0,
    termStarts: readonly TermStart[] = [{ term: TERM, index: 1 }],
    to = "n1",
  ): Promise<void> {
    const effect: Effect & { readonly kind: "handOver" } = {
      kind: "handOver",
      number: this.number++,
      to,
      through,
      baseIndex,
      termStarts,
    };
    this.handOvers.follow(effect);
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
  assert.deepEqual(bench.inputs, [{ kind: "handedOver", number: 1, done: true }]);
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

Deno.test("hand-over: however much is below its log, it looks at so much at a time", async () => {
  const bench = new Bench();
  const most = limits.handOverRequestsMax;
  bench.requests = Array.from({ length: 2 * most + 1 }, (_, at) => `r${at}`);
  await bench.handsOver(2 * most + 1, 2 * most + 1);
  assert.deepEqual(bench.events.slice(2), [
    `requests 1 to ${most}`,
    `ask n1: known ${most}`,
    `requests ${most + 1} to ${2 * most}`,
    `ask n1: known ${most}`,
    `requests ${2 * most + 1} to ${2 * most + 1}`,
    "ask n1: known 1",
  ]);
});

/** A log with one entry of each term, after `fork` of another leader's. */
function logOf(
  nodeId: string,
  { length, fork }: { readonly length: number; readonly fork: number },
) {
  const starts = Array.from({ length }, (_, at): TermStart => {
    const index = at + 1;
    return { term: { epoch: 0, number: index, nodeId: index > fork ? nodeId : "n0" }, index };
  });
  return { starts, last: length };
}

Deno.test("hand-over: with any number of terms it asks with so many, and finds the same", async () => {
  const most = limits.handOverTermsMax;
  const length = 2 * most + 10;
  // In the newest terms, at and beside the edges of what is asked at once, at the end, nowhere.
  for (const fork of [length - 1, most + 11, most + 10, most + 9, 11, 10, 9, 1, 0]) {
    const bench = new Bench();
    const own = logOf("n3", { length, fork });
    bench.leaderLog = logOf("n1", { length: length + 3, fork });
    await bench.handsOver(length, 0, own.starts);
    const questions = bench.asked.filter(({ termStarts }) => termStarts.length > 0);
    assert.ok(questions.every(({ termStarts }) => termStarts.length <= most));
    assert.equal(questions.length, fork > most + 10 ? 1 : fork > 10 ? 2 : 3, `fork at ${fork}`);
    const last = questions.at(-1);
    assert.ok(last !== undefined);
    const theirs = { starts: last.termStarts, last: last.lastIndex };
    assert.equal(lastCommonIndex(bench.leaderLog, theirs), fork);
  }
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
  assert.deepEqual(bench.inputs, [{ kind: "handedOver", number: 1, done: false }]);
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

Deno.test("hand-over: what is left of one that was given up counts no more", async () => {
  const bench = new Bench();
  bench.entries = [command(1)];
  bench.fails = new ChatError("NO_LEADER", "Nobody leads");
  await bench.handsOver(1);
  bench.fails = null;
  await bench.handsOver(1);
  await bench.clock.advance(limits.handOverRetryMsMax);
  await settled();
  assert.deepEqual(bench.inputs, [{ kind: "handedOver", number: 2, done: true }]);
});

Deno.test("hand-over: once it is given up nothing more goes over, and it is not answered", async () => {
  const bench = new Bench();
  const count = 3 * limits.handOverCommandsMax;
  bench.entries = Array.from({ length: count }, (_, at) => command(at + 1));
  bench.onAsk = () => {
    if (bench.asked.length === 2) bench.handOvers.follow({ kind: "handOverEnded", number: 1 });
  };
  await bench.handsOver(count);
  assert.equal(bench.asked.length, 2, "one about the common index, and one part");
  assert.deepEqual(bench.inputs, []);
});

Deno.test("hand-over: a failure with another leader is told and waits as the first one", async () => {
  const bench = new Bench();
  bench.entries = [command(1)];
  bench.fails = new ChatError("NO_ANSWER", "it is silent");
  for (const [to, waitMs] of [["n1", 1], ["n1", 2], ["n2", 1]] as const) {
    await bench.handsOver(1, 0, undefined, to);
    const before = bench.inputs.length;
    await bench.clock.advance(waitMs * limits.handOverRetryMs - 1);
    assert.equal(bench.inputs.length, before);
    await bench.clock.advance(1);
    assert.equal(bench.inputs.length, before + 1);
  }
  assert.equal(bench.notices.length, 2);
});
