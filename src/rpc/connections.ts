/**
 * The connections of one port: how many there may be, of one address too, and what each has sent
 * that made no whole request. Owns whom the port turns away and whom it ends; knows nothing of
 * HTTP/2.
 *
 * By that, one account bounds everything that a node would have to hold or read for nothing:
 * requests that never end, floods of resets, pings and settings.
 *
 * @module
 */

import type { Socket } from "node:net";
import { machineCollector } from "../collector.ts";
import { limits } from "../limits.ts";
import { hostOf } from "./host.ts";

/** Bytes that a call may have cost beside its request: headers, window updates. */
const CALL_EXTRA_BYTES = 1024;

/** One connection. */
interface Held {
  readonly socket: Socket;
  readonly host: string;
  /** Bytes that made whole requests, or were forgiven. */
  credit: number;
}

/** Bounds of one port. */
export interface ConnectionBounds {
  /** One address may hold half of them. */
  readonly connectionsMax: number;
  /** Whether a connection may send only so much that makes no request: links send no requests. */
  readonly looseBytes: "bounded" | "free";
  /** As `limits` says, unless a test has less time. */
  readonly greetingMsMax?: number;
}

/** All connections of one port. */
export class Connections {
  readonly #bounds: ConnectionBounds;
  /** By `host:port` of the other side, as gRPC tells it. */
  readonly #held = new Map<string, Held>();
  readonly #sockets = new Set<Socket>();
  readonly #perHost = new Map<string, number>();
  #timer: ReturnType<typeof setInterval> | null = null;
  /** Connections that have closed since garbage was collected. */
  #gone = 0;
  #collect: (() => void) | null = null;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
  }

  /** How many there are. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Takes a connection in, until it closes; `false`: there are enough, and it is closed. */
  admit(socket: Socket): boolean {
    const name = `${socket.remoteAddress}:${socket.remotePort}`;
    const host = hostOf(name);
    const ofHost = this.#perHost.get(host) ?? 0;
    const { connectionsMax, looseBytes, greetingMsMax = limits.greetingMsMax } = this.#bounds;
    if (this.#sockets.size >= connectionsMax || ofHost >= Math.ceil(connectionsMax / 2)) {
      socket.destroy();
      return false;
    }
    const held: Held = { socket, host, credit: 0 };
    this.#sockets.add(socket);
    this.#held.set(name, held);
    this.#perHost.set(host, ofHost + 1);
    const greeting = setTimeout(() => {
      if (socket.bytesRead === 0) socket.destroy();
    }, greetingMsMax);
    socket.once("close", () => {
      clearTimeout(greeting);
      this.#sockets.delete(socket);
      if (this.#held.get(name) === held) this.#held.delete(name);
      this.#leave(host);
      this.#collectAfterMany();
    });
    if (looseBytes === "bounded") {
      this.#timer ??= setInterval(() => this.#look(), limits.connectionLookMs);
    }
    return true;
  }

  /** A request of so many bytes has come in whole from `host:port`. */
  whole(from: string, bytes: number): void {
    const held = this.#held.get(from);
    // TLS adds a little to each record.
    if (held !== undefined) held.credit += Math.ceil(bytes * 1.05) + CALL_EXTRA_BYTES;
  }

  /** Ends all of them. */
  destroy(): void {
    this.#stopLooking();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Most of what a connection leaves is native: the runtime would let it add up for long. */
  #collectAfterMany(): void {
    this.#gone += 1;
    if (this.#gone < limits.connectionsCollected) return;
    this.#gone = 0;
    this.#collect ??= machineCollector();
    this.#collect();
  }

  #leave(host: string): void {
    const left = (this.#perHost.get(host) ?? 1) - 1;
    if (left > 0) this.#perHost.set(host, left);
    else this.#perHost.delete(host);
    if (this.#sockets.size === 0) this.#stopLooking();
  }

  #stopLooking(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    let all = 0;
    const forgiven = limits.looseBytesPerSecond * limits.connectionLookMs / 1_000;
    for (const held of this.#held.values()) {
      held.credit = Math.min(held.socket.bytesRead, held.credit + forgiven);
      const loose = looseOf(held);
      if (loose > limits.looseBytesMax) held.socket.destroy();
      else all += loose;
    }
    if (all > limits.looseBytesAllMax) this.#endWorst(all - limits.looseBytesAllMax);
  }

  #endWorst(excess: number): void {
    const worst = [...this.#held.values()].toSorted((one, two) => looseOf(two) - looseOf(one));
    let left = excess;
    for (const held of worst) {
      if (left <= 0) return;
      left -= looseOf(held);
      held.socket.destroy();
    }
  }
}

function looseOf({ socket, credit }: Held): number {
  return socket.bytesRead - credit;
}
