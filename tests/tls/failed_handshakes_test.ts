/**
 * Handshakes that fail by the hundred: what a port holds of them is let go soon.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { limits } from "../../src/limits.ts";
import { machineCollector } from "../../src/collector.ts";
import { fakeServices } from "../../src/rpc/rpc_test_services.ts";
import { serveClients } from "../../src/rpc/server.ts";
import { TestCa, withDirectory } from "../support/certificates.ts";
import { rawSocket } from "../support/raw_client.ts";
import { Source } from "../support/tls_source.ts";

const MEBIBYTE = 1024 * 1024;

Deno.test("tls: nothing stays of handshakes that failed", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const source = await Source.of(await ca.node("n1"));
    const tls = { source, clientCertificate: "none" as const, refused: () => {} };
    const listener = await serveClients("127.0.0.1:0", fakeServices(), tls);
    const collect = machineCollector();
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed / MEBIBYTE;
    };
    const fail = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const socket = await rawSocket(listener.address);
        const gone = new Promise((resolve) => socket.once("close", resolve));
        socket.resume();
        socket.end(Buffer.alloc(300, "garbage"));
        await gone;
      }
    };
    await fail(20);
    const before = heap();
    await fail(1_000);
    const held = heap() - before;
    const deadline = performance.now() + limits.tlsHandshakeMsMax * 1.5;
    while (heap() - before > Math.max(1, held / 4)) {
      assert.ok(
        performance.now() < deadline,
        `${heap() - before} MiB of ${held} MiB are still held`,
      );
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await listener.close(0);
  });
});
