/**
 * Both ends of a snapshot's way, over streams that break.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HandClock, settled } from "../support/hand_clock.ts";
import { ChatError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { FetchedSnapshot, SnapshotAsk, SnapshotPart } from "../../src/rpc/peer_api.ts";
import { createLogger } from "../../src/node/logger.ts";
import type { LogHistory, SnapshotSource } from "../../src/node/ports.ts";
import { type FetchOptions, fetchResuming } from "../../src/node/snapshot_fetch.ts";
import { SnapshotServer } from "../../src/node/snapshot_server.ts";
import { toStorageError } from "../../src/storage/storage_error.ts";

const term = { epoch: 0, number: 1, nodeId: "a" };
const applied = { index: 50, term, checksum: "checksum 50" };
const policy = {
  quorum: "all",
  lastResort: true,
  heartbeatMs: 100,
  failureTimeoutMs: 1_000,
  isolationGraceMs: 3_000,
} as const;

function configAt(index: number, c0Index = 0) {
  const config = {
    policy,
    voters: [],
    learners: [],
    tombstones: [],
    mark: null,
    c0Index,
    leavers: [],
  };
  return { index, term, config };
}

/** The log of a member at the snapshot's place. */
const history: LogHistory = {
  config: configAt(40, 1),
  next: configAt(58, 40),
  termStarts: [{ term, index: 1 }],
};

/** A member that serves snapshots of so many chunks, and one that fetches from it. */
class Bench {
  readonly clock = new HandClock();
  readonly lines: string[] = [];
  readonly server: SnapshotServer;
  /** What its disk says when the snapshot is opened, or after the first chunk. */
  failsToOpen: Error | null = null;
  failsToRead: Error | null = null;
  /** Whether its disk gives no answer. */
  hangs = false;
  opened = 0;
  closed = 0;
  /** Breaks the stream after so many parts, once each. */
  readonly breaks: number[] = [];
  readonly asks: SnapshotAsk[] = [];
  readonly #chunks: number;
  readonly #logger = createLogger({
    level: "info",
    format: "json",
    write: (line) => void this.lines.push(line),
  });

  constructor(chunks: number, log = history) {
    this.#chunks = chunks;
    this.server = new SnapshotServer({
      log: { history: () => Promise.resolve(log) },
      state: {
        openSnapshot: () =>
          this.failsToOpen ? Promise.reject(this.failsToOpen) : Promise.resolve(this.#source()),
      },
      rowsIn: (chunk) => chunk.length,
      clock: this.clock,
      logger: this.#logger,
    });
  }

  #source(): SnapshotSource {
    this.opened += 1;
    let next = 0;
    return {
      applied,
      rowsTotal: 10 * this.#chunks,
      next: async () => {
        await settled();
        if (this.hangs) await new Promise(() => {});
        if (this.failsToRead && next > 0) throw this.failsToRead;
        return next < this.#chunks ? new Uint8Array(10).fill(next++) : null;
      },
      digest: () => "the digest",
      close: () => Promise.resolve(void (this.closed += 1)),
    };
  }

  ask(index = 0, firstChunk = 0, nodeId = "b"): SnapshotAsk {
    return { clusterId: "cluster-1", nodeId, index, firstChunk };
  }

  /** Reads so many parts, then goes away. */
  async read(ask: SnapshotAsk, partsMax = Infinity): Promise<SnapshotPart[]> {
    const parts: SnapshotPart[] = [];
    for await (const part of this.server.serve(ask, new AbortController().signal)) {
      parts.push(part);
      if (parts.length >= partsMax) break;
    }
    return parts;
  }

  fetch(signal = new AbortController().signal) {
    const client: FetchOptions["client"] = {
      fetchSnapshot: (ask) => this.#connect(ask),
    };
    const { clock } = this;
    const from = "a";
    return fetchResuming({
      client,
      from,
      nodeId: "b",
      clusterId: "cluster-1",
      rowsIn: (chunk) => chunk.length,
      clock,
      logger: this.#logger,
      signal,
    });
  }

  /** What `src/rpc` makes of the parts, over a connection that may break. */
  async #connect(ask: SnapshotAsk): Promise<FetchedSnapshot> {
    this.asks.push(ask);
    const breakAfter = this.breaks.shift() ?? Infinity;
    const parts = this.server.serve(ask, new AbortController().signal);
    const first = (await parts.next()).value;
    assert.ok(first?.kind === "header");
    let digest = "";
    async function* chunks() {
      let taken = 0;
      try {
        for await (const part of parts) {
          if (taken++ >= breakAfter) throw new ChatError("NO_ANSWER", "The connection broke");
          if (part.kind === "end") digest = part.digest;
          else if (part.kind === "chunk") yield part.data;
        }
      } finally {
        await parts.return(undefined);
      }
    }
    return { ...first, chunks: chunks(), digest: () => digest };
  }
}

/** Moves the clock on until the promise has an answer. */
async function inTime<T>(clock: HandClock, promise: Promise<T>): Promise<T> {
  let over = false;
  promise.catch(() => undefined).finally(() => over = true);
  while (!over) await clock.advance(limits.snapshotResumeMs);
  return promise;
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<number[]> {
  const firsts: number[] = [];
  for await (const chunk of chunks) firsts.push(chunk[0]!);
  return firsts;
}

Deno.test("snapshot server: a header with what the log says of the place, chunks, an end", async () => {
  const bench = new Bench(3);
  const [header, ...rest] = await bench.read(bench.ask());
  assert.ok(header?.kind === "header");
  assert.deepEqual(header.base, { ...applied, config: configAt(40, 1) });
  assert.deepEqual(header.termStarts, [{ term, index: 1 }]);
  assert.equal(header.rowsTotal, 30);
  assert.deepEqual(rest.map((part) => part.kind), ["chunk", "chunk", "chunk", "end"]);
  assert.deepEqual(rest.at(-1), { kind: "end", chunks: 3, digest: "the digest" });
  assert.deepEqual([bench.opened, bench.closed, bench.clock.timers], [1, 1, 0]);
});

Deno.test("snapshot server: a broken fetch goes on in the same snapshot, also some chunks back", async () => {
  const bench = new Bench(6);
  await bench.read(bench.ask(), 4);
  const parts = await bench.read(bench.ask(50, 1));
  const numbers = parts.flatMap((part) => part.kind === "chunk" ? [part.number] : []);
  assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
  assert.equal(bench.opened, 1);
});

Deno.test("snapshot server: what is not open here any more must be fetched anew", async () => {
  const bench = new Bench(limits.snapshotChunksKept + 4);
  const outdated = { reason: "NOT_UP_TO_DATE" };
  await assert.rejects(bench.read(bench.ask(50, 1)), outdated);
  await bench.read(bench.ask(), limits.snapshotChunksKept + 3);
  await assert.rejects(bench.read(bench.ask(50, 1)), outdated, "a chunk that is not kept");
  await assert.rejects(bench.read(bench.ask(49, 3)), outdated, "another index");
  await assert.rejects(bench.read(bench.ask(50, 3, "c")), outdated, "another member");
  await bench.clock.advance(limits.snapshotIdleMsMax);
  await assert.rejects(bench.read(bench.ask(50, 10)), outdated, "nobody read for long");
  assert.equal(bench.closed, 1);
});

Deno.test("snapshot server: a new fetch of a member takes the place of its old one", async () => {
  const bench = new Bench(3);
  await bench.read(bench.ask(), 2);
  await bench.read(bench.ask());
  assert.deepEqual([bench.opened, bench.closed], [2, 2]);
});

Deno.test("snapshot server: serves so many members at once, and the rest later", async () => {
  const bench = new Bench(3);
  for (let i = 0; i < limits.snapshotsServedMax; i++) await bench.read(bench.ask(0, 0, `${i}`), 2);
  await assert.rejects(bench.read(bench.ask(0, 0, "one more")), { reason: "OVERLOADED" });
  await bench.clock.advance(limits.snapshotIdleMsMax);
  await bench.read(bench.ask(0, 0, "one more"));
  await bench.server.close();
  assert.equal(bench.opened, bench.closed);
  await assert.rejects(bench.read(bench.ask()), { reason: "SHUTTING_DOWN" });
});

Deno.test("snapshot server: who has stopped reading gives its place to the next, who reads does not", async () => {
  const bench = new Bench(8);
  const { signal } = new AbortController();
  const readers = ["x", "y"].map((nodeId) => bench.server.serve(bench.ask(0, 0, nodeId), signal));
  assert.equal(readers.length, limits.snapshotsServedMax);
  const [silent, slow] = readers;
  for (const reader of readers) await reader.next();
  await silent!.next();
  // One that reads slowly is no longer quiet than this at a time.
  for (let parts = 0; parts < 3; parts++) {
    await bench.clock.advance(limits.snapshotStalledMsMin / 3 - 1);
    await slow!.next();
    await assert.rejects(bench.read(bench.ask(0, 0, "z")), { reason: "OVERLOADED" });
  }
  await bench.clock.advance(limits.snapshotStalledMsMin / 3 + 10);
  assert.equal((await bench.read(bench.ask(0, 0, "z"))).length, 10);
  assert.ok(bench.lines.some((line) => line.includes("x stopped reading its snapshot")));
  assert.equal((await slow!.next()).value?.kind, "chunk", "the slow one goes on");
  await assert.rejects(silent!.next(), { reason: "NOT_UP_TO_DATE" });
  assert.equal(bench.closed, 2);
  await bench.server.close();
});

Deno.test("snapshot server: who waits for the disk keeps its place", async () => {
  const bench = new Bench(3);
  const { signal } = new AbortController();
  for (const nodeId of ["x", "y"]) {
    const parts = bench.server.serve(bench.ask(0, 0, nodeId), signal);
    await parts.next();
    bench.hangs = true;
    parts.next().catch(() => undefined);
    await settled();
  }
  await bench.clock.advance(limits.snapshotStalledMsMin);
  await assert.rejects(bench.read(bench.ask(0, 0, "z")), { reason: "OVERLOADED" });
});

Deno.test("snapshot server: a stream that was taken over ends, the other gets every chunk", async () => {
  const bench = new Bench(5);
  const { signal } = new AbortController();
  const slow = bench.server.serve(bench.ask(), signal);
  await slow.next();
  const pending = slow.next();
  const parts = bench.read(bench.ask(50, 0));
  await assert.rejects(Promise.all([pending, slow.next()]), { reason: "NOT_UP_TO_DATE" });
  const numbers = (await parts).flatMap((part) => part.kind === "chunk" ? [part.number] : []);
  assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
});

Deno.test("snapshot server: a snapshot older than the log's base is not given out", async () => {
  const bench = new Bench(1, { ...history, config: configAt(58) });
  await assert.rejects(bench.read(bench.ask()), { reason: "NOT_UP_TO_DATE" });
  assert.equal(bench.closed, 1);
});

Deno.test("snapshot server: a snapshot by a config that was never in force is not given out", async () => {
  const bench = new Bench(1, { ...history, next: configAt(58, 1) });
  await assert.rejects(bench.read(bench.ask()), { reason: "NOT_UP_TO_DATE" });
  const pending = new Bench(1, { ...history, next: null });
  assert.equal((await pending.read(pending.ask())).length, 3);
});

Deno.test("snapshot server: gives out no state with the terms of another history", async () => {
  // As after a switch to another side of a fork, between the reading of the rows and of the log.
  const [start] = history.termStarts;
  const other = { index: 40, term: { ...start!.term, number: start!.term.number + 1 } };
  const bench = new Bench(1, { ...history, termStarts: [start!, other] });
  await assert.rejects(bench.read(bench.ask()), { reason: "NOT_UP_TO_DATE" });
  assert.equal(bench.closed, 1);
});

Deno.test("snapshot server: a disk that cannot be read is told once here, and to who asked", async () => {
  const bench = new Bench(3);
  const eio = toStorageError(
    Object.assign(new Error("disk I/O error"), { code: "EIO" }),
    "chat-1.db",
  );
  const text = /^Cannot use chat-1\.db: the disk failed \(disk I\/O error\); check the disk/;
  const warnings = () =>
    bench.lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn")
      .map(({ message }) => message);
  for (let tries = 0; tries < 3; tries++) {
    bench.failsToOpen = eio;
    await assert.rejects(bench.read(bench.ask()), { message: text });
    bench.failsToOpen = null;
    bench.failsToRead = eio;
    await assert.rejects(bench.read(bench.ask()), { message: text });
  }
  assert.deepEqual(warnings(), [`Cannot give b a snapshot: ${eio.message}`]);
  bench.failsToRead = null;
  assert.equal((await bench.read(bench.ask())).length, 5);
  bench.failsToOpen = eio;
  await assert.rejects(bench.read(bench.ask()), { message: text });
  assert.equal(warnings().length, 2, "a new failure");
  // That the snapshot is not open any more is no failure of this node.
  await assert.rejects(bench.read(bench.ask(49)), { reason: "NOT_UP_TO_DATE" });
  assert.equal(warnings().length, 2);
});

Deno.test("snapshot fetch: goes on where a stream broke, and both ends log how far they are", async () => {
  const bench = new Bench(6);
  bench.breaks.push(2, 0, 3);
  const fetch = await bench.fetch();
  assert.throws(() => fetch.digest());
  const firsts = await inTime(bench.clock, bytesOf(fetch.chunks));
  assert.deepEqual(firsts, [0, 1, 2, 3, 4, 5]);
  assert.equal(fetch.digest(), "the digest");
  assert.deepEqual(bench.asks.map((ask) => [ask.index, ask.firstChunk]), [
    [0, 0],
    [50, 2],
    [50, 2],
    [50, 5],
  ]);
  const lines = bench.lines.map((line) => JSON.parse(line));
  for (const verb of ["sending", "receiving"]) {
    const last = lines.findLast((line) => line.message.includes(verb));
    assert.deepEqual([last.bytes, last.percent, last.index], [60, 100, 50], verb);
    assert.ok(last.bytesPerSecond > 0);
  }
});

Deno.test("snapshot fetch: gives up on a member that has it no more, or breaks all the time", async () => {
  const gone = new Bench(6);
  gone.breaks.push(2);
  const fetch = await gone.fetch();
  await gone.clock.advance(0);
  const reading = bytesOf(fetch.chunks);
  reading.catch(() => undefined);
  await settled();
  while (gone.asks.length < 1) await settled();
  await gone.server.close();
  await assert.rejects(inTime(gone.clock, reading), { reason: "NOT_UP_TO_DATE" });

  const broken = new Bench(6);
  broken.breaks.push(...new Array(limits.snapshotResumesMax + 2).fill(0));
  const second = await broken.fetch();
  await assert.rejects(inTime(broken.clock, bytesOf(second.chunks)), { reason: "NO_ANSWER" });
  assert.equal(broken.asks.length, limits.snapshotResumesMax + 1);
});
