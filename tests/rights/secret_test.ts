/**
 * The cluster secret over real sockets: who is let in to a peer port in plain text, that a running
 * cluster changes it node by node, and files that are not good enough.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ChatError } from "../../src/errors.ts";
import { createLogger } from "../../src/node/logger.ts";
import { type RunningNode, startNode } from "../../src/node/node.ts";
import type { Hello, LinkEnd, PeerClient } from "../../src/rpc/peer_api.ts";
import { connectPeer } from "../../src/rpc/peer_client.ts";
import { peerSecretOf } from "../../src/rpc/peer_secret.ts";
import { servePeers } from "../../src/rpc/peer_server.ts";
import { contextFor, fakePeer, helloOf } from "../../src/rpc/rpc_test_services.ts";
import { withDirectory } from "../support/certificates.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const OTHER = "fedcba9876543210fedcba9876543210";

const noTerm = { epoch: 0, number: 0, nodeId: "" };

/** A peer port with that secret, and what it says of those it refused. */
async function withPort(
  secret: string | null,
  test: (address: string, said: string[]) => Promise<void>,
): Promise<void> {
  const said: string[] = [];
  const refused = (from: string, why: string) => void said.push(`${from} ${why}`);
  const api = fakePeer({
    openLink: () => Promise.resolve({ hello: helloOf("n2"), frames() {}, closed() {} }),
    fetchSnapshot: async function* () {
      const base = { index: 0, term: noTerm, checksum: "", config: null };
      yield { kind: "header", base, termStarts: [], rowsTotal: 0 } as const;
    },
  });
  const trust = { tls: null, secret: secret === null ? null : peerSecretOf([secret], refused) };
  const listener = await servePeers("127.0.0.1:0", api, trust);
  try {
    await test(listener.address, said);
  } finally {
    await listener.close(0);
  }
}

/** Every call of the peer port; what each comes to. */
async function callsOf(peer: PeerClient): Promise<readonly string[]> {
  const reason = (call: Promise<unknown>) =>
    call.then(() => "yes", (thrown) => ChatError.from(thrown).reason);
  const node = { clusterId: "c", nodeId: "n1" };
  const member = { id: "n1", peerAddress: "x:1", clientAddress: "x:2" };
  const handOver = { ...node, termStarts: [], lastIndex: 0, commands: [], requestIds: [] };
  const end = await new Promise<Hello | LinkEnd>((resolve) =>
    peer.openLink({ ...helloOf("n1"), toNodeId: "n2" }, { opened: resolve, ended: resolve })
  );
  const linked = !("kind" in end) ? "yes" : end.kind === "rejected" ? end.error.reason : end.kind;
  return [
    linked,
    await reason(peer.probe(contextFor(5_000))),
    await reason(peer.join({ clusterId: "", member }, contextFor(5_000))),
    await reason(peer.handOver(handOver, contextFor(5_000))),
    await reason(
      peer.fetchSnapshot({ ...node, index: 0, firstChunk: 0 }, AbortSignal.timeout(5_000)),
    ),
  ];
}

const nobody = () => {};
const shows: readonly [string, string | null, string][] = [
  ["the same", SECRET, "yes"],
  ["another", OTHER, "UNAUTHENTICATED"],
  ["none", null, "UNAUTHENTICATED"],
];

for (const [what, shown, wanted] of shows) {
  Deno.test(`cluster secret: whoever shows ${what} is answered ${wanted}, whatever it calls`, async () => {
    await withPort(SECRET, async (address, said) => {
      const secret = shown === null ? null : peerSecretOf([shown], nobody);
      const peer = connectPeer(address, { secret });
      assert.deepEqual(new Set(await callsOf(peer)), new Set([wanted]));
      peer.close();
      assert.equal(said.length, wanted === "yes" ? 0 : 5);
      for (const line of said) {
        assert.match(line, /^127\.0\.0\.1:\d+ it showed (no|another) cluster secret/);
        assert.ok(!line.includes(SECRET) && !line.includes(OTHER));
      }
    });
  });
}

Deno.test("cluster secret: what travels is not the secret", () => {
  const { shown, accepted } = peerSecretOf([SECRET, OTHER], nobody);
  assert.equal(accepted.length, 2);
  assert.match(shown, /^[0-9a-f]{64}$/);
  assert.ok(!accepted.some((key) => key.includes(SECRET) || key.includes(OTHER)));
});

/** Nodes of one test, in directories of their own. */
class Nodes {
  readonly #directory: string;
  readonly #running: RunningNode[] = [];
  readonly log: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  async start(id: string, secret: string | null, options: object = {}): Promise<RunningNode> {
    const clusterSecretFile = secret === null ? undefined : join(this.#directory, `${id}.secret`);
    if (clusterSecretFile !== undefined) {
      await Deno.writeTextFile(clusterSecretFile, `${secret}\n`);
      await Deno.chmod(clusterSecretFile, 0o600);
    }
    const node = await startNode({
      data: join(this.#directory, id),
      id,
      listen: "127.0.0.1:0",
      peerListen: "127.0.0.1:0",
      clusterSecretFile,
      logger: createLogger({ level: "warn", format: "text", write: (line) => this.log.push(line) }),
      ...options,
    });
    this.#running.push(node);
    return node;
  }

  async close(): Promise<void> {
    for (const node of this.#running) await node.stop();
  }
}

async function withNodes(test: (nodes: Nodes) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const nodes = new Nodes(directory);
    try {
      await test(nodes);
    } finally {
      await nodes.close();
    }
  });
}

Deno.test("cluster secret: nobody joins without it, and who is refused is told so on both sides", async () => {
  await withNodes(async (nodes) => {
    const a = await nodes.start("a", SECRET);
    await a.ready;
    const stranger = await nodes.start("x", null, { join: [a.peerListen] });
    const until = Date.now() + 10_000;
    while (nodes.log.filter((line) => line.includes("cluster secret")).length < 2) {
      assert.ok(Date.now() < until, nodes.log.join("\n"));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const log = nodes.log.join("\n");
    assert.match(log, /No leader found yet: .*it showed no cluster secret; give every node/);
    assert.match(log, /Refused .* at the peer port: it showed no cluster secret/);
    assert.ok(!log.includes(SECRET));
    assert.equal(stranger.clusterId(), "");
  });
});

Deno.test("cluster secret: a running cluster changes it, one node after another", async () => {
  await withNodes(async (nodes) => {
    let a = await nodes.start("a", SECRET);
    await a.ready;
    let b = await nodes.start("b", SECRET, { join: [a.peerListen] });
    await b.ready;
    const both = [`${SECRET}\n${OTHER}`, `${OTHER}\n${SECRET}`, OTHER];
    for (const secret of both) {
      const places = [a, b].map(({ listen, peerListen }) => ({ listen, peerListen }));
      await a.stop();
      a = await nodes.start("a", secret, places[0]);
      await a.ready;
      await b.stop();
      b = await nodes.start("b", secret, places[1]);
      await b.ready;
    }
    const old = connectPeer(a.peerListen, { secret: peerSecretOf([SECRET], nobody) });
    await assert.rejects(old.probe(contextFor(5_000)), { reason: "UNAUTHENTICATED" });
    old.close();
  });
});

Deno.test("cluster secret: a file that is open to others, too short or too long is refused", async () => {
  await withDirectory(async (directory) => {
    const file = join(directory, "secret");
    const start = () =>
      startNode({ data: join(directory, "a"), clusterSecretFile: file, listen: "127.0.0.1:0" });
    const cases: readonly [string, number, RegExp][] = [
      [SECRET, 0o644, /others may read or change it; run chmod 600/],
      [SECRET, 0o620, /others may read or change it; run chmod 600/],
      ["short", 0o600, /32 characters or more/],
      ["", 0o600, /1 to 2 lines of printable ASCII/],
      [`${SECRET}\n${OTHER}\n${SECRET}`, 0o600, /1 to 2 lines/],
      ["x".repeat(5_000), 0o600, /too long/],
    ];
    for (const [text, mode, message] of cases) {
      await Deno.writeTextFile(file, text);
      await Deno.chmod(file, mode);
      const refused = { reason: "INVALID_ARGUMENT", field: "cluster-secret-file", message };
      await assert.rejects(start(), refused);
    }
    await Deno.remove(file);
    await assert.rejects(start(), { message: /there is no such file/ });
  });
});
