/**
 * A node that was down while the others went on has old data: alone it must not serve, however
 * long it waits, since messages were acknowledged without it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { withCluster } from "./cluster.ts";
import { until } from "./wait.ts";

/** Longer than the failure timeout and the isolation grace together, and an election, ms. */
const WAIT_MS = 6_000;

Deno.test("cluster of 3: a node that missed the last view does not go on alone", async () => {
  await withCluster({ nodes: 3 }, async (test) => {
    const late = await test.follower();
    await test.kill(late);
    await test.writers.more(30, "without the node that will be late");
    const others = test.cluster.live;
    await test.kill(...others);
    const acknowledged = test.writers.acknowledged;
    let isReady = false;
    const started = performance.now();
    const starting = test.cluster.start(late.id).then(() => isReady = true);
    const waited = () => isReady || performance.now() - started > WAIT_MS;
    await until(waited, { what: "a node with old data to stay quiet", ms: 2 * WAIT_MS });
    assert.equal(isReady, false, "it does not serve");
    assert.equal(test.writers.acknowledged, acknowledged, "nothing is acknowledged");
    await Promise.all([starting, test.restart(...others)]);
    await test.writers.more(30, "with the others back");
    await test.prove(3);
  });
});
