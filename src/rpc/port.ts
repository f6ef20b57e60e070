/**
 * What all ports have in common, whatever is spoken at them: an address that they are bound to, and
 * an end that comes in time. Knows no protocol.
 *
 * @module
 */

import { once } from "node:events";
import type { Server as NetServer } from "node:net";
import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { splitAddress } from "./dial.ts";

/** A port that is being served. */
export interface Listener {
  /** `host:port` as bound: where port 0 was asked for, the port that was given. */
  readonly address: string;
  /**
   * Takes no new connections nor calls, waits at most `graceMs` for those in progress, breaks
   * off the rest. Resolves once the port is free. Closing again hastens the first closing.
   */
  close(graceMs: number): Promise<void>;
  /** Connections that are open now. */
  connections(): number;
  /** Calls that wait or are carried out now. */
  calls(): number;
}

/** Whoever accepts connections. */
export interface OpenPort {
  /** The address with the real port. */
  bind(address: string): Promise<string>;
  readonly close: Listener["close"];
  readonly connections: number;
}

/**
 * What may be over when it is tried again, and so is no wrong usage: whoever starts a node anew
 * (systemd) must not give up. An address may come late, with its network;
 * for one that is not there yet this runtime says EINVAL.
 */
const PASSING = new Set<unknown>(["EADDRINUSE", "EADDRNOTAVAIL", "EINVAL", "EAI_AGAIN"]);

/** The host is none, or is not here: no port of it would do. */
const OTHER_HOST = new Set<unknown>(["ENOTFOUND", "EAI_AGAIN", "EADDRNOTAVAIL", "EINVAL"]);

/** Lower ports are for whoever may: root, or a program with that capability. */
const PRIVILEGED_BELOW = 1_024;

/**
 * Binds a port. If the address cannot be had, throws `INTERNAL` where it may be had later, and else
 * `INVALID_ARGUMENT`.
 */
export async function open(
  port: OpenPort,
  address: string,
  calls: () => number,
): Promise<Listener> {
  try {
    return {
      address: await port.bind(address),
      close: (graceMs) => port.close(graceMs),
      connections: () => port.connections,
      calls,
    };
  } catch (cause) {
    throw cannotListen(address, cause);
  }
}

/**
 * Closes as {@linkcode Listener} says: `shutDown` waits for what is in progress, and `breakOff` ends
 * that wait. Both may be called by the first closing and by any later one that has less patience.
 */
export function closeInTime(
  shutDown: () => Promise<void>,
  breakOff: () => void,
): Listener["close"] {
  let closed: Promise<void> | null = null;
  return (graceMs) => {
    closed ??= shutDown();
    const timer = setTimeout(breakOff, graceMs);
    return closed.finally(() => clearTimeout(timer));
  };
}

/** The error for an address that cannot be had. */
function cannotListen(address: string, cause: unknown): ChatError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const remedy = remedyOf(code, address);
  const text = `Cannot listen on ${address}: ${detail}. ${remedy}`;
  return PASSING.has(code)
    ? new ChatError("INTERNAL", text, { cause })
    : new ChatError("INVALID_ARGUMENT", text, { cause, field: "listen" });
}

function remedyOf(code: unknown, address: string): string {
  if (OTHER_HOST.has(code)) return "Give an address of this machine";
  // Nobody has the port: stopping somebody would not help.
  if (code === "EACCES" && splitAddress(address).port < PRIVILEGED_BELOW) {
    return `A port below ${PRIVILEGED_BELOW} needs a privilege: choose one from there on, or give ` +
      "the program CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=)";
  }
  return "Choose another port or stop its owner";
}

/** Binds to `host:port`; gives the address with the real port. */
export async function bind(acceptor: NetServer, address: string): Promise<string> {
  const { host, port } = splitAddress(address);
  acceptor.listen({ host, port, backlog: limits.connectBacklog });
  await once(acceptor, "listening");
  const bound = acceptor.address();
  assert(bound !== null && typeof bound === "object", "A bound port has an address");
  return `${address.slice(0, address.lastIndexOf(":"))}:${bound.port}`;
}
