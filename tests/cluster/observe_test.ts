/**
 * What operators and their tools see of a cluster of real processes with TLS: probes over HTTP and
 * gRPC, by clients that are not ours, from the start of a node to its end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type ClusterNode, NodeCluster } from "../../src/cli/node_cluster.ts";
import type { ChatClient } from "../../src/client/chat_client.ts";
import { openChat } from "../../src/client/open.ts";
import { readMaterial } from "../../src/tls/material.ts";
import { nodeFlags, TestCa, withDirectory } from "../support/certificates.ts";
import { samples } from "../support/samples.ts";
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
  readonly #users: ChatClient[] = [];

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

  /** Values by their names with labels. */
  async metrics(node: ClusterNode): Promise<ReadonlyMap<string, number>> {
    const [status, body] = await this.page(node, "/metrics");
    assert.equal(status, 200, body);
    return samples(body);
  }

  /** A chat client of ours, logged in. */
  async user(name: string): Promise<ChatClient> {
    const tls = await readMaterial({ ca: this.#ca });
    const user = openChat({ servers: this.nodes.addresses, tls });
    this.#users.push(user);
    const account = { name, password: `password of ${name}` };
    await user.createAccount(account.name, account.password);
    await user.login(account.name, account.password);
    return user;
  }

  leader(): ClusterNode {
    const leads = ({ process, ready }: ClusterNode) => (process.role ?? ready).role === "leader";
    const leader = this.nodes.live.find(leads);
    assert.ok(leader !== undefined, "somebody leads");
    return leader;
  }

  async close(): Promise<void> {
    for (const client of [...this.#clients, ...this.#users]) client.close();
    this.#trusted.close();
    await this.nodes.close();
  }
}

async function withObserved(
  test: (cluster: ObservedCluster) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(join(directory, "ca"));
    const files = new Map(
      await Promise.all(IDS.map(async (id) => [id, await ca.node(id)] as const)),
    );
    const cluster = new ObservedCluster(
      new NodeCluster({
        program: PROGRAM,
        directory: join(directory, "nodes"),
        flags: ["--http", "127.0.0.1:0", "--reflection", ...flags],
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

/** The sum of all samples of a metric whose labels have this in them. */
function sum(page: ReadonlyMap<string, number>, name: string, label = ""): number {
  let total = 0;
  for (const [key, value] of page) {
    if (key.split("{")[0] === name && key.includes(label)) total += value;
  }
  return total;
}

Deno.test("observed cluster of 3: metrics follow messages, refusals and a failover", async () => {
  await withObserved(async (cluster) => {
    const [ada, ben] = [await cluster.user("ada"), await cluster.user("ben")];
    const arrived: string[] = [];
    const subscription = ben.subscribe({ fromUnacknowledged: true });
    void (async () => {
      for await (const { body } of subscription) arrived.push(body);
    })().catch(() => {});
    for (let number = 0; number < 20; number++) await ada.send("ben", `message ${number}`);
    await until(() => arrived.length === 20, { what: "all messages", ms: 10_000 });
    await assert.rejects(ada.login("ben", "a wrong password"), { reason: "UNAUTHENTICATED" });

    const leader = cluster.leader();
    const page = await cluster.metrics(leader);
    assert.equal(page.get('jmessage_role{role="leader"}'), 1);
    assert.equal(page.get('jmessage_members{kind="voter"}'), 3);
    assert.equal(page.get("jmessage_faults_tolerated"), 2);
    assert.equal(page.get("jmessage_elections_won_total"), 1);
    for (const id of IDS.filter((one) => one !== leader.id)) {
      assert.equal(page.get(`jmessage_link_open{member="${id}"}`), 1);
      assert.equal(page.get(`jmessage_member_reachable{member="${id}"}`), 1);
      const lag = page.get(`jmessage_member_lag_entries{member="${id}"}`);
      assert.ok(lag !== undefined && lag <= 20, `${id} lags ${lag}`);
    }
    const sent = 'method="jmessage.v1.ChatService/SendMessage"';
    assert.ok(sum(page, "jmessage_rpc_seconds_count", sent) >= 20);
    assert.ok((page.get("jmessage_proposal_seconds_count") ?? 0) >= 24);
    const login = 'method="jmessage.v1.ChatService/Login",reason="UNAUTHENTICATED"';
    assert.equal(sum(page, "jmessage_rpc_errors_total", login), 1);
    const expiry = page.get("jmessage_certificate_expiry_timestamp_seconds") ?? 0;
    assert.ok(expiry > Date.now() / 1_000);

    const pages = await Promise.all(cluster.nodes.live.map((node) => cluster.metrics(node)));
    const all = (name: string) => pages.reduce((total, one) => total + sum(one, name), 0);
    assert.equal(all("jmessage_subscriptions"), 1);
    assert.ok(all("jmessage_sessions") >= 2);
    for (const one of pages) {
      assert.ok((one.get("jmessage_applied_index") ?? 0) >= 24);
      assert.ok((one.get("jmessage_log_appended_entries_total") ?? 0) >= 24);
      const fsyncs = one.get("jmessage_log_fsync_seconds_count") ?? 0;
      assert.ok(fsyncs > 0 && (one.get("jmessage_log_fsync_seconds_sum") ?? 0) > 0);
      assert.ok(fsyncs >= (one.get("jmessage_log_append_seconds_count") ?? 0));
      assert.ok((one.get("jmessage_state_apply_seconds_count") ?? 0) > 0);
      assert.ok((one.get("process_resident_memory_bytes") ?? 0) > 10e6);
    }

    leader.process.kill("SIGKILL");
    await leader.process.exited;
    await ada.send("ben", "after the failover");
    const next = await cluster.metrics(cluster.leader());
    assert.equal(next.get('jmessage_members{kind="voter"}'), 2);
    assert.equal(next.get("jmessage_elections_won_total"), 1);
    assert.equal(next.get("jmessage_leader_changes_total"), 1);
    const before = page.get("jmessage_term_number") ?? 0;
    assert.ok((next.get("jmessage_term_number") ?? 0) > before);
  });
});

Deno.test("observed cluster of 3: a tool without our proto learns what is served, and calls it", async () => {
  await withObserved(async (cluster) => {
    const client = await cluster.client(cluster.leader());
    const stream = client.reflection();
    const { list_services_response } = await stream.ask({ list_services: "*" });
    stream.end();
    const services = list_services_response?.service.map(({ name }) => name) ?? [];
    assert.ok(services.includes("jmessage.v1.ChatService"), services.join());
    assert.ok(!services.includes("jmessage.v1.ClusterService"), "nodes have a port of their own");
    const schema = await client.schemaOf("jmessage.v1.ChatService");
    const told = await client.call(schema, "jmessage.v1.ChatService.GetCluster", {});
    const { leader, members } = told as { leader: string; members: { id: string }[] };
    assert.equal(leader, cluster.leader().ready.listen);
    assert.deepEqual(members.map(({ id }) => id).sort(), IDS);
  });
});

Deno.test("observed cluster of 3: a message's id leads through the logs of all nodes", async () => {
  await withObserved(async (cluster) => {
    const [ada] = [await cluster.user("ada"), await cluster.user("ben")];
    const { id, seq } = await ada.send("ben", "what nobody else may read");
    const lines = () =>
      cluster.nodes.live.flatMap(({ process }) => process.log)
        .filter((line) => line.includes(id))
        .map((line) => JSON.parse(line) as Readonly<Record<string, string | number>>);
    const nodes = (message: string) => {
      const said = lines().filter((line) => line["message"] === message);
      return [...new Set(said.map((line) => line["node"]))].sort();
    };
    const whole = () => nodes("Request applied").length === IDS.length;
    await until(whole, { what: "all members to have applied it", ms: 10_000 });
    const leader = cluster.leader().id;
    for (const step of ["Request proposed", "Request answered"]) {
      assert.deepEqual(nodes(step), [leader], step);
    }
    assert.ok(nodes("Request taken").includes(leader));
    assert.deepEqual(nodes("Request applied"), IDS);
    const applied = lines().filter(({ message }) => message === "Request applied");
    assert.ok(applied.some(({ index }) => index === seq), "at the place that the sender was told");
    const logs = cluster.nodes.live.flatMap(({ process }) => process.log).join("\n");
    assert.doesNotMatch(logs, /nobody else|password of/);
  }, ["--log-level", "debug", "--log-format", "json"]);
});
