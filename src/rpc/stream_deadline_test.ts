/**
 * Streams at their deadlines, as a reader sees them who does not end them by itself, as a client of
 * gRPC would.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { ChatApi } from "./api.ts";
import { eventually, fakeServices, message } from "./rpc_test_services.ts";
import { serveClients } from "./server.ts";
import { subscribeMethod } from "./services.ts";

/** Runs a test on a connection to a server whose subscriptions are `subscribe`. */
async function withSubscribe(
  subscribe: ChatApi["subscribe"],
  test: (session: ClientHttp2Session) => Promise<void>,
): Promise<void> {
  const listener = await serveClients("127.0.0.1:0", fakeServices({ chat: { subscribe } }));
  const session = connect(`http://${listener.address}`);
  try {
    await test(session);
  } finally {
    session.destroy();
    await listener.close(0);
  }
}

Deno.test("subscribe: a stream that is being written ends at its deadline all the same", async () => {
  const subscribe: ChatApi["subscribe"] = async function* (_request, { signal }) {
    while (!signal.aborted) {
      yield { kind: "heartbeat", position: "p9" };
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  await withSubscribe(subscribe, async (session) => {
    let open = 200;
    for (let at = 0; at < 200; at++) {
      rawSubscribe(session, 20 + at % 30).resume().once("end", () => open -= 1);
    }
    await eventually(() => open === 0, { what: "the end of all streams" });
  });
});

Deno.test("subscribe: a stream ends at its deadline, whatever its reader has not taken", async () => {
  let gone = false;
  const subscribe: ChatApi["subscribe"] = async function* (_request, { signal }) {
    signal.addEventListener("abort", () => gone = true);
    while (true) yield { kind: "message", message: { ...message, body: "x".repeat(60_000) } };
  };
  await withSubscribe(subscribe, async (session) => {
    const begun = performance.now();
    let ended = false;
    const stream = rawSubscribe(session, 100).pause().once("end", () => ended = true);
    await eventually(() => performance.now() > begun + 150, { what: "the deadline" });
    stream.resume();
    await eventually(() => ended && gone, { what: "the end of the stream" });
  });
});

/** A subscription with a deadline that only the server looks at. */
function rawSubscribe(session: ClientHttp2Session, deadlineMs: number): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": subscribeMethod.path,
    "content-type": "application/grpc",
    "grpc-timeout": `${deadlineMs}m`,
    te: "trailers",
  });
  stream.end(Buffer.alloc(5));
  return stream;
}
