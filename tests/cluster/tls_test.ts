/**
 * A cluster of real processes with TLS on both ports: it works as one without, through a failover
 * and through new certificates, and has nothing to do with whoever has none that are good.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { waitSynced } from "../../src/cli/admin_wait.ts";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { NodeProcess } from "../../src/cli/node_process.ts";
import type { ChatClient } from "../../src/client/chat_client.ts";
import { openChat } from "../../src/client/open.ts";
import { connect } from "../../src/rpc/client.ts";
import { readMaterial } from "../../src/tls/material.ts";
import {
  type CertificateFiles,
  nodeFlags,
  TestCa,
  withDirectory,
} from "../support/certificates.ts";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";

const IDS = ["n1", "n2", "n3"];
const PASSWORD = "a long password";
const SYNC_MS_MAX = 30_000;

/** A cluster of three, and who talks to it. */
class SecureCluster {
  readonly nodes: NodeCluster;
  readonly ca: TestCa;
  readonly directory: string;
  readonly #clients: ChatClient[] = [];
  readonly #others: NodeProcess[] = [];

  constructor(nodes: NodeCluster, ca: TestCa, directory: string) {
    this.nodes = nodes;
    this.ca = ca;
    this.directory = directory;
  }

  /** A client that trusts the CA in this file. */
  async client(ca = this.ca.ca): Promise<ChatClient> {
    const client = openChat({ servers: this.nodes.addresses, tls: await readMaterial({ ca }) });
    this.#clients.push(client);
    return client;
  }

  /** Resolves once so many members vote, answer and have caught up. */
  async whole(membersMin: number, ca = this.ca.ca) {
    const material = await readMaterial({ ca });
    const admin = new AdminCluster(this.nodes.live.map(({ ready }) => ready.listen), {
      connect: (address) => connect(address, { current: () => material }),
      deadlineMs: Date.now() + SYNC_MS_MAX,
      token: this.nodes.adminToken,
    });
    try {
      return await waitSynced(admin, { membersMin });
    } finally {
      admin.close();
    }
  }

  /** Another node, which need not become a member. */
  start(id: string, flags: readonly string[], join = this.#peers()): NodeProcess {
    const ports = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
    const node = new NodeProcess({
      program: PROGRAM,
      flags: [
        "--id",
        id,
        "--data",
        this.nodes.dataDirectory(id),
        ...ports,
        "--join",
        join,
        ...flags,
      ],
    });
    this.#others.push(node);
    return node;
  }

  /** Lines of all members' logs. */
  log(): string {
    return this.nodes.live.flatMap(({ process }) => process.log).join("\n");
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#others.map((node) => node.end()));
    await this.nodes.close();
  }

  #peers(): string {
    return this.nodes.live.map(({ ready }) => ready.peerListen).join(",");
  }
}

async function withSecureCluster(test: (cluster: SecureCluster) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(join(directory, "ca"));
    const files = new Map<string, CertificateFiles>();
    for (const id of IDS) files.set(id, await ca.node(id));
    const flagsOf = (id: string) => nodeFlags(files.get(id)!);
    const options = { program: PROGRAM, directory: join(directory, "nodes"), flagsOf };
    const cluster = new SecureCluster(new NodeCluster(options), ca, directory);
    try {
      await Deno.mkdir(join(directory, "nodes"));
      for (const id of IDS) await cluster.nodes.start(id);
      await cluster.whole(IDS.length);
      await test(cluster);
    } catch (error) {
      for (const { id, process } of cluster.nodes.processes) {
        console.error(`${id}:\n  ${process.log.slice(-20).join("\n  ")}`);
      }
      throw error;
    } finally {
      await cluster.close();
    }
  });
}

/** Two who are logged in. */
async function pairOf(cluster: SecureCluster): Promise<readonly [ChatClient, ChatClient]> {
  const [ada, ben] = [await cluster.client(), await cluster.client()];
  for (const [client, name] of [[ada, "ada"], [ben, "ben"]] as const) {
    await client.createAccount(name, PASSWORD);
    await client.login(name, PASSWORD);
  }
  return [ada, ben];
}

/** What arrives at a client, as it comes. */
function listenTo(client: ChatClient) {
  const bodies: string[] = [];
  const subscription = client.subscribe({ fromUnacknowledged: true });
  const reading = (async () => {
    for await (const { body } of subscription) bodies.push(body);
  })();
  reading.catch(() => {});
  return bodies;
}

Deno.test("tls cluster: a failover and a way back, with mutual TLS between all", async () => {
  await withSecureCluster(async (cluster) => {
    const [ada, ben] = await pairOf(cluster);
    const arrived = listenTo(ben);
    await ada.send("ben", "before");
    const { leader, members } = await cluster.whole(3);
    const untilMs = members.map(({ certificateExpiresAtMs = 0 }) => certificateExpiresAtMs);
    assert.ok(
      untilMs.every((ms) => ms > Date.now() + 99 * 86_400_000),
      "a status shows until when",
    );
    cluster.nodes.node(leader).process.kill("SIGKILL");
    await ada.send("ben", "after");
    const now = await cluster.whole(2);
    assert.notEqual(now.leader, leader);
    await cluster.nodes.start(leader);
    await cluster.whole(3);
    await ada.send("ben", "again");
    await until(() => arrived.length >= 3, { what: "all messages", ms: 10_000 });
    assert.deepEqual(arrived, ["before", "after", "again"]);
  });
});

Deno.test("tls cluster: nodes without good certificates do not join, and both sides say why", async () => {
  await withSecureCluster(async (cluster) => {
    const { ca, directory } = cluster;
    const foreign = await TestCa.make(join(directory, "foreign"));
    const otherCa = cluster.start("n4", nodeFlags(await foreign.node("n4")));
    const expired = cluster.start("n5", nodeFlags(await ca.node("n5", { days: -1 })));
    const plain = cluster.start("n6", []);
    const says = (node: NodeProcess, pattern: RegExp) =>
      until(() => node.log.some((line) => pattern.test(line)), { what: `${pattern}`, ms: 15_000 });
    await says(otherCa, /No leader found yet: .* its certificate is not from a CA that is trusted/);
    await says(expired, /error.* The certificate \S+n5\.crt has expired on .*: others refuse/);
    await says(plain, /No leader found yet: .* it ended the connection at once; it may expect TLS/);
    const member = (pattern: RegExp) =>
      until(() => pattern.test(cluster.log()), { what: `${pattern}`, ms: 15_000 });
    await member(/Refused 127\.0\.0\.1:\d+ at the peer port: it ended the handshake, as one does/);
    await member(/Refused 127\.0\.0\.1:\d+ at the peer port: its certificate has expired/);
    await member(/Refused 127\.0\.0\.1:\d+ at the peer port: it does not speak TLS/);
    const another = cluster.start("n7", nodeFlags(await ca.node("n8")));
    assert.equal((await another.exited).code, 2);
    assert.match(another.lastLine(), /it is for node n8, and this is node n7$/);
    assert.equal((await cluster.whole(3)).members.length, 3);
    const good = cluster.start("n9", nodeFlags(await ca.node("n9")));
    await good.ready;
    assert.equal((await cluster.whole(4)).members.length, 4);
  });
});

Deno.test("tls cluster: a member whose certificate has expired is told of, and back by a new file", async () => {
  await withSecureCluster(async (cluster) => {
    await cluster.nodes.node("n3").process.end();
    await cluster.whole(2);
    await cluster.ca.node("n3", { days: -1 });
    const starting = cluster.nodes.start("n3");
    starting.catch(() => {});
    const others = cluster.nodes.live.filter(({ id }) => id !== "n3");
    const noLink = /No link to node n3: its certificate .*has expired/;
    const told = () => others.some(({ process }) => noLink.test(process.log.join("\n")));
    await until(told, { what: "a member to say so", ms: 15_000 });
    const own = cluster.nodes.processes.at(-1)?.process;
    assert.match(own?.log.join("\n") ?? "", /error.* certificate \S+n3\.crt has expired on /);
    // Nobody tells it to look.
    await cluster.ca.node("n3");
    await starting;
    await cluster.whole(3);
  });
});

/** Puts other certificates where the nodes have theirs, and tells them. */
async function replace(
  cluster: SecureCluster,
  { from, ca }: { readonly from: TestCa | null; readonly ca: string },
): Promise<void> {
  for (const id of IDS) {
    if (from === null) continue;
    const { cert, key } = await from.node(id);
    await Deno.copyFile(cert, join(cluster.ca.directory, `${id}.crt`));
    await Deno.copyFile(key, join(cluster.ca.directory, `${id}.key`));
  }
  await Deno.writeTextFile(cluster.ca.ca, ca);
  const taken = () =>
    cluster.nodes.live.map(({ process }) =>
      process.log.filter((line) => line.includes("were read again")).length
    );
  const before = taken();
  for (const { process } of cluster.nodes.live) process.kill("SIGHUP");
  // On both ports.
  await until(() => taken().every((count, index) => count >= (before[index] ?? 0) + 2), {
    what: "all nodes to have taken the certificates",
    ms: 10_000,
  });
}

Deno.test("tls cluster: on SIGHUP a new CA takes over, and a stream stays open through it", async () => {
  await withSecureCluster(async (cluster) => {
    const next = await TestCa.make(join(cluster.directory, "next"));
    const [oldCa, nextCa] = [
      await Deno.readTextFile(cluster.ca.ca),
      await Deno.readTextFile(next.ca),
    ];
    const first = join(cluster.directory, "first.crt");
    await Deno.writeTextFile(first, oldCa);
    const { leader, members } = await cluster.whole(3);
    const tls = await readMaterial({ ca: first });
    const [ada, ben] = await pairOf(cluster);
    // One connection to one node, which cannot be made again by anybody.
    const node = members.find(({ id }) => id !== leader);
    const connection = connect(node?.clientAddress ?? "", { current: () => tls });
    const token = ben.sessionState()?.token;
    const context = {
      token,
      deadlineMs: Date.now() + 120_000,
      signal: new AbortController().signal,
    };
    const bodies: string[] = [];
    let frames = 0;
    let ended: unknown = null;
    const reading = (async () => {
      for await (const frame of connection.subscribe({ positions: [] }, context)) {
        frames += 1;
        if (frame.kind === "message") bodies.push(frame.message.body);
      }
    })().catch((error) => ended = error);
    await until(() => frames > 0, { what: "the stream to be open", ms: 10_000 });
    await ada.send("ben", "old");
    await replace(cluster, { from: null, ca: oldCa + nextCa });
    await replace(cluster, { from: next, ca: oldCa + nextCa });
    await replace(cluster, { from: null, ca: nextCa });
    await ada.send("ben", "same connection");
    await until(() => bodies.length >= 2, { what: "both messages", ms: 10_000 });
    assert.deepEqual(bodies, ["old", "same connection"]);
    assert.equal(ended, null);
    // Who comes anew must trust the new CA, nodes too.
    await assert.rejects((await cluster.client(first)).cluster({ timeoutMs: 1_500 }));
    await (await cluster.client(next.ca)).cluster();
    const joiner = cluster.start("n4", nodeFlags(await next.node("n4")));
    await joiner.ready;
    await cluster.nodes.node(leader).process.end();
    await cluster.nodes.start(leader);
    await cluster.whole(4, next.ca);
    connection.close();
    await reading;
  });
});
