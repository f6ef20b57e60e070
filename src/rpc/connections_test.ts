/**
 * How many connections a port takes, in all and of one address, and when it ends one that sends
 * and asks nothing: at each bound, below and above it, over real sockets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
} from "node:http2";
import { connect, type Socket } from "node:net";
import { limits } from "../limits.ts";
import type { ConnectionBounds } from "./connections.ts";
import { descriptorsMax } from "./descriptors.ts";
import { addUnary, createServer, listen } from "./listener.ts";
import { eventually } from "./rpc_test_services.ts";

const PATH = "/jmessage.test/Echo";
const REQUEST_BYTES_MAX = limits.requestBytesMax;

/** A port with room for eight connections. */
async function withPort(
  test: (port: number, calls: () => number) => Promise<void>,
  options: Pick<ConnectionBounds, "greetingMsMax"> = {},
): Promise<void> {
  let calls = 0;
  const server = createServer({
    receiveBytesMax: REQUEST_BYTES_MAX,
    sendBytesMax: REQUEST_BYTES_MAX,
    connectionsMax: 8,
    looseBytes: "bounded",
    ...options,
  });
  addUnary(server, PATH, (call, answer) => {
    calls += 1;
    answer(null, call.request);
  });
  const listener = await listen(server, "127.0.0.1:0");
  try {
    await test(Number(listener.address.split(":")[1]), () => calls);
  } finally {
    await listener.close(0);
  }
}

/** Connects from an address of this machine; `closed` says whether it was ended. */
async function dial(port: number, localAddress: string) {
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  const state = { socket, closed: false };
  socket.on("error", () => {});
  socket.once("close", () => state.closed = true);
  await once(socket, "connect");
  socket.resume();
  return state;
}

/** The first frame of a server: proof that the connection was taken. */
async function greeted(socket: Socket): Promise<void> {
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  await new Promise((resolve) => socket.once("data", resolve));
}

function isGreeted(socket: Socket): Promise<boolean> {
  const closed = new Promise<boolean>((resolve) => socket.once("close", () => resolve(false)));
  return Promise.race([greeted(socket).then(() => true), closed]);
}

Deno.test("connections: one address has half of the port, and the others the rest", async () => {
  await withPort(async (port) => {
    const taken = [];
    for (let n = 0; n < 4; n++) taken.push(await dial(port, "127.0.0.2"));
    for (const { socket } of taken) await greeted(socket);
    const above = await dial(port, "127.0.0.2");
    await eventually(() => above.closed, { what: "the fifth of one address to be closed" });
    for (let n = 3; n < 7; n++) {
      const other = await dial(port, `127.0.0.${n}`);
      await greeted(other.socket);
      taken.push(other);
    }
    const full = await dial(port, "127.0.0.7");
    await eventually(() => full.closed, { what: "the ninth of all to be closed" });
    assert.deepEqual(taken.map(({ closed }) => closed), Array(8).fill(false));
    taken[0]!.socket.destroy();
    await once(taken[0]!.socket, "close");
    let next = await dial(port, "127.0.0.2");
    // The port learns a little later that the other one has gone.
    for (let tries = 0; tries < 100 && !(await isGreeted(next.socket)); tries++) {
      next = await dial(port, "127.0.0.2");
    }
    assert.equal(next.closed, false, "there is room where one has gone");
    taken.push(next);
    for (const { socket } of taken) socket.destroy();
  });
});

Deno.test("connections: this process may have more descriptors than a port leaves it", () => {
  assert.ok(descriptorsMax() >= 256, String(descriptorsMax()));
});

/** A request as gRPC frames it, with so many bytes of message. */
function framed(bytes: number): Buffer {
  const message = Buffer.alloc(5 + bytes);
  message.writeUInt32BE(bytes, 1);
  return message;
}

function begin(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": PATH,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  stream.resume();
  return stream;
}

Deno.test("connections: parts of requests are held up to the bound, and end the connection above", async () => {
  await withPort(async (port, calls) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const part = framed(REQUEST_BYTES_MAX - 5).subarray(0, 200 * 1024);
    const below = Math.floor(limits.looseBytesMax * 0.9 / part.length);
    const written = (count: number) =>
      Promise.all(Array.from(
        { length: count },
        () => new Promise<void>((resolve) => begin(session).write(part, () => resolve())),
      ));
    await written(below);
    // Whoever is still within the bounds is served.
    const whole = begin(session);
    whole.end(framed(10));
    await once(whole, "end");
    await new Promise((resolve) => setTimeout(resolve, limits.connectionLookMs * 2));
    assert.equal(session.closed, false, "below the bound it goes on");
    let isClosed = false;
    session.once("close", () => isClosed = true);
    void written(Math.ceil(limits.looseBytesMax * 0.3 / part.length));
    await eventually(() => isClosed, { what: "the end of the connection" });
    assert.equal(calls(), 1);
  });
});

Deno.test("connections: requests that are answered may be any number, and as large as they may", async () => {
  await withPort(async (port, calls) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const message = framed(REQUEST_BYTES_MAX);
    const wanted = Math.ceil(1.5 * limits.looseBytesMax / message.length);
    for (let n = 0; n < wanted; n++) {
      const stream = begin(session);
      stream.end(message);
      await once(stream, "end");
    }
    assert.equal(calls(), wanted);
    assert.equal(session.closed, false);
    session.close();
  });
});

Deno.test("connections: a client opens as many streams as it is told, one more waits for room", async () => {
  await withPort(async (port, calls) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    await once(session, "remoteSettings");
    assert.equal(session.remoteSettings.maxConcurrentStreams, limits.streamsPerConnectionMax);
    const streams = Array.from({ length: limits.streamsPerConnectionMax }, () => begin(session));
    await Promise.all(
      streams.map((one) => new Promise<void>((done) => one.write("\0", () => done()))),
    );
    const oneMore = begin(session);
    oneMore.end(framed(10));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(calls(), 0);
    streams[0]!.end(framed(10).subarray(1));
    await once(oneMore, "end");
    assert.equal(calls(), 2);
    session.destroy();
  });
});

Deno.test("connections: one that says nothing is closed when its time is over, not before", async () => {
  const options = { greetingMsMax: 150 };
  await withPort(async (port) => {
    const begun = performance.now();
    const silent = await dial(port, "127.0.0.2");
    const spoke = await dial(port, "127.0.0.2");
    spoke.socket.write("P");
    await once(silent.socket, "close");
    const took = performance.now() - begun;
    assert.ok(took >= options.greetingMsMax - 1, `${took} ms`);
    assert.equal(spoke.closed, false);
    spoke.socket.destroy();
  }, options);
});
