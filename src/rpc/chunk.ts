/**
 * Chunks of rows on the wire, in snapshots and backups: numbered, each with its checksum. Owns
 * the checksum; whether the chunks are all of them is for others to say.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { ChatError } from "../errors.ts";
import { integer, ownBytes } from "./wire.ts";

/** Some rows, in their order. */
export interface Chunk {
  /** From 0, without gaps. */
  readonly number: number;
  readonly data: Uint8Array;
}

interface WireChunk extends Chunk {
  readonly checksum: Uint8Array;
}

/** A chunk gets its checksum here. */
export function chunkToWire({ number, data }: Chunk): WireChunk {
  return { number, data, checksum: checksumOf(data) };
}

/** A chunk that is not what was sent is refused as `CORRUPT`. */
export function chunkFromWire(wire: WireChunk): Chunk {
  const number = integer(wire.number, "chunk.number");
  if (Buffer.compare(checksumOf(wire.data), wire.checksum) !== 0) {
    throw new ChatError("CORRUPT", `Chunk ${number} of the snapshot came with a bad checksum`);
  }
  return { number, data: ownBytes(wire.data) };
}

function checksumOf(data: Uint8Array): Uint8Array {
  return createHash("sha256").update(data).digest();
}
