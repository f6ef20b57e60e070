/**
 * `admin digest` while people write: each node stops for its digest at the very index that all of
 * them are asked for, so they are compared without a pause.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect } from "../../src/rpc/client.ts";
import { type ClusterTest, withCluster } from "./cluster.ts";

const TIMES = 4;
/** Of these: on a busy machine a node may hear of an index late; by chance they meet at some 20 %. */
const TRIES_MAX = 7;
/** So far ahead of what is applied that each node mostly hears of it in time, entries. */
const AHEAD = 60;
const CALL_MS_MAX = 10_000;

Deno.test("cluster of 3: digests are taken at one index while writes go on", async () => {
  await withCluster({ nodes: 3, senders: 8, perSecond: 300 }, async (test) => {
    let times = 0;
    for (let tries = 0; times < TIMES && tries < TRIES_MAX; tries++) {
      if (await compare(test)) times++;
    }
    assert.equal(times, TIMES, `of ${TRIES_MAX}`);
    await test.prove(3);
  });
});

/** False if not all of them were asked before they were there, or came there in time. */
async function compare({ cluster }: ClusterTest): Promise<boolean> {
  const connections = cluster.addresses.map((address) => connect(address));
  try {
    const deadlineMs = Date.now() + CALL_MS_MAX;
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const context = { token: cluster.adminToken, deadlineMs, signal };
    const { members } = await connections[0]!.status({}, context);
    const atLeastIndex = Math.max(...members.map(({ appliedIndex }) => appliedIndex)) + AHEAD;
    const answers = await Promise.allSettled(
      connections.map((one) => one.digest({ atLeastIndex }, context)),
    );
    const digests = answers.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    const there = digests.filter(({ appliedIndex }) => appliedIndex === atLeastIndex);
    assert.ok(new Set(there.map(({ digest }) => digest)).size <= 1, "they differ");
    return there.length === connections.length;
  } finally {
    for (const connection of connections) connection.close();
  }
}
