/**
 * What the wire costs: encoding and reading appends, unary calls over a real socket at
 * concurrency 64, frames over a link. Client and server share this process, so a call costs
 * both sides' work.
 *
 * @module
 */

import type { ChatApi } from "../src/rpc/api.ts";
import { connect } from "../src/rpc/client.ts";
import { linkRequest } from "../src/rpc/convert_link.ts";
import type { Frame } from "../src/rpc/peer_api.ts";
import { connectPeer } from "../src/rpc/peer_client.ts";
import { servePeers } from "../src/rpc/peer_server.ts";
import { contextFor, fakePeer, fakeServices, helloOf } from "../src/rpc/rpc_test_services.ts";
import { serveClients } from "../src/rpc/server.ts";

const term = { epoch: 1, number: 20, nodeId: "0198c0de-aaaa-7bbb-8ccc-0123456789ab" };
const checksum = "0123456789abcdef".repeat(2);

/** An append of small commands. */
function append(count: number): Frame {
  const entries = Array.from({ length: count }, (_, i) => ({
    index: 1_000 + i,
    term,
    checksum,
    kind: "command" as const,
    data: new Uint8Array(250),
  }));
  const prev = { index: 999, term, checksum };
  const message = {
    kind: "append",
    term,
    prev,
    entries,
    commitIndex: 990,
    c0Index: 3,
    mark: null,
  } as const;
  return { kind: "raft", message };
}

for (const count of [1, 1_000]) {
  const request = { kind: "frames", frames: [append(count)] } as const;
  const bytes = linkRequest.toBytes(request);
  Deno.bench(`append of ${count}: encode`, () => void linkRequest.toBytes(request));
  Deno.bench(`append of ${count}: read`, () => void linkRequest.fromBytes(bytes));
}

/** Sends, 64 at a time. */
async function sendMany(chat: ChatApi, count: number): Promise<void> {
  const request = { requestId: crypto.randomUUID(), to: "bob", body: "hello world ".repeat(8) };
  let left = count;
  const worker = async () => {
    while (left-- > 0) await chat.sendMessage(request, contextFor(10_000));
  };
  await Promise.all(Array.from({ length: 64 }, worker));
}

Deno.bench("1000 unary calls, 64 at a time", { n: 10, warmup: 5 }, async (bench) => {
  const listener = await serveClients("127.0.0.1:0", fakeServices());
  const connection = connect(listener.address);
  await sendMany(connection, 64);
  bench.start();
  await sendMany(connection, 1_000);
  bench.end();
  connection.close();
  await listener.close(0);
});

Deno.bench("1000 appends of 1 over a link, 16 a turn", { n: 10, warmup: 5 }, async (bench) => {
  const frame = append(1);
  const arrived = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  let left = 1_000;
  const listener = await servePeers(
    "127.0.0.1:0",
    fakePeer({
      openLink: () =>
        Promise.resolve({
          hello: helloOf("acceptor"),
          frames: (frames) => {
            left -= frames.length;
            if (left <= 0) arrived.resolve();
          },
          closed: () => {},
        }),
    }),
  );
  const peer = connectPeer(listener.address);
  const link = peer.openLink(helloOf("dialler"), { opened: () => opened.resolve(), ended() {} });
  await opened.promise;
  bench.start();
  for (let sent = 0; sent < 1_000; sent++) {
    link.send(frame);
    if (sent % 16 === 15) await new Promise((resolve) => setImmediate(resolve));
  }
  await arrived.promise;
  bench.end();
  link.close();
  peer.close();
  await listener.close(0);
});
