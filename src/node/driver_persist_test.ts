/**
 * The order in which the log store is written, where no whole driver is needed to show it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EMPTY_BASE } from "../raft/log.ts";
import type { Base, PersistBatch } from "../raft/types.ts";
import { ManualClock, settle } from "./driver_test_ports.ts";
import { PersistPipeline } from "./driver_persist.ts";
import { NO_MEASURES } from "./measures.ts";
import type { LogStore } from "./ports.ts";

Deno.test("persist pipeline: an install overtakes a compaction that waits, which is void then", async () => {
  const { calls, pipeline, turns } = fixture();
  pipeline.compact({ ...EMPTY_BASE, index: 100 });
  const install = { base: { ...EMPTY_BASE, index: 200 }, termStarts: [] };
  pipeline.add({ number: 1, install, entries: [] });
  await turns();
  assert.deepEqual(calls, ["persist 1"]);
});

Deno.test("persist pipeline: writes go on during a compaction, and the next one waits for it", async () => {
  const { calls, log, pipeline, turns } = fixture();
  pipeline.compact({ ...EMPTY_BASE, index: 100 });
  await turns();
  pipeline.add({ number: 1, entries: [] });
  pipeline.compact({ ...EMPTY_BASE, index: 200 });
  await turns();
  assert.deepEqual(calls, ["compact 100", "persist 1"]);
  log.endCompaction();
  await turns();
  assert.deepEqual(calls.slice(2), ["compact 200"]);
});

/** A pipeline over a log that writes at once and compacts until it is told to end. */
function fixture() {
  const calls: string[] = [];
  const log = {
    endCompaction: () => {},
    persist(batches: readonly PersistBatch[]) {
      calls.push(...batches.map((batch) => `persist ${batch.number}`));
      return Promise.resolve();
    },
    compact(base: Base) {
      calls.push(`compact ${base.index}`);
      return new Promise<void>((resolve) => log.endCompaction = resolve);
    },
  };
  const clock = new ManualClock();
  const pipeline = new PersistPipeline({
    measures: NO_MEASURES,
    log: log as Partial<LogStore> as LogStore,
    clock,
    send: () => {},
    onPersisted: () => {},
    onFailed: (error) => assert.fail(String(error)),
  });
  const turns = async () => {
    await settle();
    await clock.turns();
  };
  return { calls, log, pipeline, turns };
}
