/**
 * Shows that a session's native half is not freed, and sends nothing, while it reads.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { guardSessions } from "./session_guard.ts";

/** The class of the native half, of any session. */
function handlePrototypeOf(session: ClientHttp2Session | ServerHttp2Session): object {
  const symbol = Object.getOwnPropertySymbols(session).find((one) => one.description === "kHandle");
  assert.ok(symbol !== undefined, "a session has a handle");
  return Object.getPrototypeOf(Reflect.get(session, symbol));
}

/** Records each call of the named methods, and when it is over. */
function record(prototype: object, names: readonly string[], events: string[]): void {
  for (const name of names) {
    const original = Reflect.get(prototype, name);
    Reflect.set(prototype, name, function (this: unknown, ...args: unknown[]) {
      events.push(`${name} begins`);
      const result: unknown = Reflect.apply(original, this, args);
      events.push(`${name} ends`);
      return result;
    });
  }
}

/** Names of the calls that began while `receive` was not over. */
function within(events: readonly string[]): readonly string[] {
  let depth = 0;
  return events.filter((event) => {
    if (event === "receive begins") depth += 1;
    if (event === "receive ends") depth -= 1;
    return depth > 0 && event.endsWith("begins") && event !== "receive begins";
  });
}

Deno.test("session guard: a GOAWAY does not end a session that is still reading it", async () => {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    stream.end("hello");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sessionComes = once(server, "session");
  const client = connect(`http://127.0.0.1:${port}`);
  const stream = client.request({ ":path": "/" });
  stream.resume();
  const [session] = await sessionComes as [ServerHttp2Session];
  const events: string[] = [];
  const names = ["receive", "destroy", "getOutgoingChunk"];
  // Beneath the guard: what really reaches the native half.
  record(handlePrototypeOf(session), names, events);
  guardSessions();
  await once(stream, "close");
  const closed = once(session, "close");
  client.close();
  await closed;
  assert.ok(events.includes("receive begins"), "the server read");
  assert.ok(events.includes("destroy begins"), "the server's session ended");
  assert.deepEqual(within(events), []);
  server.close();
  await once(server, "close");
});
