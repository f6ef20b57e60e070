/**
 * What every `LogStore` must do, as tests that any implementation can be put through: the one
 * over libSQL and the simulator's disk. Owns the meaning of the port; knows no implementation.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { LogStore } from "../../src/node/ports.ts";
import { EMPTY_BASE } from "../../src/raft/log.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type {
  Base,
  ConfigEntry,
  Entry,
  LogPosition,
  PersistBatch,
  TermStart,
} from "../../src/raft/types.ts";
import { buildEntries, commandBody, configBody, termOf } from "./log_entries.ts";

/** One store under test, over all its crashes. */
export interface LogStoreFixture {
  /** Opens it as a starting process would. */
  open(): Promise<LogStore>;
  /** The process ends without a word; only what was persisted is there at the next `open`. */
  crash(): Promise<void>;
  /** A snapshot's state is built and on disk up to this place: an install may follow. */
  finishState(applied: LogPosition): Promise<void>;
  /** One bit of what the entry at this index carries is another on the disk; no store is open. */
  flipBit(index: number): Promise<void>;
  /** Removes whatever the fixture made. */
  dispose(): Promise<void>;
}

type Body = (fixture: LogStoreFixture) => Promise<void>;

const everything = 1_000_000;
const manyBytes = 1 << 30;

/** Registers the tests, each with a fixture of its own. */
export function testLogStore(name: string, create: () => Promise<LogStoreFixture>): void {
  const test = (shows: string, body: Body) =>
    Deno.test(`${name}: ${shows}`, async () => {
      const fixture = await create();
      try {
        await body(fixture);
      } finally {
        await fixture.dispose();
      }
    });
  testLoading(test);
  testCutting(test);
  testReading(test);
  testHistory(test);
  testBases(test);
  testDamage(test);
}

type Register = (shows: string, body: Body) => void;

function batch(number: number, fields: Partial<PersistBatch>): PersistBatch {
  return { number, entries: [], ...fields };
}

async function reopened(fixture: LogStoreFixture): Promise<LogStore> {
  await fixture.crash();
  return await fixture.open();
}

function testLoading(test: Register): void {
  test("a new one holds the empty log", async (fixture) => {
    const store = await fixture.open();
    assert.deepEqual(await store.load(everything), {
      promised: ZERO_TERM,
      commitIndex: 0,
      base: EMPTY_BASE,
      termStarts: [],
      configs: [],
      entries: [],
    });
    await store.close();
  });

  test("what was persisted is there after a crash", async (fixture) => {
    const store = await fixture.open();
    const entries = [
      ...buildEntries(EMPTY_BASE, termOf(1), [configBody(["a"]), commandBody("x"), {
        kind: "noop",
      }]),
    ];
    await store.persist([batch(1, { promised: termOf(1), commitIndex: 2, entries })]);
    const stored = await (await reopened(fixture)).load(everything);
    assert.deepEqual(stored.entries, entries);
    assert.deepEqual(stored.promised, termOf(1));
    assert.equal(stored.commitIndex, 2);
    assert.deepEqual(stored.termStarts, [{ term: termOf(1), index: 1 }]);
    assert.deepEqual(stored.configs, [configAt(entries, 1)]);
  });

  test("loads only the newest entries, but every config above the base", async (fixture) => {
    const store = await fixture.open();
    const entries = buildEntries(EMPTY_BASE, termOf(1), [
      configBody(["a"]),
      configBody(["a", "b"]),
      ...Array.from({ length: 600 }, (_, number) => commandBody(`c${number}`)),
    ]);
    await store.persist([batch(1, { entries })]);
    const stored = await (await reopened(fixture)).load(10);
    assert.deepEqual(stored.entries, entries.slice(-10));
    assert.deepEqual(stored.configs, [configAt(entries, 1), configAt(entries, 2)]);
  });

  test("several batches at once are the same as one after another", async (fixture) => {
    const store = await fixture.open();
    const first = buildEntries(EMPTY_BASE, termOf(1), ["a", "b", "c"].map(commandBody));
    const second = buildEntries(first[0]!, termOf(2), ["d", "e"].map(commandBody));
    const third = buildEntries(second[1]!, termOf(3), ["f"].map(commandBody));
    await store.persist([
      batch(1, { promised: termOf(1), entries: first.slice(0, 2) }),
      batch(2, { commitIndex: 1, entries: first.slice(2) }),
      batch(3, { promised: termOf(2), truncateFrom: 2, entries: second }),
      batch(4, { entries: third }),
    ]);
    const stored = await (await reopened(fixture)).load(everything);
    assert.deepEqual(stored.entries, [first[0], ...second, ...third]);
    assert.deepEqual(stored.promised, termOf(2));
    assert.equal(stored.commitIndex, 1);
    assert.deepEqual(stored.termStarts, [
      { term: termOf(1), index: 1 },
      { term: termOf(2), index: 2 },
      { term: termOf(3), index: 4 },
    ]);
  });
}

function testCutting(test: Register): void {
  test("a cut removes entries, configs and term starts from there on", async (fixture) => {
    const store = await fixture.open();
    const first = buildEntries(EMPTY_BASE, termOf(1), [configBody(["a"]), commandBody("x")]);
    const cut = buildEntries(first[1]!, termOf(2), [configBody(["a", "b"]), commandBody("y")]);
    await store.persist([batch(1, { entries: [...first, ...cut] })]);
    await store.persist([batch(2, { truncateFrom: 3 })]);
    assert.deepEqual(await store.read(1, 9, manyBytes), first);
    const stored = await (await reopened(fixture)).load(everything);
    assert.deepEqual(stored.entries, first);
    assert.deepEqual(stored.configs, [configAt(first, 1)]);
    assert.deepEqual(stored.termStarts, [{ term: termOf(1), index: 1 }]);
  });

  test("a term that a cut removed can start again", async (fixture) => {
    const store = await fixture.open();
    const first = buildEntries(EMPTY_BASE, termOf(1), ["a"].map(commandBody));
    const cut = buildEntries(first[0]!, termOf(2), ["b", "c"].map(commandBody));
    await store.persist([batch(1, { entries: [...first, ...cut] })]);
    const more = buildEntries(first[0]!, termOf(1), ["d"].map(commandBody));
    const last = buildEntries(more[0]!, termOf(2), ["e"].map(commandBody));
    await store.persist([batch(2, { truncateFrom: 2, entries: more })]);
    await store.persist([batch(3, { entries: last })]);
    assert.deepEqual(await store.read(1, 9, manyBytes), [...first, ...more, ...last]);
    const stored = await (await reopened(fixture)).load(everything);
    assert.deepEqual(stored.entries, [...first, ...more, ...last]);
    assert.deepEqual(stored.termStarts, [
      { term: termOf(1), index: 1 },
      { term: termOf(2), index: 3 },
    ]);
  });

  test("a cut beyond the end changes nothing", async (fixture) => {
    const store = await fixture.open();
    const entries = buildEntries(EMPTY_BASE, termOf(1), [commandBody("x")]);
    await store.persist([batch(1, { entries })]);
    await store.persist([batch(2, { truncateFrom: 2 })]);
    assert.deepEqual((await (await reopened(fixture)).load(everything)).entries, entries);
  });
}

function testReading(test: Register): void {
  test("reads a range, up to the end of the log", async (fixture) => {
    const store = await fixture.open();
    const entries = buildEntries(EMPTY_BASE, termOf(1), ["a", "b", "c", "d"].map(commandBody));
    await store.persist([batch(1, { entries })]);
    assert.deepEqual(await store.read(2, 3, manyBytes), entries.slice(1, 3));
    assert.deepEqual(await store.read(3, 100, manyBytes), entries.slice(2));
    assert.deepEqual(await store.read(5, 100, manyBytes), []);
    await store.close();
  });

  test("a bound in bytes gives fewer entries, but always one", async (fixture) => {
    const store = await fixture.open();
    const body = "z".repeat(1_000);
    const entries = buildEntries(EMPTY_BASE, termOf(1), new Array(9).fill(commandBody(body)));
    await store.persist([batch(1, { entries })]);
    const some = await store.read(1, 9, 3_500);
    assert.ok(some.length >= 1 && some.length <= 4, `${some.length} entries`);
    assert.deepEqual(some, entries.slice(0, some.length));
    assert.deepEqual(await store.read(4, 9, 1), [entries[3]]);
    await store.close();
  });
}

function testHistory(test: Register): void {
  test("the history of a place has its newest config and its terms, cuts aside", async (fixture) => {
    const store = await fixture.open();
    const first = buildEntries(EMPTY_BASE, termOf(1), [configBody(["a"]), commandBody("c2")]);
    const second = buildEntries(first[1]!, termOf(2), [configBody(["a", "b"])]);
    const third = buildEntries(first[1]!, termOf(3), [commandBody("c3"), configBody(["c"])]);
    await store.persist([batch(1, { entries: [...first, ...second] })]);
    await store.persist([batch(2, { truncateFrom: 3, entries: third })]);
    const starts = [{ term: termOf(1), index: 1 }, { term: termOf(3), index: 3 }];
    const config = configAt(first, 1);
    const untold = { config, next: null, termStarts: starts.slice(0, 1) };
    assert.deepEqual(await store.history(2), untold);
    await store.persist([batch(3, { commitIndex: 4 })]);
    const next = configAt(third, 4);
    assert.deepEqual(await store.history(2), { ...untold, next });
    assert.deepEqual(await store.history(3), { config, next, termStarts: starts });
    assert.deepEqual((await store.history(4)).config, configAt(third, 4));
    await store.compact({ ...placeAt(first, 2), config });
    assert.deepEqual(await store.history(3), { config, next, termStarts: starts });
    assert.equal((await store.history(4)).next, null);
  });
}

function testBases(test: Register): void {
  test("compaction forgets what is below the base, but no term start", async (fixture) => {
    const store = await fixture.open();
    const first = buildEntries(EMPTY_BASE, termOf(1), [
      configBody(["a"]),
      ...Array.from({ length: 1_500 }, (_, number) => commandBody(`c${number}`)),
    ]);
    const second = buildEntries(first.at(-1)!, termOf(2), [configBody(["a", "b"])]);
    await store.persist([batch(1, { commitIndex: 1_400, entries: [...first, ...second] })]);
    const base = { ...placeAt(first, 1_400), config: configAt(first, 1) };
    await store.compact(base);
    assert.deepEqual(await store.read(1_400, 1_500, manyBytes), [], "the base is compacted");
    assert.deepEqual(await store.read(1_401, 1_401, manyBytes), [first[1_400]]);
    const stored = await (await reopened(fixture)).load(everything);
    assert.deepEqual(stored.base, base);
    assert.deepEqual(stored.entries, [...first.slice(1_400), ...second]);
    assert.deepEqual(stored.configs, [configAt(second, 1_502)]);
    assert.deepEqual(stored.termStarts, [
      { term: termOf(1), index: 1 },
      { term: termOf(2), index: 1_502 },
    ]);
  });

  test("the whole log can be compacted, and goes on from its base", async (fixture) => {
    const store = await fixture.open();
    const entries = buildEntries(EMPTY_BASE, termOf(1), ["a", "b"].map(commandBody));
    await store.persist([batch(1, { entries })]);
    await store.compact({ ...placeAt(entries, 2), config: null });
    const more = buildEntries(entries[1]!, termOf(1), ["c"].map(commandBody));
    await store.persist([batch(2, { entries: more })]);
    const stored = await (await reopened(fixture)).load(everything);
    assert.deepEqual(stored.entries, more);
    assert.deepEqual(stored.termStarts, [{ term: termOf(1), index: 1 }]);
  });

  test("an install replaces base, entries, configs and term starts", async (fixture) => {
    const store = await fixture.open();
    const old = buildEntries(EMPTY_BASE, termOf(1), [configBody(["a"]), commandBody("old")]);
    await store.persist([batch(1, { entries: old })]);
    const base = await install(fixture, store, 2);
    const more = buildEntries(base, termOf(3), [commandBody("staged")]);
    await store.persist([batch(3, { commitIndex: 100, entries: more })]);
    assert.deepEqual(await store.read(1, 101, manyBytes), []);
    const stored = await (await reopened(fixture)).load(everything);
    assert.deepEqual(stored.base, base);
    assert.deepEqual(stored.entries, more);
    assert.deepEqual(stored.configs, []);
    assert.equal(stored.commitIndex, 100);
    assert.deepEqual(stored.termStarts, [...installedStarts, { term: termOf(3), index: 101 }]);
  });
}

function testDamage(test: Register): void {
  test("a flipped bit is noticed by whatever reads it, and named", async (fixture) => {
    const store = await fixture.open();
    const bodies = ["a", "b", "c"].map(commandBody);
    const entries = buildEntries(EMPTY_BASE, termOf(1), [configBody(["a"]), ...bodies]);
    await store.persist([batch(1, { commitIndex: 4, entries })]);
    await fixture.crash();
    await fixture.flipBit(3);
    const again = await fixture.open();
    const noticed = { reason: "CORRUPT", message: /bad checksum of the entry at index 3/ };
    await assert.rejects(again.load(everything), noticed);
    await assert.rejects(again.load(0), noticed, "also where it is not asked for");
    await assert.rejects(again.read(1, 4, manyBytes), noticed);
    await assert.rejects(again.read(3, 3, 1), noticed);
    assert.deepEqual(await again.read(1, 2, manyBytes), entries.slice(0, 2), "the rest is whole");
    assert.deepEqual((await again.history(4)).config, configAt(entries, 1));
  });

  test("a flipped bit of a config is noticed by the history", async (fixture) => {
    const store = await fixture.open();
    const bodies = [configBody(["a"]), commandBody("x"), configBody(["b"])];
    await store.persist([batch(1, { entries: buildEntries(EMPTY_BASE, termOf(1), bodies) })]);
    await fixture.crash();
    await fixture.flipBit(3);
    const again = await fixture.open();
    const noticed = { reason: "CORRUPT", message: /bad checksum of the entry at index 3/ };
    await assert.rejects(again.history(3), noticed);
  });
}

const installedStarts: readonly TermStart[] = [{ term: termOf(2), index: 1 }];

async function install(
  fixture: LogStoreFixture,
  store: LogStore,
  number: number,
): Promise<Base> {
  const config = { index: 7, term: termOf(2), config: configBody(["b"]).config };
  const base = { index: 100, term: termOf(2), checksum: "b".repeat(32), config };
  await fixture.finishState(base);
  await store.persist([batch(number, { install: { base, termStarts: installedStarts } })]);
  return base;
}

function placeAt(entries: readonly Entry[], index: number): LogPosition {
  const { term, checksum } = entries.find((entry) => entry.index === index)!;
  return { index, term, checksum };
}

function configAt(entries: readonly Entry[], index: number): ConfigEntry {
  const entry = entries.find((candidate) => candidate.index === index);
  assert.ok(entry?.kind === "config");
  return { index, term: entry.term, config: entry.config };
}
