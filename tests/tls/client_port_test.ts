/**
 * A client port with TLS, over real sockets: who is believed, that connections outlive the
 * certificates they were made with, and the look at oneself before a start.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { openChat } from "../../src/client/open.ts";
import { ChatError } from "../../src/errors.ts";
import { connect } from "../../src/rpc/client.ts";
import type { Listener } from "../../src/rpc/port.ts";
import { contextFor, fakeServices } from "../../src/rpc/rpc_test_services.ts";
import { serveClients } from "../../src/rpc/server.ts";
import { probeTls } from "../../src/rpc/tls_probe.ts";
import type { TlsServer } from "../../src/rpc/tls_server.ts";
import { readMaterial, type TlsFiles } from "../../src/tls/material.ts";
import { TestCa, withDirectory } from "../support/certificates.ts";
import { arrived, Source } from "../support/tls_source.ts";

/** A client port that says which certificate it was shown. */
async function withClientPort(
  files: TlsFiles,
  test: (port: {
    readonly listener: Listener;
    readonly source: Source;
    readonly said: string[];
    /** How many bytes the newest caller's certificate has. */
    readonly seen: () => number | undefined;
  }) => Promise<void>,
): Promise<void> {
  const source = await Source.of(files);
  const said: string[] = [];
  const tls: TlsServer = {
    source,
    clientCertificate: files.ca === undefined ? "none" : "optional",
    refused: (_from, why) => void said.push(why),
  };
  let seen: number | undefined;
  const services = fakeServices({
    chat: {
      logout: (_request, { certificate }) => {
        seen = certificate?.length;
        return Promise.resolve({ info: { clusterId: "c", position: "p" } });
      },
      subscribe: async function* (_request, { signal }) {
        while (!signal.aborted) {
          yield { kind: "heartbeat", position: "p" };
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
    },
  });
  const listener = await serveClients("127.0.0.1:0", services, tls);
  try {
    await test({ listener, source, said, seen: () => seen });
  } finally {
    await listener.close(0);
  }
}

async function logout(address: string, files: TlsFiles | null): Promise<void> {
  const client = connect(address, files && await Source.of(files));
  try {
    await client.logout({ requestId: "r-1", all: false }, contextFor(5_000));
  } finally {
    client.close();
  }
}

Deno.test("client tls: the CA and the host are checked; a certificate need not be shown", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const other = await TestCa.make(join(directory, "other"));
    await withClientPort(await ca.node("n1"), async ({ listener, said, seen }) => {
      await logout(listener.address, { ca: ca.ca });
      assert.equal(seen(), undefined);
      const untrusted = /its certificate is not from a CA that is trusted here/;
      const refused = { reason: "NO_ANSWER", message: untrusted };
      await assert.rejects(logout(listener.address, { ca: other.ca }), refused);
      await assert.rejects(logout(listener.address, {}), refused);
      const plain = { reason: "NO_ANSWER", message: /it may expect TLS/ };
      await assert.rejects(logout(listener.address, null), plain);
      await arrived(() => said.includes("it does not speak TLS"));
    });
    const elsewhere = await ca.node("n1", { hosts: ["chat.example.org"] });
    await withClientPort(elsewhere, async ({ listener }) => {
      const message = /its certificate is for other hosts$/;
      await assert.rejects(logout(listener.address, { ca: ca.ca }), { message });
    });
  });
});

Deno.test("client tls: a certificate that is shown is checked, and calls can see it", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const other = await TestCa.make(join(directory, "other"));
    const foreign = { ...await other.operator("eve"), ca: ca.ca };
    const own = await ca.operator("admin");
    await withClientPort(await ca.node("n1"), async ({ listener, said, seen }) => {
      await assert.rejects(logout(listener.address, foreign), { reason: "NO_ANSWER" });
      await arrived(() => said.length > 0);
      assert.deepEqual([...new Set(said)], [
        "its certificate is not from a CA that is trusted here",
      ]);
      assert.equal(seen(), undefined);
      await logout(listener.address, own);
      assert.ok((seen() ?? 0) > 300, "the certificate has arrived");
    });
  });
});

Deno.test("client tls: a stream outlives a change of CA and certificate; new connections use these", async () => {
  await withDirectory(async (directory) => {
    const old = await TestCa.make(join(directory, "old"));
    const next = await TestCa.make(join(directory, "next"));
    await withClientPort(await old.node("n1"), async ({ listener, source }) => {
      const client = connect(listener.address, await Source.of({ ca: old.ca }));
      const context = contextFor(60_000);
      const frames = client.subscribe({ positions: [] }, context)[Symbol.asyncIterator]();
      assert.equal((await frames.next()).value?.kind, "heartbeat");
      await source.change(await next.node("n1"));
      await assert.rejects(logout(listener.address, { ca: old.ca }), /not from a CA/);
      await logout(listener.address, { ca: next.ca });
      const shown = await next.operator("admin");
      await logout(listener.address, shown);
      await assert.rejects(logout(listener.address, { ...await old.operator("a"), ca: next.ca }));
      for (let count = 0; count < 20; count++) {
        assert.equal((await frames.next()).value?.kind, "heartbeat");
      }
      await frames.return?.();
      client.close();
    });
  });
});

Deno.test("tls: a port that hears nothing gives up, and one that closes waits for nobody", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    await withClientPort(await ca.node("n1"), async ({ listener }) => {
      const [hostname = "", port] = listener.address.split(":");
      const silent = await Deno.connect({ hostname, port: Number(port) });
      const started = performance.now();
      await listener.close(0);
      assert.ok(performance.now() - started < 2_000, "it closed at once");
      assert.equal(await silent.read(new Uint8Array(1)).catch(() => null), null);
      silent.close();
    });
  });
});

Deno.test("tls probe: passes where TLS works, and is one line with a way out where it does not", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const source = await Source.of(await ca.node("n1"));
    await probeTls(source);
    // A runtime that takes the connection, and never answers the handshake.
    const deaf = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const taken: Deno.Conn[] = [];
    const accepting = (async () => {
      for await (const connection of deaf) taken.push(connection);
    })();
    const { port } = deaf.addr as Deno.NetAddr;
    const listener = {
      address: `127.0.0.1:${port}`,
      close: () => Promise.resolve(),
      connections: () => 0,
      calls: () => 0,
    };
    const listen = () => Promise.resolve(listener);
    await assert.rejects(probeTls(source, { listen, timeoutMs: 300 }), {
      reason: "INTERNAL",
      message:
        /^Cannot serve TLS in this runtime, \w+ [\d.]+: a look at itself failed \(.*\); run /,
    });
    deaf.close();
    for (const connection of taken) connection.close();
    await accepting;
  });
});

/** How a chat client ends that has so little time. */
async function failureOf(servers: readonly string[], files: TlsFiles | null): Promise<string> {
  const tls = files === null ? undefined : await readMaterial(files);
  const client = openChat({ servers, tls });
  try {
    await client.cluster({ timeoutMs: 1_500 });
    return "it succeeded";
  } catch (thrown) {
    return ChatError.from(thrown).message;
  } finally {
    client.close();
  }
}

Deno.test("client tls: a chat client says why it finds nobody, of each server, as admin does", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const other = await TestCa.make(join(directory, "other"));
    const plain = await serveClients("127.0.0.1:0", fakeServices({}), null);
    try {
      await withClientPort(await ca.node("n1"), async ({ listener: { address: secure } }) => {
        const untrusted = "its certificate is not from a CA that is trusted here";
        const expected: [readonly string[], TlsFiles | null, string[]][] = [
          [[secure], { ca: other.ca }, [`within 1.5 s: no answer from ${secure}: ${untrusted}`]],
          [[secure], null, [`from ${secure}: it ended the connection at once; it may expect TLS`]],
          [[plain.address], { ca: ca.ca }, [`from ${plain.address}: it does not speak TLS;`]],
          [["no-such-host.invalid:1"], null, [
            "from no-such-host.invalid:1: the name of the host is not known;",
          ]],
          [["127.0.0.1:1"], null, ["no answer from 127.0.0.1:1: the connection was refused;"]],
          [[secure, plain.address], { ca: other.ca }, [
            `${secure} (${untrusted}`,
            `${plain.address} (it does not speak TLS)`,
          ]],
        ];
        for (const [servers, files, texts] of expected) {
          const message = await failureOf(servers, files);
          for (const text of texts) assert.ok(message.includes(text), message);
        }
      });
    } finally {
      await plain.close(0);
    }
  });
});

Deno.test("client tls: while another connection is tried, it is known why the one before failed", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    // It answers the first in plain text, and the others never.
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      socket.on("error", () => {});
      if (sockets.push(socket) === 1) socket.end("no TLS is spoken here at all\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = connect(`127.0.0.1:${port}`, await Source.of({ ca: ca.ca }));
    const ask = () => client.logout({ requestId: "r-1", all: false }, contextFor(2_000));
    try {
      await assert.rejects(ask(), /it does not speak TLS$/);
      await arrived(() => sockets.length > 1);
      await assert.rejects(ask(), /it does not speak TLS$/);
    } finally {
      client.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
});
