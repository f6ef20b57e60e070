/**
 * The order in which the log store is written, where no whole driver is needed to show it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EMPTY_BASE } from "../raft/log.ts";
import type { Base, PersistBatch } from "../raft/types.ts";
import { PersistPipeline } from "./driver_persist.ts";
import type { Clock, LogStore } from "./ports.ts";

Deno.test("persist pipeline: an install overtakes a compaction that waits, which is void then", async () => {
  const calls: string[] = [];
  const log: Pick<LogStore, "persist" | "compact"> = {
    persist(batches: readonly PersistBatch[]) {
      calls.push(...batches.map((batch) => `persist ${batch.number}`));
      return Promise.resolve();
    },
    compact(base: Base) {
      calls.push(`compact ${base.index}`);
      return Promise.resolve();
    },
  };
  const deferred: (() => void)[] = [];
  const clock: Pick<Clock, "defer"> = { defer: (act) => void deferred.push(act) };
  const done = Promise.withResolvers<void>();
  const pipeline = new PersistPipeline({
    log: log as LogStore,
    clock: clock as Clock,
    send: () => {},
    onPersisted: () => done.resolve(),
    onFailed: (error) => done.reject(error),
  });
  pipeline.compact({ ...EMPTY_BASE, index: 100 });
  const install = { base: { ...EMPTY_BASE, index: 200 }, termStarts: [] };
  pipeline.add({ number: 1, install, entries: [] });
  for (const act of deferred) act();
  await done.promise;
  await Promise.resolve();
  assert.deepEqual(calls, ["persist 1"]);
});
