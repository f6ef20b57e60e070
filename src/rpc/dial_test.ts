/**
 * What dialling tells of an address, over real sockets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { dial, isConnectedToItself } from "./dial.ts";

async function listen(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

Deno.test("dial: a port where somebody listens accepts, and refuses once nobody does", async () => {
  const { server, port } = await listen();
  const address = `127.0.0.1:${port}`;
  assert.deepEqual(await dial(address, { timeoutMs: 5_000 }).result, { kind: "accepted" });
  await close(server);
  assert.deepEqual(await dial(address, { timeoutMs: 5_000 }).result, { kind: "refused" });
});

Deno.test("dial: a connection from a port to itself is told from one to somebody who listens", async () => {
  const { server, port } = await listen();
  const toSomebody = connect({ host: "127.0.0.1", port });
  await once(toSomebody, "connect");
  assert.equal(isConnectedToItself(toSomebody), false);
  toSomebody.destroy();
  await close(server);
  // Nobody listens there any more, and still it connects.
  const toItself = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.1", localPort: port });
  await once(toItself, "connect");
  assert.equal(isConnectedToItself(toItself), true);
  toItself.destroy();
});
