/**
 * The harness of the tests with real processes: a cluster of the program, writers that never
 * rest, and the proof at the end that nothing was lost. Owns the end of everything it starts;
 * the faults are each test's.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { waitSynced } from "../../src/cli/admin_wait.ts";
import { compareDigests } from "../../src/cli/digest_comparison.ts";
import { type ClusterNode, NodeCluster } from "../../src/cli/node_cluster.ts";
import type { Message } from "../../src/rpc/api.ts";
import { connect } from "../../src/rpc/client.ts";
import { conversation } from "./conversation.ts";
import { historyProblems, type SeenMessage } from "./history.ts";
import { PROGRAM } from "./program.ts";
import { RECEIVER, Writers } from "./writers.ts";

/** Longest that a cluster may take to be whole again, ms. */
const SYNC_MS_MAX = 25_000;

export interface ClusterTestOptions {
  readonly nodes: number;
  readonly senders?: number;
  readonly perSecond?: number;
}

/** A running cluster with writers, as a test sees it. */
export class ClusterTest {
  readonly cluster: NodeCluster;
  readonly writers: Writers;

  constructor(cluster: NodeCluster, writers: Writers) {
    this.cluster = cluster;
    this.writers = writers;
  }

  /** The node that leads now. */
  async leader(): Promise<ClusterNode> {
    const { leader } = await this.#ask((admin) => admin.status());
    return this.cluster.node(leader);
  }

  /** A node that does not lead. */
  async follower(): Promise<ClusterNode> {
    const leader = await this.leader();
    const follower = this.cluster.live.find((node) => node !== leader);
    assert.ok(follower !== undefined, "there is a follower");
    return follower;
  }

  /** Kills without warning; resolves once the processes are gone. */
  async kill(...nodes: readonly ClusterNode[]): Promise<void> {
    for (const { process } of nodes) process.kill("SIGKILL");
    await Promise.all(nodes.map(({ process }) => process.exited));
  }

  /** Starts nodes again, at once, and waits until each serves. */
  async restart(...nodes: readonly ClusterNode[]): Promise<void> {
    await Promise.all(nodes.map(({ id }) => this.cluster.start(id)));
  }

  /** Resolves once all of the given number of members vote, answer and have caught up. */
  async whole(members: number): Promise<void> {
    await this.#ask((admin) => waitSynced(admin, { membersMin: members }));
  }

  /** Stops the writers and fails unless every live node has what was acknowledged, the same. */
  async prove(members: number): Promise<void> {
    const written = await this.writers.stop();
    assert.deepEqual(this.writers.errors, []);
    assert.ok(written.acknowledged.length > 0, "something was acknowledged");
    await this.whole(members);
    const live = this.cluster.live;
    assert.equal(live.length, members);
    const histories = new Map<string, readonly SeenMessage[]>();
    for (const node of live) histories.set(node.id, await this.#historyOf(node));
    assert.deepEqual(historyProblems(written, histories).slice(0, 10), []);
    const digests = (await this.#ask(compareDigests))?.digests;
    assert.equal(digests?.length, members, "every node gives a digest");
    assert.equal(new Set(digests.map(({ digest }) => digest)).size, 1, "digests are equal");
  }

  /** All messages on one node, asked of that node alone, in the order of the log. */
  async #historyOf(node: ClusterNode): Promise<readonly SeenMessage[]> {
    const connection = connect(node.ready.listen);
    try {
      const messages: Message[] = [];
      for (const sender of this.writers.senders) {
        const token = sender.sessionState()?.token;
        messages.push(...await conversation(connection, { token, other: RECEIVER }));
      }
      return messages.toSorted((left, right) => left.seq - right.seq);
    } finally {
      connection.close();
    }
  }

  async #ask<T>(question: (admin: AdminCluster) => Promise<T>): Promise<T> {
    const servers = this.cluster.live.map(({ ready }) => ready.listen);
    const deadlineMs = Date.now() + SYNC_MS_MAX;
    const token = this.cluster.adminToken;
    const admin = new AdminCluster(servers, { connect, deadlineMs, token });
    try {
      return await question(admin);
    } finally {
      admin.close();
    }
  }
}

/** Runs a test against a whole cluster under load, and leaves nothing behind. */
export async function withCluster(
  options: ClusterTestOptions,
  test: (cluster: ClusterTest) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-cluster-" });
  const cluster = new NodeCluster({ program: PROGRAM, directory });
  let writers: Writers | undefined;
  try {
    for (let number = 1; number <= options.nodes; number++) await cluster.start(`n${number}`);
    writers = await Writers.start({
      servers: cluster.addresses,
      senders: options.senders ?? 4,
      perSecond: options.perSecond ?? 100,
    });
    const one = new ClusterTest(cluster, writers);
    await one.whole(options.nodes);
    await writers.more(20, "before any fault");
    await test(one);
  } catch (thrown) {
    printLogs(cluster);
    throw thrown;
  } finally {
    writers?.close();
    await cluster.close();
  }
}

function printLogs(cluster: NodeCluster): void {
  for (const { id, process } of cluster.processes) {
    console.error(`last lines of ${id}, process ${process.pid}:`);
    for (const line of process.log.slice(-30)) console.error(`  ${line}`);
    if (process.exit !== undefined) console.error("  ended:", process.exit);
  }
}
