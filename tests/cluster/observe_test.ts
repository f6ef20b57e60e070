/**
 * What operators and their tools see of a cluster of real processes with TLS: probes over HTTP and
 * gRPC, by clients that are not ours, from the start of a node to its end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type ClusterNode, NodeCluster } from "../../src/cli/node_cluster.ts";
import { nodeFlags, TestCa, withDirectory } from "../support/certificates.ts";
import { StandardClient } from "../support/standard_client.ts";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";

const IDS = ["a", "b", "c"];

/** A cluster of three whose nodes can be watched, and who watches them. */
class ObservedCluster {
  readonly nodes: NodeCluster;
  readonly #ca: string;
  readonly #trusted: Deno.HttpClient;
  readonly #clients: StandardClient[] = [];

  constructor(nodes: NodeCluster, ca: string) {
    this.nodes = nodes;
    this.#ca = ca;
    this.#trusted = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(ca)] });
  }

  async client({ ready }: ClusterNode): Promise<StandardClient> {
    const client = await StandardClient.open(ready.listen, this.#ca);
    this.#clients.push(client);
    return client;
  }

  async page({ ready }: ClusterNode, path: string): Promise<readonly [number, string]> {
    const response = await fetch(`https://${ready.http}${path}`, { client: this.#trusted });
    return [response.status, await response.text()];
  }

  leader(): ClusterNode {
    const leads = ({ process, ready }: ClusterNode) => (process.role ?? ready).role === "leader";
    const leader = this.nodes.live.find(leads);
    assert.ok(leader !== undefined, "somebody leads");
    return leader;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.#trusted.close();
    await this.nodes.close();
  }
}

async function withObserved(test: (cluster: ObservedCluster) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(join(directory, "ca"));
    const files = new Map(
      await Promise.all(IDS.map(async (id) => [id, await ca.node(id)] as const)),
    );
    const cluster = new ObservedCluster(
      new NodeCluster({
        program: PROGRAM,
        directory: join(directory, "nodes"),
        flags: ["--http", "127.0.0.1:0"],
        flagsOf: (id) => nodeFlags(files.get(id)!),
      }),
      ca.ca,
    );
    try {
      await Deno.mkdir(join(directory, "nodes"));
      for (const id of IDS) await cluster.nodes.start(id);
      await test(cluster);
    } finally {
      await cluster.close();
    }
  });
}

Deno.test("observed cluster of 3: probes follow a node to its end, and leadership to the next", async () => {
  await withObserved(async (cluster) => {
    const leader = cluster.leader();
    for (const node of cluster.nodes.live) {
      const client = await cluster.client(node);
      assert.equal(await client.check(""), "SERVING");
      assert.equal(await client.check("jmessage.ready"), "SERVING");
      const leads = node === leader ? "SERVING" : "NOT_SERVING";
      assert.equal(await client.check("jmessage.leader"), leads);
      await assert.rejects(client.check("other"), { code: 5 });
      assert.deepEqual(await cluster.page(node, "/livez"), [200, "ok\n"]);
      assert.deepEqual(await cluster.page(node, "/readyz"), [200, "ok\n"]);
    }
    const ready = (await cluster.client(leader)).watch("jmessage.ready");
    const others = cluster.nodes.live.filter((node) => node !== leader);
    const watches = await Promise.all(
      others.map(async (node) => (await cluster.client(node)).watch("jmessage.leader")),
    );
    const told = () => [ready, ...watches].every(({ seen }) => seen.length > 0);
    await until(told, { what: "first answers", ms: 5_000 });

    const asked = performance.now();
    leader.process.kill("SIGTERM");
    assert.deepEqual(await leader.process.exited, { code: 0, signal: null });
    const took = performance.now() - asked;
    await ready.ended;
    assert.deepEqual(ready.seen, ["SERVING", "NOT_SERVING"], "told before the connection ended");
    assert.ok(took < 5_000, `stopped within its time, ${took} ms`);
    const next = () => watches.filter(({ seen }) => seen.at(-1) === "SERVING").length === 1;
    await until(next, { what: "one that leads", ms: 10_000 });
    for (const node of others) assert.deepEqual(await cluster.page(node, "/readyz"), [200, "ok\n"]);
  });
});
