/**
 * A look, before a node binds its ports, at whether TLS works here at all: one call over a
 * connection to itself, made exactly as those of others will be. Owns that look and the sentence
 * about its failure: a runtime that cannot do it says so at the start, not at each connection.
 *
 * @module
 */

import process from "node:process";
import { Buffer } from "node:buffer";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { TlsSource } from "../tls/material.ts";
import { Channel } from "./channel.ts";
import { addUnary, createServer, listen as listenTls } from "./listener.ts";
import type { Listener } from "./port.ts";

const PATH = "/jmessage.probe/Echo";
const WORDS = "does TLS work here?";
const BOUNDS = {
  receiveBytesMax: 1_024,
  sendBytesMax: 1_024,
  // One address, its own, may have half of them.
  connectionsMax: 8,
  looseBytes: "bounded",
} as const;

export interface ProbeOptions {
  /** Replaced in tests, as no runtime that is tested fails. */
  readonly listen?: typeof listenTls;
  readonly timeoutMs?: number;
}

/** Resolves if a call over TLS comes through; else throws `INTERNAL` with what to do. */
export async function probeTls(source: TlsSource, options: ProbeOptions = {}): Promise<void> {
  const { listen = listenTls, timeoutMs = limits.tlsProbeMsMax } = options;
  const server = createServer(BOUNDS);
  addUnary(server, PATH, (call, answer) => answer(null, call.request));
  let listener: Listener | null = null;
  try {
    listener = await listen(server, "127.0.0.1:0", {
      source: { current: () => source.current(), onChange: () => () => {} },
      clientCertificate: "none",
      refused: () => {},
    });
    await callOver(listener.address, source, timeoutMs);
  } catch (cause) {
    const { message } = ChatError.from(cause);
    throw new ChatError(
      "INTERNAL",
      `Cannot serve TLS in this runtime, ${runtime()}: a look at itself failed (${message}); ` +
        "run the compiled program, or leave TLS to a proxy on this machine",
      { cause },
    );
  } finally {
    await listener?.close(0);
  }
}

async function callOver(address: string, source: TlsSource, timeoutMs: number): Promise<void> {
  const channel = new Channel(address, BOUNDS, { source, check: { by: "nothing" } });
  try {
    const { bytes } = await channel.unary({
      path: PATH,
      bytes: Buffer.from(WORDS),
      deadlineMs: Date.now() + timeoutMs,
      signal: new AbortController().signal,
    });
    if (bytes.toString() !== WORDS) throw new ChatError("INTERNAL", "other bytes came back");
  } finally {
    channel.close();
  }
}

/** As its makers write it: `deno 2.9.6`. */
function runtime(): string {
  const name = ["deno", "bun"].find((one) => process.versions[one] !== undefined) ?? "node";
  return `${name} ${process.versions[name]}`;
}
