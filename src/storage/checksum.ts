/**
 * The chained checksum of log entries (DESIGN §3): two logs that agree on it at one index agree
 * on everything below. Owns what goes into it and in which order, for ever: a change here makes
 * every existing log unreadable. Never touches a file.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Chain } from "../raft/io.ts";
import type { Entry, EntryBody, Index, LogPosition } from "../raft/types.ts";

/** Hex characters kept of each SHA-256: 128 bits, beyond any accident and any search. */
const checksumLength = 32;

/** Hex characters of a seal: it only has to notice damage, not an adversary. */
const sealLength = 16;

/**
 * SHA-256 over the predecessor's checksum, place, kind and body, as 32 hex characters. Nothing in
 * the head contains a line feed, so no two different entries have the same bytes.
 */
export const chain: Chain = (previous, index, term, body) => {
  const place = `${previous}\n${index}\n${term.epoch}\n${term.number}`;
  return createHash("sha256")
    .update(`${place}\n${JSON.stringify(term.nodeId)}\n${body.kind}\n`)
    .update(bodyBytes(body))
    .digest("hex")
    .slice(0, checksumLength);
};

/** A short hash of texts that lie in `log.db` beside the entries, to notice damage to them. */
export function seal(...parts: readonly (string | number)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, sealLength);
}

/** Index of the first entry that does not continue the chain from `base`; `null` if all do. */
export function verifyChain(
  base: LogPosition,
  entries: readonly Entry[],
  link: Chain = chain,
): Index | null {
  let last: Pick<LogPosition, "index" | "checksum"> = base;
  for (const entry of entries) {
    if (entry.index !== last.index + 1) return last.index + 1;
    if (link(last.checksum, entry.index, entry.term, entry) !== entry.checksum) return entry.index;
    last = entry;
  }
  return null;
}

/** JSON with sorted keys and without `undefined`, so that equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(",")}}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const noBytes = new Uint8Array(0);

/** What an entry's body is on disk; {@linkcode bodyFrom} reads it. */
export function bodyBytes(body: EntryBody): Uint8Array {
  switch (body.kind) {
    case "command":
      return body.data;
    case "config":
      return encoder.encode(canonicalJson(body.config));
    case "noop":
      return noBytes;
  }
}

/** The body of a stored entry; `null` if the bytes cannot be one. */
export function bodyFrom(kind: string, data: Uint8Array): EntryBody | null {
  if (kind === "command") return { kind, data };
  if (kind === "noop") return { kind };
  if (kind !== "config") return null;
  try {
    return { kind, config: JSON.parse(decoder.decode(data)) };
  } catch {
    return null;
  }
}
