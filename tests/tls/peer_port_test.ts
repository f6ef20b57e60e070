/**
 * Who gets through to a peer port with TLS, over real sockets, and what either side says of the
 * other.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Hello, LinkEnd } from "../../src/rpc/peer_api.ts";
import { connectPeer } from "../../src/rpc/peer_client.ts";
import { servePeers } from "../../src/rpc/peer_server.ts";
import type { PeerTls } from "../../src/rpc/peer_tls.ts";
import { contextFor, fakePeer, helloOf } from "../../src/rpc/rpc_test_services.ts";
import { type CertificateFiles, TestCa, withDirectory } from "../support/certificates.ts";
import { arrived, Source } from "../support/tls_source.ts";

/** A side of the peer port, and what it said of others. */
async function peerOf(files: CertificateFiles): Promise<PeerTls & { readonly said: string[] }> {
  const said: string[] = [];
  return {
    source: await Source.of(files),
    speaksFor: (nodes, id) => nodes.includes(id),
    refused: (_from, why) => void said.push(why),
    said,
  };
}

interface PeerPort {
  readonly address: string;
  /** What the port said of those whom it refused. */
  readonly said: string[];
}

/** A peer port that says to be node `id`, with these certificates, or in plain text. */
async function withPeerPort(
  { id, files }: { readonly id: string; readonly files: CertificateFiles | null },
  test: (port: PeerPort) => Promise<void>,
): Promise<void> {
  const tls = files && await peerOf(files);
  const api = fakePeer({
    openLink: () => Promise.resolve({ hello: helloOf(id), frames() {}, closed() {} }),
  });
  const listener = await servePeers("127.0.0.1:0", api, { tls, secret: null });
  try {
    await test({ address: listener.address, said: tls?.said ?? [] });
  } finally {
    await listener.close(0);
  }
}

/** How a link goes that `as` dials to whom it takes for node `to`. */
async function linkTo(
  address: string,
  { as, to, files }: {
    readonly as: string;
    readonly to: string;
    readonly files: CertificateFiles | null;
  },
): Promise<Hello | LinkEnd> {
  const peer = connectPeer(address, { tls: files && await peerOf(files), nodeId: to });
  try {
    return await new Promise((resolve) => {
      const link = peer.openLink({ ...helloOf(as), toNodeId: to }, {
        opened: (hello) => {
          link.close();
          resolve(hello);
        },
        ended: resolve,
      });
    });
  } finally {
    peer.close();
  }
}

function assertEnded(
  end: Hello | LinkEnd,
  { kind, reason, message }: {
    readonly kind: "rejected" | "untrusted";
    readonly reason: string;
    readonly message: RegExp;
  },
): void {
  assert.ok("kind" in end && (end.kind === "rejected" || end.kind === "untrusted"));
  assert.deepEqual([end.kind, end.error.reason], [kind, reason]);
  assert.match(end.error.message, message);
}

Deno.test("peer tls: nodes with certificates for their ids have a link, and calls go through", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const [n1, n2] = [await ca.node("n1"), await ca.node("n2")];
    await withPeerPort({ id: "n2", files: n2 }, async ({ address, said }) => {
      const opened = await linkTo(address, { as: "n1", to: "n2", files: n1 });
      assert.equal("nodeId" in opened && opened.nodeId, "n2");
      const peer = connectPeer(address, { tls: await peerOf(n1) });
      const member = { id: "n1", peerAddress: "x:1", clientAddress: "x:2" };
      const answer = await peer.join({ clusterId: "", member }, contextFor(5_000));
      assert.equal(answer.kind, "accepted");
      peer.close();
      assert.deepEqual(said, []);
    });
  });
});

Deno.test("peer tls: a certificate for one node cannot speak as another", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const [n1, n2] = [await ca.node("n1"), await ca.node("n2")];
    await withPeerPort({ id: "n2", files: n2 }, async ({ address, said }) => {
      const end = await linkTo(address, { as: "n3", to: "n2", files: n1 });
      const words = /the certificate is for node n1, which cannot speak as node n3/;
      assertEnded(end, { kind: "rejected", reason: "PERMISSION_DENIED", message: words });
      assert.match(said.join("\n"), words);
      const peer = connectPeer(address, { tls: await peerOf(n1) });
      const member = { id: "n3", peerAddress: "x:1", clientAddress: "x:2" };
      const refused = { reason: "PERMISSION_DENIED", message: words };
      const context = contextFor(5_000);
      await assert.rejects(peer.join({ clusterId: "", member }, context), refused);
      const nobody = { clusterId: "c", nodeId: "n3" };
      const ask = { ...nobody, termStarts: [], lastIndex: 0, commands: [], requestIds: [] };
      await assert.rejects(peer.handOver(ask, context), refused);
      const wanted = { ...nobody, index: 0, firstChunk: 0 };
      await assert.rejects(peer.fetchSnapshot(wanted, context.signal), refused);
      peer.close();
    });
  });
});

Deno.test("peer tls: a certificate for one node cannot answer for another", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const [n1, n3] = [await ca.node("n1"), await ca.node("n3")];
    await withPeerPort({ id: "n2", files: n3 }, async ({ address }) => {
      const end = await linkTo(address, { as: "n1", to: "n2", files: n1 });
      const message = /has a certificate for node n3, not for node n2$/;
      assertEnded(end, { kind: "untrusted", reason: "WRONG_NODE", message });
      const meant = connectPeer(address, { tls: await peerOf(n1), nodeId: "n2" });
      const words = /No answer .* has a certificate for node n3, not for node n2$/;
      await assert.rejects(meant.probe(contextFor(5_000)), { message: words });
      meant.close();
      // Whoever does not know who is there believes what the certificate allows to say.
      const unknown = await linkTo(address, { as: "n1", to: "", files: n1 });
      assertEnded(unknown, {
        kind: "untrusted",
        reason: "PERMISSION_DENIED",
        message: /answers as node n2 with a certificate for node n3$/,
      });
    });
  });
});

interface Stranger {
  readonly what: string;
  readonly files: (ca: TestCa, directory: string) => Promise<CertificateFiles | null>;
  /** What the port says. */
  readonly port: RegExp;
  /** What who dials hears. */
  readonly dialler: RegExp;
}

const strangers: readonly Stranger[] = [
  {
    what: "a certificate of another CA",
    files: async (_ca, directory) => (await TestCa.make(join(directory, "other"))).node("n1"),
    port: /^it ended the handshake, as one does that does not trust this node's certificate$/,
    dialler: /its certificate is not from a CA that is trusted here/,
  },
  {
    what: "a certificate of another CA that trusts ours",
    files: async ({ ca }, directory) => ({
      ...await (await TestCa.make(join(directory, "other"))).node("n1"),
      ca,
    }),
    port: /^its certificate is not from a CA that is trusted here$/,
    dialler: /ended the connection after the TLS handshake, .*: its log says why/,
  },
  {
    what: "an expired certificate",
    files: (ca) => ca.node("n1", { days: -1 }),
    port: /^its certificate has expired$/,
    dialler: /ended the connection after the TLS handshake, .*: its log says why/,
  },
  {
    what: "an operator's certificate",
    files: (ca) => ca.operator("n1"),
    port: /^its certificate is for no node: it has no name urn:jmessage:node:ID$/,
    dialler: /ended the connection after the TLS handshake, .*: its log says why/,
  },
  {
    what: "plain text",
    files: () => Promise.resolve(null),
    port: /^it does not speak TLS$/,
    dialler: /ended the connection at once; it may expect TLS/,
  },
];

for (const { what, files, port: portSays, dialler } of strangers) {
  Deno.test(`peer tls: ${what} is refused, and both sides say why`, async () => {
    await withDirectory(async (directory) => {
      const ca = await TestCa.make(directory);
      const n2 = await ca.node("n2");
      await withPeerPort({ id: "n2", files: n2 }, async ({ address, said }) => {
        const theirs = await files(ca, directory);
        const end = await linkTo(address, { as: "n1", to: "n2", files: theirs });
        assert.ok("kind" in end, "no link");
        const heard = end.kind === "rejected" || end.kind === "untrusted"
          ? end.error.message
          : end.kind === "broken"
          ? end.detail
          : end.kind;
        assert.match(heard, dialler);
        await arrived(() => said.length > 0);
        for (const one of said) assert.match(one, portSays);
      });
    });
  });
}

Deno.test("peer tls: whoever answers with an expired certificate, or without TLS, is not believed", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const n1 = await ca.node("n1");
    const expired = await ca.node("n2", { days: -1 });
    const cases = [
      // Deno has one code for both.
      [expired, /^its certificate (is not from a CA that is trusted here, or )?has expired$/],
      [null, /^it does not speak TLS$/],
    ] as const;
    for (const [files, message] of cases) {
      await withPeerPort({ id: "n2", files }, async ({ address }) => {
        const end = await linkTo(address, { as: "n1", to: "n2", files: n1 });
        assertEnded(end, { kind: "untrusted", reason: "PERMISSION_DENIED", message });
      });
    }
  });
});
