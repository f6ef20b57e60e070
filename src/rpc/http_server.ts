/**
 * A small HTTP/1.1 server on one address, for what is no gRPC: whoever watches a node asks it for a
 * page of text. Owns its bounds (one question a connection, each with an end in time) and its close;
 * what the pages say is the caller's.
 *
 * @module
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { limits } from "../limits.ts";
import { bind, closeInTime, type Listener, open, type OpenPort } from "./port.ts";
import { TlsGate, type TlsServer } from "./tls_server.ts";

/** An answer. */
export interface HttpPage {
  readonly status: number;
  readonly body: string;
  /** `text/plain`, unless given. */
  readonly type?: string;
}

/** Who answers, by path. What one throws is answered with 500 and its message. */
export type HttpPages = Readonly<Record<string, () => HttpPage | Promise<HttpPage>>>;

const TEXT = "text/plain; charset=utf-8";

/**
 * Serves the pages to GET and HEAD on `host:port`, in plain text or behind TLS. Throws as
 * `open` does if the address cannot be had.
 */
export async function serveHttp(
  address: string,
  pages: HttpPages,
  tls: TlsServer | null = null,
): Promise<Listener> {
  return await open(new HttpPort(pages, tls), address, () => 0);
}

class HttpPort implements OpenPort {
  readonly #pages: HttpPages;
  readonly #sockets = new Set<Socket>();
  readonly #acceptor: NetServer;
  readonly #gate: TlsGate | null;
  readonly close = closeInTime(() => this.#shutDown(), () => this.#breakOff());

  constructor(pages: HttpPages, tls: TlsServer | null) {
    this.#pages = pages;
    const server = createServer((request, response) => void this.#answer(request, response));
    // Its connections come from here: it neither listens nor closes by itself.
    const admit = (socket: Socket) => void server.emit("connection", socket);
    server.on("clientError", (_error, socket) => void socket.destroy());
    this.#gate = tls === null ? null : new TlsGate(tls, admit);
    this.#acceptor = createNetServer((socket) => {
      this.#hold(socket);
      if (this.#gate === null) admit(socket);
      else this.#gate.take(socket);
    });
    this.#acceptor.maxConnections = limits.httpConnectionsMax;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  bind(address: string): Promise<string> {
    return bind(this.#acceptor, address);
  }

  /** Takes no new connections. */
  async #shutDown(): Promise<void> {
    const free = once(this.#acceptor, "close");
    this.#acceptor.close();
    await free;
    this.#gate?.close();
  }

  /** What is not answered yet. */
  #breakOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), limits.httpConnectionMsMax);
    // Errors of a connection are nobody else's.
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body, type = TEXT } = await this.#page(request);
    response.writeHead(status, {
      "content-type": type,
      "content-length": new TextEncoder().encode(body).length,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "connection": "close",
      ...status === 405 ? { allow: "GET, HEAD" } : {},
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #page({ method, url = "/" }: IncomingMessage): Promise<HttpPage> {
    const path = url.replace(/[?#].*$/s, "");
    const page = Object.hasOwn(this.#pages, path) ? this.#pages[path] : undefined;
    if (page === undefined) {
      const known = Object.keys(this.#pages).join(", ");
      return { status: 404, body: `There is no such page: ask for ${known}\n` };
    }
    if (method !== "GET" && method !== "HEAD") {
      return { status: 405, body: "Only GET and HEAD are served\n" };
    }
    try {
      return await page();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { status: 500, body: `${why}\n` };
    }
  }
}
