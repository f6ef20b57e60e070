/**
 * Ports over real sockets: binding, closing in time, coming back, and connections that are
 * none of ours.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { ChatError } from "../errors.ts";
import { connect } from "./client.ts";
import { connectPeer } from "./peer_client.ts";
import { servePeers } from "./peer_server.ts";
import {
  contextFor,
  eventually,
  fakePeer,
  fakeServices,
  helloOf,
  info,
} from "./rpc_test_services.ts";
import { serveClients } from "./server.ts";

const send = { requestId: "r-1", to: "bob", body: "hello" };

function portOf(address: string): number {
  return Number(address.split(":").at(-1));
}

async function openSocket(address: string): Promise<Socket> {
  const socket = connectSocket({ host: "127.0.0.1", port: portOf(address) });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

Deno.test("listener: port 0 becomes a real port, and a taken port is refused by name", async () => {
  const listener = await serveClients("127.0.0.1:0", fakeServices());
  try {
    assert.match(listener.address, /^127\.0\.0\.1:[1-9]\d*$/);
    await assert.rejects(
      serveClients(listener.address, fakeServices()),
      (error) =>
        error instanceof ChatError && error.reason === "INTERNAL" &&
        error.message.includes(listener.address),
    );
  } finally {
    await listener.close(0);
  }
});

Deno.test("listener: closing lets calls in progress finish, and takes no new connections", async () => {
  let answer = () => {};
  const services = fakeServices({
    chat: {
      sendMessage: ({ requestId: id }) =>
        new Promise((resolve) => {
          answer = () => resolve({ id, seq: 1, position: "p", acceptedAtMs: 0, info });
        }),
    },
  });
  const listener = await serveClients("127.0.0.1:0", services);
  const connection = connect(listener.address);
  const late = connect(listener.address);
  try {
    let answered = false;
    const call = connection.sendMessage(send, contextFor(10_000)).then(() => answered = true);
    await connection.getCluster({}, contextFor(5_000));
    const closed = listener.close(5_000);
    await assert.rejects(late.getCluster({}, contextFor(5_000)), isNoAnswer);
    assert.strictEqual(answered, false);
    answer();
    await call;
    await closed;
  } finally {
    late.close();
    connection.close();
  }
});

Deno.test("listener: what does not finish in time is broken off, and the port is free again", async () => {
  const services = fakeServices({ chat: { sendMessage: () => new Promise(() => {}) } });
  const listener = await serveClients("127.0.0.1:0", services);
  const connection = connect(listener.address);
  const silent = await openSocket(listener.address);
  try {
    const call = connection.sendMessage(send, contextFor(60_000)).catch((error) => error);
    await connection.getCluster({}, contextFor(5_000));
    await listener.close(50);
    assert(isNoAnswer(await call));
    const again = await serveClients(listener.address, fakeServices());
    await again.close(0);
  } finally {
    silent.destroy();
    connection.close();
  }
});

Deno.test("listener: a connection finds a server that comes back within a fraction of a second", async () => {
  const first = await serveClients("127.0.0.1:0", fakeServices());
  const connection = connect(first.address);
  try {
    await connection.getCluster({}, contextFor(5_000));
    await first.close(0);
    for (let i = 0; i < 3; i++) {
      // A dead node is found out at once, not at the deadline.
      const started = performance.now();
      await assert.rejects(connection.getCluster({}, contextFor(5_000)), isNoAnswer);
      assert(performance.now() - started < 1_000);
    }
    const second = await serveClients(first.address, fakeServices());
    const back = performance.now();
    while (true) {
      const answer = await connection.getCluster({}, contextFor(5_000)).catch(isNoAnswer);
      if (typeof answer === "object") break;
      assert(performance.now() - back < 2_000, "The server is back, and was not found");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await second.close(0);
  } finally {
    connection.close();
  }
});

Deno.test("listener: garbage, half a greeting and silence harm nobody else", async () => {
  const clients = await serveClients("127.0.0.1:0", fakeServices());
  const peers = await servePeers("127.0.0.1:0", fakePeer());
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const openings = [
    "",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\u0016\u0003\u0001\u0002\u0000",
    preface.slice(0, 10),
    preface,
    preface + "\xff".repeat(200),
  ];
  const connection = connect(clients.address);
  const peer = connectPeer(peers.address);
  const sockets: Socket[] = [];
  try {
    for (const { address } of [clients, peers]) {
      for (const opening of openings) {
        const socket = await openSocket(address);
        sockets.push(socket);
        socket.write(opening, "latin1");
      }
      // One that resets the connection instead of closing it.
      const reset = await openSocket(address);
      reset.write(preface, "latin1", () => reset.resetAndDestroy());
    }
    for (let i = 0; i < 20; i++) {
      await connection.getCluster({}, contextFor(5_000));
      await peer.probe(contextFor(5_000));
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    connection.close();
    peer.close();
    await clients.close(100);
    await peers.close(100);
  }
});

Deno.test("listener: against a port that accepts and says nothing, calls and links end in time", async () => {
  const sockets = new Set<Socket>();
  const mute = createServer((socket) => void sockets.add(socket));
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  const { port } = mute.address() as { port: number };
  const connection = connect(`127.0.0.1:${port}`);
  const peer = connectPeer(`127.0.0.1:${port}`);
  try {
    await assert.rejects(connection.getCluster({}, contextFor(150)), isNoAnswer);
    await assert.rejects(peer.probe(contextFor(150)), isNoAnswer);
    const ends: unknown[] = [];
    const link = peer.openLink(helloOf("n1"), {
      opened: () => assert.fail("It opened"),
      ended: (end) => ends.push(end),
    });
    link.close();
    await eventually(() => ends.length === 1);
    assert.deepStrictEqual(ends, [{ kind: "closed" }]);
  } finally {
    connection.close();
    peer.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
    await once(mute, "close");
  }
});

function isNoAnswer(error: unknown): boolean {
  return error instanceof ChatError && error.reason === "NO_ANSWER";
}
