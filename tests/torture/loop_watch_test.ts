/**
 * What is demanded within a time is demanded within that time; only a stall of the machine starts
 * it anew.
 *
 * @module
 */

import assert from "node:assert/strict";
import { until } from "../cluster/wait.ts";
import { LoopWatch } from "./loop_watch.ts";

async function withWatch(test: (watch: LoopWatch) => Promise<void>): Promise<void> {
  const watch = new LoopWatch();
  try {
    await test(watch);
  } finally {
    watch.stop();
  }
}

/** Stands still, as a process does that gets no CPU. */
function stall(ms: number): void {
  for (const since = performance.now(); performance.now() - since < ms;);
}

Deno.test("torture watch: a demand that is not met ends after its time", async () => {
  await withWatch(async (watch) => {
    const since = performance.now();
    assert.equal(await watch.within(200, () => false), false);
    assert.ok(performance.now() - since >= 200);
  });
});

Deno.test("torture watch: a demand that is met ends at once", async () => {
  await withWatch(async (watch) => {
    assert.equal(await watch.within(60_000, () => true), true);
  });
});

Deno.test("torture watch: a stall is measured, and starts the time of a demand anew", async () => {
  await withWatch(async (watch) => {
    let calls = 0;
    const partings: number[] = [];
    watch.onParting = (stallMs) => partings.push(stallMs);
    const metAfterStall = () => {
      calls += 1;
      if (calls === 2) stall(700);
      return calls === 4;
    };
    assert.equal(await watch.within(600, metAfterStall), true);
    assert.ok(watch.longestMs >= 600, `${watch.longestMs} ms`);
    assert.deepEqual(partings, [], "too short to part anybody");
    stall(1_200);
    await until(() => partings.length > 0, { what: "word of it", ms: 1_000 });
    assert.ok(partings[0]! >= 1_000, `${partings}`);
  });
});

Deno.test("torture watch: a machine that is never well does not wait for ever", async () => {
  await withWatch(async (watch) => {
    const since = performance.now();
    const never = () => {
      stall(650);
      return false;
    };
    assert.equal(await watch.within(550, never), false);
    assert.ok(performance.now() - since < 60_000);
  });
});
