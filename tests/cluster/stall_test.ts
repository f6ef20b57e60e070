/**
 * A leader that hangs for five seconds and then wakes: the others go on without it, it does not
 * lead or acknowledge with what it had, and it comes back into the cluster by itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { withCluster } from "./cluster.ts";
import { until } from "./wait.ts";

/** Longer than the failure timeout and the isolation grace together, ms. */
const STALL_MS = 5_000;
/** Those who still have a quorum wait for the failure timeout of 1 s, and then some, ms. */
const FAILOVER_MS_MAX = 5_000;
/** One of two goes on alone after the isolation grace of 3 s too, ms. */
const ALONE_MS_MAX = 9_000;

for (const nodes of [2, 3, 5]) {
  Deno.test(`cluster of ${nodes}: goes on while its leader hangs, and takes it back`, async () => {
    const pauseMsMax = nodes === 2 ? ALONE_MS_MAX : FAILOVER_MS_MAX;
    await withCluster({ nodes }, async (test) => {
      const leader = await test.leader();
      test.writers.takePauseMs();
      leader.process.kill("SIGSTOP");
      const stalled = performance.now();
      try {
        await test.writers.more(30, "while the leader hangs");
        assert.ok(test.writers.takePauseMs() < pauseMsMax, "writes went on soon");
      } finally {
        const passed = () => performance.now() - stalled >= STALL_MS;
        await until(passed, { what: "the end of the stall", ms: 2 * STALL_MS });
        leader.process.kill("SIGCONT");
      }
      await test.writers.more(30, "after it woke");
      await test.prove(nodes);
    });
  });
}
