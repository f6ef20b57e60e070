/**
 * Real processes fall and rise while clients write: in clusters of 2, 3 and 5 nodes, whatever
 * was acknowledged is on every node at the end, once, in one order.
 *
 * @module
 */

import assert from "node:assert/strict";
import { withCluster } from "./cluster.ts";

/** A crash must not stop writes for longer, ms: detection, election, one round of the config. */
const FAILOVER_MS_MAX = 5_000;

for (const nodes of [2, 3, 5]) {
  Deno.test(`cluster of ${nodes}: goes on without its leader, and takes it back`, async () => {
    await withCluster({ nodes }, async (test) => {
      const leader = await test.leader();
      test.writers.takePauseMs();
      await test.kill(leader);
      await test.writers.more(30, "after the leader was killed");
      assert.ok(test.writers.takePauseMs() < FAILOVER_MS_MAX, "writes went on soon");
      await test.restart(leader);
      await test.writers.more(10, "after it came back with its old data");
      await test.prove(nodes);
    });
  });

  Deno.test(`cluster of ${nodes}: goes on without a follower, and takes it back`, async () => {
    await withCluster({ nodes }, async (test) => {
      const follower = await test.follower();
      test.writers.takePauseMs();
      await test.kill(follower);
      await test.writers.more(30, "after a follower was killed");
      assert.ok(test.writers.takePauseMs() < FAILOVER_MS_MAX, "writes went on soon");
      await test.restart(follower);
      await test.writers.more(10, "after it came back with its old data");
      await test.prove(nodes);
    });
  });

  Deno.test(`cluster of ${nodes}: all but one are killed at once, and one goes on`, async () => {
    await withCluster({ nodes }, async (test) => {
      const survivor = await test.follower();
      const others = test.cluster.nodes.filter((node) => node !== survivor);
      await test.kill(...others);
      await test.writers.more(30, "on the last node");
      await test.restart(...others);
      await test.writers.more(10, "with all of them back");
      await test.prove(nodes);
    });
  });

  Deno.test(`cluster of ${nodes}: all are killed at once, come back, and go on`, async () => {
    await withCluster({ nodes }, async (test) => {
      const all = test.cluster.nodes;
      await test.kill(...all);
      await test.restart(...all);
      await test.writers.more(30, "after all came back");
      await test.prove(nodes);
    });
  });
}
