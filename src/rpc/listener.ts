/**
 * A gRPC server on one address: binding, also to port 0, and closing within a bound. Knows no
 * service.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import {
  type ChannelOptions,
  type handleBidiStreamingCall,
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { splitAddress } from "./dial.ts";
import type { StreamHandler, UnaryHandler } from "./handlers.ts";

// What goes wrong is thrown or answered; gRPC must not write to stderr past the node's logger.
setLogVerbosity(logVerbosity.NONE);

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
  const port = new Port(server);
  try {
    return { address: await port.bind(address), close: (graceMs) => port.close(graceMs) };
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    const text = `Cannot listen on ${address}: ${detail}. Choose another port or stop its owner`;
    throw new ChatError("INVALID_ARGUMENT", text, { cause, field: "listen" });
  }
}

/**
 * Accepts connections for a gRPC server. The server could do so itself, but then nobody holds
 * the connections that never say a word: they would outlive it, and keep it from closing.
 */
class Port {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #acceptor: NetServer;
  #closed: Promise<void> | null = null;

  constructor(server: Server) {
    this.#server = server;
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#acceptor = createNetServer((socket) => {
      this.#hold(socket);
      injector.injectConnection(socket);
    });
  }

  /** The address with the real port. */
  async bind(address: string): Promise<string> {
    const { host, port } = splitAddress(address);
    this.#acceptor.listen({ host, port, backlog: limits.connectBacklog });
    await once(this.#acceptor, "listening");
    const bound = this.#acceptor.address();
    assert(bound !== null && typeof bound === "object", "A bound port has an address");
    return `${address.slice(0, address.lastIndexOf(":"))}:${bound.port}`;
  }

  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#shutDown();
    const timer = setTimeout(() => this.#breakOff(), graceMs);
    return this.#closed.finally(() => clearTimeout(timer));
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    // Small messages are the rule, and answers are waited for.
    socket.setNoDelay(true);
    const greeted = setTimeout(() => {
      if (socket.bytesRead === 0) socket.destroy();
    }, limits.greetingMsMax);
    // Errors of a connection end its calls; they are nobody else's.
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(greeted);
      this.#sockets.delete(socket);
    });
  }

  async #shutDown(): Promise<void> {
    const free = once(this.#acceptor, "close");
    this.#acceptor.close();
    // Connections close once their calls are answered, each when its last bytes are out.
    this.#server.tryShutdown(() => {});
    await free;
  }

  #breakOff(): void {
    this.#server.forceShutdown();
    for (const socket of this.#sockets) socket.destroy();
  }
}
