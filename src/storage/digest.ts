/**
 * The digest of a state: SHA-256 over all rows of all replicated tables in primary-key order at
 * one applied index (DESIGN §10). It is the hash of the row stream, so a snapshot's digest, a
 * file's and a memory's are comparable.
 *
 * @module
 */

import type { SnapshotSource } from "../node/ports.ts";
import type { Index } from "../raft/types.ts";

/** A digest with the index at which it was taken. */
export interface StateDigest {
  readonly appliedIndex: Index;
  /** 64 hex characters. */
  readonly digest: string;
}

/** Reads the source to its end and closes it. */
export async function digestOf(source: SnapshotSource): Promise<StateDigest> {
  try {
    while (await source.next() !== null);
    return { appliedIndex: source.applied.index, digest: source.digest() };
  } finally {
    await source.close();
  }
}
