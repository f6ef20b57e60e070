/**
 * Links over real sockets, with a fake node behind the port: hellos, batches, the bound of the
 * queue, and the ways in which a link ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Message } from "../raft/message.ts";
import { Channel } from "./channel.ts";
import type { Listener } from "./port.ts";
import type { Frame, Hello, IncomingLink, LinkEnd, OutgoingLink, PeerApi } from "./peer_api.ts";
import { connectPeer } from "./peer_client.ts";
import { servePeers } from "./peer_server.ts";
import { contextFor, eventually, fakePeer, helloOf } from "./rpc_test_services.ts";
import { clusterMethods } from "./services.ts";
import { asBuffer } from "./wire.ts";

/** One side of a link that records what it hears. */
class Acceptor {
  readonly hellos: Hello[] = [];
  readonly frames: Frame[] = [];
  readonly links: IncomingLink[] = [];
  batches = 0;
  closed = 0;
  readonly openLink: PeerApi["openLink"] = (hello, link) => {
    this.hellos.push(hello);
    this.links.push(link);
    return Promise.resolve({
      hello: helloOf("acceptor"),
      frames: (frames) => {
        this.batches += 1;
        this.frames.push(...frames);
      },
      closed: () => void (this.closed += 1),
    });
  };
}

/** A dialled link and what became of it. */
class Dialled {
  readonly hellos: Hello[] = [];
  readonly ends: LinkEnd[] = [];
  readonly link: OutgoingLink;
  readonly #close: () => void;

  constructor(address: string, hello: Hello = helloOf("dialler")) {
    const peer = connectPeer(address);
    this.#close = () => peer.close();
    this.link = peer.openLink(hello, {
      opened: (theirs) => void this.hellos.push(theirs),
      ended: (end) => void this.ends.push(end),
    });
  }

  async opened(): Promise<void> {
    await eventually(() => this.hellos.length > 0, { what: "the link to open" });
  }

  async ended(): Promise<LinkEnd> {
    await eventually(() => this.ends.length > 0, { what: "the link to end" });
    return this.ends[0]!;
  }

  async close(): Promise<void> {
    this.link.close();
    this.#close();
    await this.ended();
    assert.strictEqual(this.ends.length, 1);
  }
}

async function withAcceptor(
  openLink: PeerApi["openLink"],
  test: (listener: Listener) => Promise<void>,
): Promise<void> {
  const listener = await servePeers("127.0.0.1:0", fakePeer({ openLink }));
  try {
    await test(listener);
  } finally {
    await listener.close(0);
  }
}

function ping(nonce: number): Frame {
  const term = { epoch: 0, number: 1, nodeId: "n1" };
  const message: Message = {
    kind: "ping",
    nonce,
    asksLease: true,
    leads: false,
    term,
    suspects: [],
    side: null,
    cannotFollow: null,
  };
  return { kind: "raft", message };
}

function append(bytes: number): Frame {
  const term = { epoch: 0, number: 1, nodeId: "n1" };
  const entry = { index: 1, term, checksum: "", kind: "command" as const };
  return {
    kind: "raft",
    message: {
      kind: "append",
      term,
      prev: { index: 0, term, checksum: "" },
      entries: [{ ...entry, data: new Uint8Array(bytes) }],
      commitIndex: 0,
      c0Index: 0,
      mark: null,
    },
  };
}

Deno.test("link: opens with both hellos, then carries frames in order, those of a turn together", async () => {
  const acceptor = new Acceptor();
  await withAcceptor(acceptor.openLink, async ({ address }) => {
    const dialled = new Dialled(address);
    assert.strictEqual(dialled.link.send(ping(0)), false, "Not open yet");
    await dialled.opened();
    assert.deepStrictEqual(acceptor.hellos, [helloOf("dialler")]);
    assert.deepStrictEqual(dialled.hellos, [helloOf("acceptor")]);
    const sent = Array.from({ length: 500 }, (_, i) => ping(i));
    for (const frame of sent) assert(dialled.link.send(frame));
    assert(dialled.link.queuedBytes() > 0);
    await eventually(() => acceptor.frames.length === sent.length);
    assert.deepStrictEqual(acceptor.frames, sent);
    assert.strictEqual(acceptor.batches, 1);
    await eventually(() => dialled.link.queuedBytes() === 0);
    await dialled.close();
    assert.deepStrictEqual(dialled.ends, [{ kind: "closed" }]);
    assert.strictEqual(dialled.link.send(ping(1)), false, "Closed");
    await eventually(() => acceptor.closed === 1);
  });
  assert.strictEqual(acceptor.closed, 1);
});

Deno.test("link: large frames are not held up behind one message, and arrive whole", async () => {
  const acceptor = new Acceptor();
  await withAcceptor(acceptor.openLink, async ({ address }) => {
    const dialled = new Dialled(address);
    await dialled.opened();
    for (let i = 0; i < 10; i++) assert(dialled.link.send(append(limits.appendBytesMax)));
    await eventually(() => acceptor.frames.length === 10);
    assert(acceptor.batches >= 10);
    assert.deepStrictEqual(acceptor.frames[9], append(limits.appendBytesMax));
    await dialled.close();
  });
});

Deno.test("link: what does not fit into the queue is dropped, and what does arrives", async () => {
  const acceptor = new Acceptor();
  await withAcceptor(acceptor.openLink, async ({ address }) => {
    const dialled = new Dialled(address);
    await dialled.opened();
    let accepted = 0;
    while (dialled.link.send(append(1_000_000))) accepted += 1;
    assert(dialled.link.queuedBytes() <= limits.peerQueueBytesMax);
    assert.strictEqual(accepted, Math.floor(limits.peerQueueBytesMax / 1_000_100));
    await eventually(() => acceptor.frames.length === accepted);
    assert(dialled.link.send(append(1_000_000)));
    await eventually(() => acceptor.frames.length === accepted + 1);
    await dialled.close();
  });
});

Deno.test("link: a port where nobody listens refuses, time after time", async () => {
  const listener = await servePeers("127.0.0.1:0", fakePeer());
  await listener.close(0);
  for (let i = 0; i < 3; i++) {
    const dialled = new Dialled(listener.address);
    assert.deepStrictEqual(await dialled.ended(), { kind: "refused" });
    await dialled.close();
  }
});

Deno.test("link: refused by the node, before or after it opened, the reason is told", async () => {
  const acceptor = new Acceptor();
  const openLink: PeerApi["openLink"] = (hello, link) => {
    if (hello.clusterId !== "cluster-1") {
      return Promise.reject(new ChatError("WRONG_CLUSTER", "This is cluster-1"));
    }
    return acceptor.openLink(hello, link);
  };
  await withAcceptor(openLink, async ({ address }) => {
    const stranger = new Dialled(address, { ...helloOf("dialler"), clusterId: "other" });
    const end = await stranger.ended();
    assert(end.kind === "rejected", JSON.stringify(end));
    assert.strictEqual(end.error.reason, "WRONG_CLUSTER");
    await stranger.close();

    const known = new Dialled(address);
    await known.opened();
    acceptor.links[0]?.close(new ChatError("REMOVED", "dialler was removed"));
    const later = await known.ended();
    assert(later.kind === "rejected", JSON.stringify(later));
    assert.strictEqual(later.error.reason, "REMOVED");
    assert.strictEqual(acceptor.closed, 1);
    await known.close();
  });
});

Deno.test("link: another protocol version is refused before the node hears of it", async () => {
  const acceptor = new Acceptor();
  await withAcceptor(acceptor.openLink, async ({ address }) => {
    const dialled = new Dialled(address, { ...helloOf("dialler"), protocolVersion: 2 });
    const end = await dialled.ended();
    assert(end.kind === "rejected");
    assert.strictEqual(end.error.field, "hello.protocol_version");
    assert.deepStrictEqual(acceptor.hellos, []);
    await dialled.close();
  });
});

Deno.test("link: ended by the acceptor, or broken by its death, the dialler knows at once", async () => {
  const acceptor = new Acceptor();
  const listener = await servePeers("127.0.0.1:0", fakePeer({ openLink: acceptor.openLink }));
  const first = new Dialled(listener.address);
  const second = new Dialled(listener.address);
  await first.opened();
  await second.opened();
  const index = acceptor.hellos.length - 1;
  acceptor.links[index]?.close();
  await eventually(() => first.ends.length + second.ends.length === 1);
  const started = performance.now();
  await listener.close(0);
  assert.strictEqual((await first.ended()).kind, "broken");
  assert.strictEqual((await second.ended()).kind, "broken");
  assert(performance.now() - started < 1_000);
  await eventually(() => acceptor.closed === 2);
  await first.close();
  await second.close();
});

Deno.test("link: closed while it is being decided, the receiver is told once it exists", async () => {
  let decide = () => {};
  let closed = 0;
  const openLink: PeerApi["openLink"] = () =>
    new Promise((resolve) => {
      decide = () =>
        resolve({ hello: helloOf("acceptor"), frames: () => {}, closed: () => void closed++ });
    });
  await withAcceptor(openLink, async (listener) => {
    const dialled = new Dialled(listener.address);
    const untouched = decide;
    await eventually(() => decide !== untouched, { what: "the hello to arrive" });
    await dialled.close();
    // A call that comes after the closing arrives after it.
    const peer = connectPeer(listener.address);
    await peer.probe(contextFor(5_000));
    peer.close();
    decide();
    await eventually(() => closed === 1, { what: "the receiver to be told" });
    assert.deepStrictEqual(dialled.hellos, []);
  });
});

Deno.test("link: one that breaks the order of steps, or sends garbage, is refused alone", async () => {
  const acceptor = new Acceptor();
  await withAcceptor(acceptor.openLink, async ({ address }) => {
    const { path, request } = clusterMethods.link;
    const hello = request.toBytes({ kind: "hello", hello: helloOf("raw") });
    const frames = request.toBytes({ kind: "frames", frames: [ping(1)] });
    const good = new Dialled(address);
    await good.opened();
    const bounds = { receiveBytesMax: 1_000_000, sendBytesMax: 1_000_000 };
    for (const pieces of [[frames], [hello, hello], [new Uint8Array([255, 255])]]) {
      const channel = new Channel(address, bounds);
      const reason = await new Promise((resolve) => {
        const call = channel.duplex({ path });
        call.on(
          "error",
          ({ metadata }: { metadata: { get(key: string): unknown[] } }) =>
            resolve(metadata.get("jmessage-reason")[0]),
        );
        call.on("data", () => {});
        for (const piece of pieces) call.write(asBuffer(piece));
      });
      assert.strictEqual(reason, "INVALID_ARGUMENT");
      channel.close();
    }
    assert(good.link.send(ping(7)));
    await eventually(() => acceptor.frames.length > 0);
    assert.deepStrictEqual(acceptor.frames, [ping(7)]);
    await good.close();
  });
});
