/**
 * The ways back: a real cluster is backed up while it is written to, and a new one is restored,
 * with everything that was acknowledged before, the sessions and passwords, and room for a second
 * node; and what is left of a cluster goes on alone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { waitSynced } from "../../src/cli/admin_wait.ts";
import { compareDigests } from "../../src/cli/digest_comparison.ts";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { openChat } from "../../src/client/open.ts";
import type { SessionState } from "../../src/client/session.ts";
import { connect } from "../../src/rpc/client.ts";
import { type ClusterTest, withCluster } from "./cluster.ts";
import type { SeenMessage } from "./history.ts";
import { PROGRAM } from "./program.ts";
import { RECEIVER } from "./writers.ts";

const PASSWORD = "a long enough password";

/** Runs a command to its end; its line as JSON. Fails with what it said. */
async function run(
  args: readonly string[],
  adminToken = "",
): Promise<Record<string, unknown>> {
  const { stdout, stderr, code } = await new Deno.Command(PROGRAM.command, {
    args: [...PROGRAM.args, ...args],
    env: { JMESSAGE_ADMIN_TOKEN: adminToken },
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("cluster of 3: backed up under writes, restored as another one that grows; its last node is recovered", async () => {
  await withCluster({ nodes: 3, senders: 4, perSecond: 200 }, async (test) => {
    const directory = join(dirname(test.cluster.dataDirectory("n1")), "restored");
    await mkdir(directory);
    const file = join(directory, "a.backup");
    const before = test.writers.acknowledgedSoFar();
    const leader = await test.leader();
    const servers = test.cluster.addresses.join(",");
    const { adminToken } = test.cluster;
    const backup = await run(["admin", "backup", file, "-s", servers, "--json"], adminToken);
    assert.notEqual(backup.node, leader.id, "a follower gives it");
    await test.writers.more(20, "after the backup");
    const session = test.writers.senders[0]!.sessionState()!;
    // The operators' token is the one that it was.
    const cluster = new NodeCluster({ program: PROGRAM, directory, adminToken });
    try {
      const data = cluster.dataDirectory("r1");
      const restored = await run([
        "admin",
        "restore",
        file,
        "--data",
        data,
        "--id",
        "r1",
        "--json",
      ]);
      assert.deepEqual(
        [restored.id, restored.index, restored.messages],
        ["r1", backup.index, backup.messages],
      );
      assert.notEqual(restored.clusterId, backup.clusterId);
      const { ready } = await cluster.start("r1");
      assert.equal(ready.clusterId, restored.clusterId);
      assert.deepEqual(await digestsOf(cluster, 1), [backup.digest]);
      await proveSame(cluster, { before, session });
      await cluster.start("r2");
      assert.equal(new Set(await digestsOf(cluster, 2)).size, 1, "a second node has the same");
    } finally {
      await cluster.close();
    }
    await proveRecovery(test);
  });
});

/** All die, two of them for good: the third goes on alone, with everything. */
async function proveRecovery(test: ClusterTest): Promise<void> {
  await test.writers.stop();
  const [last, ...gone] = test.cluster.nodes.toReversed();
  await test.kill(last!, ...gone);
  const data = test.cluster.dataDirectory(last!.id);
  const { clusterId } = last!.ready;
  const file = join(dirname(data), "last.backup");
  const backup = await run(["admin", "backup", file, "--from", data, "--json"]);
  const acknowledged = test.writers.acknowledgedSoFar().length;
  assert.ok(Number(backup.messages) >= acknowledged, "a backup of it has everything, too");
  assert.deepEqual([backup.clusterId, backup.node], [clusterId, last!.id]);
  const recovered = await run(["admin", "recover", "--data", data, "--force", "--yes", "--json"]);
  assert.deepEqual(recovered, { clusterId, epoch: 1 });
  await test.restart(last!);
  await test.prove(1);
}

/** The old session and password work, and each old message is there once. */
async function proveSame(
  cluster: NodeCluster,
  { before, session }: {
    readonly before: readonly SeenMessage[];
    readonly session: SessionState;
  },
): Promise<void> {
  const old = openChat({ servers: cluster.addresses, session });
  const receiver = openChat({ servers: cluster.addresses });
  try {
    const { messages } = await old.history({ with: RECEIVER, limit: 1 });
    assert.equal(messages.length, 1, "a session reads, though it has seen what came later");
    await receiver.login(RECEIVER, PASSWORD);
    const seen = new Map<string, number>();
    for await (const { id } of receiver.inbox()) seen.set(id, (seen.get(id) ?? 0) + 1);
    assert.ok(before.length > 0);
    assert.deepEqual(before.filter(({ id }) => seen.get(id) !== 1), [], "each is there once");
    const one = before.find(({ from }) => from === session.user);
    assert.ok(one !== undefined);
    const { seq } = await old.send(RECEIVER, one.body, { requestId: one.id });
    assert.equal(seq, one.seq, "a retry gets the outcome that it had");
  } finally {
    old.close();
    receiver.close();
  }
}

/** Digests of the cluster's nodes, of which there are so many, once all have caught up. */
async function digestsOf(cluster: NodeCluster, nodes: number): Promise<readonly string[]> {
  const deadlineMs = Date.now() + 20_000;
  const admin = new AdminCluster(cluster.addresses, {
    connect,
    deadlineMs,
    token: cluster.adminToken,
  });
  try {
    await waitSynced(admin, { membersMin: nodes });
    const digests = (await compareDigests(admin))?.digests;
    assert.equal(digests?.length, nodes);
    return digests.map(({ digest }) => digest);
  } finally {
    admin.close();
  }
}
