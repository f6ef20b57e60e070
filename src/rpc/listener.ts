/**
 * A gRPC server on one address: its methods, whose calls it counts, and a port that ends without
 * breaking them off. Knows no service.
 *
 * Why it does not close as gRPC would: that tells clients with a GOAWAY, and a client on Deno
 * 2.9 that gets one while a call of its own is on the way aborts its whole process (an assertion
 * of nghttp2). So a closing port answers what it has taken, and then just ends the connections.
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
import { limits } from "../limits.ts";
import { CallAdmission } from "./call_admission.ts";
import { type ConnectionBounds, Connections } from "./connections.ts";
import { guardSessions } from "./session_guard.ts";
import type { StreamHandler, UnaryHandler } from "./handlers.ts";
import { bind, closeInTime, type Listener, open, type OpenPort } from "./port.ts";
import { reasonText, type Status, toStatus } from "./status.ts";
import { TlsGate, type TlsServer } from "./tls_server.ts";

// What goes wrong is thrown or answered; gRPC must not write to stderr past the node's logger.
setLogVerbosity(logVerbosity.NONE);
guardSessions();

/** Bounds of one kind of port. */
export interface ListenerLimits extends ConnectionBounds {
  readonly receiveBytesMax: number;
  readonly sendBytesMax: number;
}

/** What became of one call. */
export interface EndedCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** From its arrival; `null` for a stream, which lasts as long as its reader likes. */
  readonly ms: number | null;
  /** Our reason, or the name of a gRPC status; `null`: answered, or given up by the caller. */
  readonly reason: string | null;
}

/** Told of each call that is over. Must not throw. */
export type CallListener = (call: EndedCall) => void;

/** A server that knows its connections, and how many of its calls are not answered yet. */
export class CountingServer extends Server {
  readonly connections: Connections;
  readonly admission = new CallAdmission();
  /** Whoever counts calls; nobody at first. */
  onCall: CallListener = () => {};
  readonly #services = new Set<string>();
  #open = 0;
  #idle: () => void = () => {};

  constructor(options: ChannelOptions, bounds: ConnectionBounds) {
    super(options);
    this.connections = new Connections(bounds);
  }

  /** Full names of the services that were added. */
  get services(): readonly string[] {
    return [...this.#services];
  }

  /** Adds a method with its handler; messages are bytes. */
  add(path: string, kind: "unary" | "serverStream" | "bidi", handler: AnyHandler): void {
    this.#services.add(path.slice(1, path.lastIndexOf("/")));
    this.register(path, handler, asItIs, asItIs, kind);
  }

  /** A call has come; call the result when it is answered or over, as often as it likes. */
  opened(): () => void {
    this.#open += 1;
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#open -= 1;
      if (this.#open === 0) this.#idle();
    };
  }

  /** Resolves once no call is open. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle = resolve);
  }
}

/** A server that is not bound yet: services are added to it first. */
export function createServer(bounds: ListenerLimits): CountingServer {
  const { receiveBytesMax, sendBytesMax } = bounds;
  const options: ChannelOptions = {
    "grpc.max_receive_message_length": receiveBytesMax,
    "grpc.max_send_message_length": sendBytesMax,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
    // Bookkeeping for a debugging service that is not served.
    "grpc.enable_channelz": 0,
  };
  return new CountingServer(options, bounds);
}

/** Both directions of a stream as bytes. */
export type LinkHandler = handleBidiStreamingCall<Buffer, Buffer>;

type AnyHandler = UnaryHandler | StreamHandler | LinkHandler;

/** Adds a unary method, whose calls are begun when it is their turn. */
export function addUnary(
  server: CountingServer,
  path: string,
  handler: UnaryHandler,
  { isProbe = false } = {},
): void {
  const counted: UnaryHandler = (call, callback) => {
    const [from, bytes] = [call.getPeer(), call.request.length];
    const answered = server.opened();
    const begun = performance.now();
    server.connections.whole(from, bytes);
    const answer = (...what: Parameters<typeof callback>) => {
      callback(...what);
      answered();
      server.onCall({ path, ms: performance.now() - begun, reason: reasonText(what[0]) });
    };
    server.admission.ask({
      from,
      bytes,
      isProbe,
      gone: () => {
        if (call.cancelled) answered();
        return call.cancelled;
      },
      begin: (over) =>
        handler(call, (...what) => {
          over();
          answer(...what);
        }),
      refuse: (error) => answer(toStatus(error)),
    });
  };
  server.add(path, "unary", counted);
}

/** Adds a method that streams its answers. */
export function addStream(server: CountingServer, path: string, handler: StreamHandler): void {
  const counted: StreamHandler = (call) => {
    const ended = server.opened();
    let told = false;
    whenOver(call, (error) => {
      ended();
      if (!told) server.onCall({ path, ms: null, reason: reasonText(error) });
      told = true;
    });
    const [from, bytes] = [call.getPeer(), call.request.length];
    server.connections.whole(from, bytes);
    server.admission.ask({
      from,
      bytes,
      gone: () => call.cancelled,
      // How many may be open is the services' to say.
      begin: (over) => {
        handler(call);
        over();
      },
      refuse: (error) => call.emit("error", toStatus(error)),
    });
  };
  server.add(path, "serverStream", counted);
}

/** Adds a stream that goes on until its reader has enough: the end of the port does not wait for it. */
export function addEndlessStream(
  server: CountingServer,
  path: string,
  handler: StreamHandler,
): void {
  const known: StreamHandler = (call) => {
    server.connections.whole(call.getPeer(), call.request.length);
    handler(call);
  };
  server.add(path, "serverStream", known);
}

/** Adds a method that streams both ways. */
export function addLink(server: CountingServer, path: string, handler: LinkHandler): void {
  const counted: LinkHandler = (call) => {
    whenOver(call, server.opened());
    handler(call);
  };
  server.add(path, "bidi", counted);
}

/** The same for one that goes on until its reader has enough. */
export function addEndlessLink(server: CountingServer, path: string, handler: LinkHandler): void {
  const known: LinkHandler = (call) => {
    const from = call.getPeer();
    call.on("data", (bytes: Buffer) => server.connections.whole(from, bytes.length));
    handler(call);
  };
  server.add(path, "bidi", known);
}

/** Calls `over` once or more, first with the error if it ends with one. */
function whenOver(
  call: { once(event: string, listener: (error: Status) => void): unknown },
  over: (error: Status | null) => void,
): void {
  call.once("error", over);
  for (const event of ["finish", "cancelled", "close"]) call.once(event, () => over(null));
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

/**
 * Binds to `host:port`, in plain text or behind TLS. Throws as `open` does if the
 * address cannot be had.
 */
export async function listen(
  server: CountingServer,
  address: string,
  tls: TlsServer | null = null,
): Promise<Listener> {
  return await open(new Port(server, tls), address, () => server.admission.inFlight);
}

/**
 * Accepts connections for a gRPC server. The server could do so itself, but then nobody holds
 * the connections that never say a word: they would outlive it, and keep it from closing.
 */
class Port implements OpenPort {
  readonly #server: CountingServer;
  readonly #acceptor: NetServer;
  readonly #gate: TlsGate | null;
  /** What is in progress is not waited for any longer. */
  readonly #broken = Promise.withResolvers<void>();
  readonly close = closeInTime(() => this.#shutDown(), () => this.#breakOff());

  constructor(server: CountingServer, tls: TlsServer | null) {
    this.#server = server;
    // Whatever TLS there is has been done before.
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const inject = (socket: Socket) => injector.injectConnection(socket);
    this.#gate = tls === null ? null : new TlsGate(tls, inject);
    this.#acceptor = createNetServer((socket) => {
      if (!server.connections.admit(socket)) return;
      prepare(socket);
      if (this.#gate === null) inject(socket);
      else this.#gate.take(socket);
    });
  }

  get connections(): number {
    return this.#server.connections.size;
  }

  /** The address with the real port. */
  bind(address: string): Promise<string> {
    return bind(this.#acceptor, address);
  }

  async #shutDown(): Promise<void> {
    const free = once(this.#acceptor, "close");
    this.#acceptor.close();
    await Promise.race([this.#server.idle(), this.#broken.promise]);
    // The last answers are handed over, and have yet to go out.
    await Promise.race([pause(limits.lastBytesMs), this.#broken.promise]);
    this.#breakOff();
    await free;
    this.#server.forceShutdown();
  }

  #breakOff(): void {
    this.#broken.resolve();
    this.#gate?.close();
    this.#server.connections.destroy();
  }
}

function prepare(socket: Socket): void {
  // Small messages are the rule, and answers are waited for.
  socket.setNoDelay(true);
  // A host that vanished says no goodbye: its connections must not stay for ever.
  socket.setKeepAlive(true, limits.keepAliveMs);
  // Errors of a connection end its calls; they are nobody else's.
  socket.on("error", () => {});
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
