/**
 * The chained checksum of log entries as simulations without libSQL take it: 64 bits instead of a
 * SHA-256, since nobody there forges an entry, and a fifth of a schedule's time was spent on
 * hashes. What is chained, and that it is checked, is production's; schedules on libSQL also have
 * production's `src/storage/checksum.ts`.
 *
 * @module
 */

import type { Chain } from "../raft/io.ts";
import type { EntryBody } from "../raft/types.ts";
import { bodyBytes } from "../storage/checksum.ts";

/** Two halves of a hash on its way. */
interface Halves {
  low: number;
  high: number;
}

/**
 * Bodies are never changed, and go from node to node as the same object: each is hashed once. So
 * many are remembered, the newest schedules' (a `WeakMap` is gone through by each collection).
 */
const bodies = new Map<object, Halves>();
const BODIES_MAX = 500;

/** Takes the place of production's `chain`. */
export const quickChain: Chain = (previous, index, term, body) => {
  const { low, high } = bodyHash(body);
  const hash = { low, high };
  mixText(hash, previous);
  mix(hash, index);
  mix(hash, term.epoch);
  mix(hash, term.number);
  mixText(hash, term.nodeId);
  mixText(hash, body.kind);
  return (hash.low >>> 0).toString(36) + "." + (hash.high >>> 0).toString(36);
};

function bodyHash(body: EntryBody): Halves {
  const key = body.kind === "config" ? body.config : body.kind === "noop" ? null : body.data;
  const known = key === null ? undefined : bodies.get(key);
  if (known !== undefined) return known;
  const hash = { low: 0x811c9dc5, high: 0x1b873593 };
  for (const byte of bodyBytes(body)) mix(hash, byte);
  if (bodies.size >= BODIES_MAX) bodies.clear();
  if (key !== null) bodies.set(key, hash);
  return hash;
}

function mixText(hash: Halves, text: string): void {
  for (let at = 0; at < text.length; at++) mix(hash, text.charCodeAt(at));
  mix(hash, text.length);
}

function mix(hash: Halves, value: number): void {
  hash.low = Math.imul(hash.low ^ value, 0x01000193);
  hash.high = Math.imul(hash.high ^ value, 0x85ebca6b) ^ (hash.high >>> 13);
}
