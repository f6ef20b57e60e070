/**
 * That a steady port is one that no connection of this machine takes while its server is dead.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, createServer, type Server } from "node:net";
import { steadyPort } from "./steady_port.ts";

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, () => resolve());
  });
}

/** Local port of a connection that the system picks one for. */
function outgoingPort(to: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: to });
    socket.once("error", reject);
    socket.once("connect", () => {
      const { localPort = 0 } = socket;
      socket.destroy();
      resolve(localPort);
    });
  });
}

Deno.test("steady port: can be listened at, differs each time, and no connection takes it", async () => {
  const ports: number[] = [];
  for (let count = 0; count < 20; count++) ports.push(await steadyPort());
  assert.equal(new Set(ports).size, ports.length);
  const server = createServer((socket) => socket.on("error", () => {}));
  await listening(server, ports[0] ?? 0);
  try {
    for (let count = 0; count < 20; count++) {
      const outgoing = await outgoingPort(ports[0] ?? 0);
      assert.ok(outgoing > Math.max(...ports), "connections get theirs from another range");
    }
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
