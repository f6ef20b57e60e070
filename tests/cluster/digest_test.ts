/**
 * `admin digest` while people write: each node stops for its digest at the very index that all of
 * them are asked for, so they are compared without a pause.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect } from "../../src/rpc/client.ts";
import { type ClusterTest, withCluster } from "./cluster.ts";

const TIMES = 5;
/** So far ahead of what is applied that each node hears of it in time, entries. */
const AHEAD = 60;
const CALL_MS_MAX = 10_000;

Deno.test("cluster of 3: digests are taken at one index while writes go on", async () => {
  await withCluster({ nodes: 3, senders: 8, perSecond: 300 }, async (test) => {
    for (let time = 0; time < TIMES; time++) await compare(test);
    await test.prove(3);
  });
});

async function compare({ cluster }: ClusterTest): Promise<void> {
  const connections = cluster.addresses.map((address) => connect(address));
  try {
    const deadlineMs = Date.now() + CALL_MS_MAX;
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const context = { token: cluster.adminToken, deadlineMs, signal };
    const { members } = await connections[0]!.status({}, context);
    const atLeastIndex = Math.max(...members.map(({ appliedIndex }) => appliedIndex)) + AHEAD;
    const digests = await Promise.all(
      connections.map((one) => one.digest({ atLeastIndex }, context)),
    );
    assert.deepEqual(digests.map(({ appliedIndex }) => appliedIndex), Array(3).fill(atLeastIndex));
    assert.equal(new Set(digests.map(({ digest }) => digest)).size, 1);
  } finally {
    for (const connection of connections) connection.close();
  }
}
