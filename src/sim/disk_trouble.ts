/**
 * What is wrong with a simulated machine's disk: it fails a write, has no space, is slow, or gives
 * back another bit than was written. Owns which errors it has given, so that a node that stops
 * because of one is told from a node that stops because of its own fault; writes nothing itself.
 *
 * @module
 */

import { badEntry, LOG_FILE } from "../storage/log_schema.ts";
import { toStorageError } from "../storage/storage_error.ts";
import type { Index } from "../raft/types.ts";
import type { World } from "./world.ts";

/** The trouble of one disk; it outlives the processes that use it. */
export class DiskTrouble {
  readonly #world: World;
  readonly #given = new WeakSet<Error>();
  #failsNext = false;
  #fullUntil = 0;
  /** Added to each fsync, ms. */
  delayMs = 0;
  /** Number of the bit that is another one in the next part of a snapshot that is read. */
  #flippedBit: number | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  get full(): boolean {
    return this.#fullUntil > this.#world.now;
  }

  /** The next write fails. */
  failNext(): void {
    this.#failsNext = true;
  }

  fillFor(ms: number): void {
    this.#fullUntil = Math.max(this.#fullUntil, this.#world.now + ms);
  }

  flipNextChunk(bit: number): void {
    this.#flippedBit = bit;
  }

  /** From now on everything goes well. */
  heal(): void {
    this.#failsNext = false;
    this.#fullUntil = 0;
    this.delayMs = 0;
    this.#flippedBit = null;
  }

  /** The error that a write ends with now, as production's store words it; `null` for none. */
  writeError(file = LOG_FILE): Error | null {
    const code = this.full ? "ENOSPC" : this.#failsNext ? "EIO" : null;
    if (code === null) return null;
    if (code === "EIO") this.#failsNext = false;
    return this.#give(toStorageError(Object.assign(new Error("simulated"), { code }), file));
  }

  /** The error of a read that meets a bad checksum. */
  badEntry(index: Index): Error {
    return this.#give(badEntry(index));
  }

  /** A chunk as it comes from the disk. */
  read(chunk: Uint8Array | null): Uint8Array | null {
    const bit = this.#flippedBit;
    if (bit === null || chunk === null || chunk.length === 0) return chunk;
    this.#flippedBit = null;
    return withFlippedBit(chunk, bit);
  }

  /** Whether this disk is the reason of an error. */
  gave(error: Error): boolean {
    return this.#given.has(error);
  }

  #give(error: Error): Error {
    this.#given.add(error);
    return error;
  }
}

/** A copy in which one bit is another; `bit` counts modulo the bits. */
export function withFlippedBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  const place = bit % (copy.length * 8);
  copy[place >> 3]! ^= 1 << (place & 7);
  return copy;
}
