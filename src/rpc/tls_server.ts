/**
 * TLS as the accepting side does it: between the socket that was accepted and the gRPC server,
 * which gets only connections whose other side may come in. Owns the handshakes, their bound in
 * time, and what is said of those that failed; new certificates hold for new handshakes, and no
 * connection is dropped for them.
 *
 * gRPC could do this itself, but not in every runtime: with its own, handshakes fail in Deno 2.9
 * and, with certificates that change, in Bun 1.4.
 *
 * @module
 */

import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { limits } from "../limits.ts";
import { contextOf, type TlsSource } from "../tls/material.ts";
import { handshakeProblem } from "./tls_client.ts";

/** Certificates of a port, and who may come in. */
export interface TlsServer {
  readonly source: TlsSource & {
    /** Calls back when there is new material; the result ends that. */
    onChange(listener: () => void): () => void;
  };
  /** `optional`: one that is shown must be good all the same. */
  readonly clientCertificate: "required" | "optional" | "none";
  /** What is spoken after the handshake, as ALPN calls it; HTTP/2, unless given. */
  readonly protocols?: readonly string[];
  /** More that a certificate must be, as DER; a sentence about why it is not. */
  readonly problem?: (certificate: Uint8Array) => string | null;
  /** A connection was refused: from where, and why. */
  readonly refused: (from: string, why: string) => void;
}

/** Few say why they end a handshake that they began. */
const DISTRUST = "it ended the handshake, as one does that does not trust this node's certificate";

/** A handshake that goes on. */
interface Pending {
  /** Address of the other side: of a connection that ended it cannot be asked any more. */
  readonly from: string;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Handshakes of one port. */
export class TlsGate {
  readonly #tls: TlsServer;
  readonly #server: Server;
  readonly #pending = new Map<Socket, Pending>();
  readonly #stopListening: () => void;

  /** `admit` gets each connection that may come in. */
  constructor(tls: TlsServer, admit: (socket: TLSSocket) => void) {
    this.#tls = tls;
    this.#server = createServer({
      ...contextOf(tls.source.current()),
      requestCert: tls.clientCertificate !== "none",
      // Judged here, so that it can be said why.
      rejectUnauthorized: false,
      ALPNProtocols: [...tls.protocols ?? ["h2"]],
      minVersion: "TLSv1.2",
      // Deno 2.9 keeps what belongs to a failed handshake for as long, by default two minutes. A
      // little later than the bound that is kept here, which knows what to say of it.
      handshakeTimeout: limits.tlsHandshakeMsMax + limits.connectionLookMs,
    });
    this.#server.on("secureConnection", (socket) => {
      const from = this.#settled(below(socket));
      socket.on("error", () => {});
      const why = this.#problem(socket);
      if (why === null) return admit(socket);
      this.#tls.refused(from, why);
      socket.destroy();
    });
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      this.#failed(below(socket), handshakeProblem(error.code ?? "", socket));
      socket.destroy();
    });
    this.#stopListening = tls.source.onChange(() => {
      this.#server.setSecureContext(contextOf(tls.source.current()));
    });
  }

  /** Begins the handshake on an accepted connection. */
  take(socket: Socket): void {
    const { remoteAddress = "?", remotePort } = socket;
    const host = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress;
    const timer = setTimeout(() => socket.destroy(), limits.tlsHandshakeMsMax);
    this.#pending.set(socket, { from: `${host}:${remotePort}`, timer });
    // The error, if there is one, may come after it.
    socket.once("close", () => void setImmediate(() => this.#failed(socket)));
    this.#server.emit("connection", socket);
  }

  close(): void {
    this.#stopListening();
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  /** Tells why a handshake failed, unless it did not, or that was told. */
  #failed(socket: Socket, why = DISTRUST): void {
    if (!this.#pending.has(socket)) return;
    const from = this.#settled(socket);
    // Whoever dials looks first whether anybody is there, and goes away without a word.
    if (why !== DISTRUST || socket.bytesRead > 0) this.#tls.refused(from, why);
  }

  /** The handshake is over; gives the other side's address. */
  #settled(socket: Socket): string {
    const pending = this.#pending.get(socket);
    clearTimeout(pending?.timer);
    this.#pending.delete(socket);
    return pending?.from ?? "somebody";
  }

  #problem(socket: TLSSocket): string | null {
    const { clientCertificate, problem } = this.#tls;
    if (clientCertificate === "none") return null;
    const certificate: Uint8Array | undefined = socket.getPeerCertificate()?.raw;
    if (certificate === undefined) {
      return clientCertificate === "required" ? "it shows no certificate" : null;
    }
    if (!socket.authorized) {
      const code = String(socket.authorizationError);
      return handshakeProblem(code, socket) ?? `its certificate is not good: ${code}`;
    }
    return problem?.(certificate) ?? null;
  }
}

/** What TLS runs over; the same name in every runtime. */
function below(socket: TLSSocket): Socket {
  return Reflect.get(socket, "_parent") ?? socket;
}
