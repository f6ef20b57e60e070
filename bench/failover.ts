/**
 * How long a cluster acknowledges nothing after its leader was killed. Owns the writer that
 * measures it; killing and starting again goes through `NodeCluster`.
 *
 * @module
 */

import type { NodeCluster } from "../src/cli/node_cluster.ts";
import { openChat } from "../src/client/open.ts";
import type { ChatClient } from "../src/client/chat_client.ts";

/** Time for the writer to be steady before each kill, ms. */
const STEADY_MS = 500;
const NAME = "failover-writer";
const PASSWORD = "measured with care";

/** Longest gap between two acknowledgements around each of `runs` kills, ms. */
export async function failoverGaps(
  cluster: NodeCluster,
  runs: number,
  synced: (members: number) => Promise<void>,
): Promise<readonly number[]> {
  const client = openChat({ servers: cluster.addresses });
  const gaps: number[] = [];
  try {
    await client.createAccount(NAME, PASSWORD);
    await client.login(NAME, PASSWORD);
    for (let run = 0; run < runs; run++) {
      gaps.push(await oneGap(cluster, client));
      const dead = cluster.nodes.filter((node) => !cluster.live.includes(node));
      for (const node of dead) await cluster.start(node.id);
      await synced(cluster.nodes.length);
    }
  } finally {
    client.close();
  }
  return gaps;
}

async function oneGap(cluster: NodeCluster, client: ChatClient): Promise<number> {
  const acknowledged: number[] = [];
  let done = false;
  const writing = (async () => {
    while (!done) {
      await client.send(NAME, "still there?");
      acknowledged.push(performance.now());
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, STEADY_MS));
  const leader = cluster.live.find((node) => node.ready.listen === client.state.leader);
  if (leader === undefined) throw new Error("No node of the cluster leads");
  const before = acknowledged.length;
  leader.process.kill("SIGKILL");
  await leader.process.exited;
  // Answers of the dead leader may still have arrived: a steady stream after it is the sign.
  while (acknowledged.length < before + 20) await new Promise((resolve) => setTimeout(resolve, 5));
  done = true;
  await writing;
  const around = acknowledged.slice(Math.max(0, before - 1));
  return Math.max(...around.slice(1).map((at, index) => at - (around[index] ?? at)));
}
