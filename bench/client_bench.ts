/**
 * What a client costs per call, without a network: request ids, cursors, and a whole send
 * through retries, limits and sessions over a connection that answers at once.
 *
 * @module
 */

import { ChatClient } from "../src/client/chat_client.ts";
import { systemClock } from "../src/client/clock.ts";
import { FakeCluster } from "../src/client/client_test_cluster.ts";
import { Cursor } from "../src/client/cursor.ts";
import { newRequestId } from "../src/client/request_id.ts";

const clock = systemClock();

Deno.bench("client: a request id", () => {
  newRequestId(clock);
});

const cursor = new Cursor();
let index = 0;

Deno.bench("client: a cursor takes a message", () => {
  index++;
  cursor.take({ id: `message ${index}`, position: `${index}.0.1.node` });
});

const cluster = new FakeCluster(["node:1"]);
const client = new ChatClient({
  servers: ["node:1"],
  connect: (address) => {
    const connection = cluster.connect(address);
    const info = { clusterId: cluster.id, position: "1.0.1.node" };
    const sent = { id: "id", seq: 1, position: info.position, acceptedAtMs: 0, info };
    return { ...connection, sendMessage: () => Promise.resolve(sent) };
  },
});
await client.cluster();

Deno.bench("client: a send over a connection that answers at once", async () => {
  await client.send("bob", "hello");
});
