/**
 * A gRPC server on one address: binding, also to port 0, and closing within a bound. Knows no
 * service.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import {
  type ChannelOptions,
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
} from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { StreamHandler, UnaryHandler } from "./handlers.ts";

/** A port that is being served. */
export interface Listener {
  /** `host:port` as bound: where port 0 was asked for, the port that was given. */
  readonly address: string;
  /**
   * Takes no new connections nor calls, waits at most `graceMs` for those in progress, breaks
   * off the rest. Resolves once the port is free. Closing again hastens the first closing.
   */
  close(graceMs: number): Promise<void>;
}

/** Bounds of one kind of port. */
export interface ListenerLimits {
  readonly receiveBytesMax: number;
  readonly sendBytesMax: number;
}

/** A server that is not bound yet: services are added to it first. */
export function createServer({ receiveBytesMax, sendBytesMax }: ListenerLimits): Server {
  const options: ChannelOptions = {
    "grpc.max_receive_message_length": receiveBytesMax,
    "grpc.max_send_message_length": sendBytesMax,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
    // Bookkeeping for a debugging service that is not served.
    "grpc.enable_channelz": 0,
  };
  return new Server(options);
}

/** Both directions of a stream as bytes. */
export type LinkHandler = handleBidiStreamingCall<Buffer, Buffer>;

/** Adds a unary method. */
export function addUnary(server: Server, path: string, handler: UnaryHandler): void {
  server.register(path, handler, asItIs, asItIs, "unary");
}

/** Adds a method that streams its answers. */
export function addStream(server: Server, path: string, handler: StreamHandler): void {
  server.register(path, handler, asItIs, asItIs, "serverStream");
}

/** Adds a method that streams both ways. */
export function addLink(server: Server, path: string, handler: LinkHandler): void {
  server.register(path, handler, asItIs, asItIs, "bidi");
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

/** Binds to `host:port`. Throws `INVALID_ARGUMENT` if the address cannot be had. */
export async function listen(server: Server, address: string): Promise<Listener> {
  const port = await bind(server, address);
  const host = address.slice(0, address.lastIndexOf(":"));
  return { address: `${host}:${port}`, close: (graceMs) => shutDown(server, graceMs) };
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => {
      const detail = cause instanceof Error ? cause.message : String(cause);
      const text = `Cannot listen on ${address}: ${detail}. Choose another port or stop its owner`;
      reject(new ChatError("INVALID_ARGUMENT", text, { cause, field: "listen" }));
    };
    try {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (error) failed(error);
        else resolve(port);
      });
    } catch (error) {
      failed(error);
    }
  });
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      // Ends what refuses to end by itself; nothing if all is over.
      server.forceShutdown();
      resolve();
    });
  });
}
