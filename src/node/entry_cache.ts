/**
 * The newest entries on their way from the core to the state machine, so that applying them
 * needs no read from disk. Owns a bounded map by index; never the truth: what is not here is
 * read from the log store.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Entry, Index } from "../raft/types.ts";

/** How much an {@linkcode EntryCache} holds before it stops taking entries in. */
export interface EntryCacheLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** Bytes that an entry's body holds in memory, roughly: configs and noops count as none. */
function bodyBytes(entry: Entry): number {
  return entry.kind === "command" ? entry.data.byteLength : 0;
}

/** Entries not yet applied, by index. */
export class EntryCache {
  readonly #limits: EntryCacheLimits;
  readonly #entries = new Map<Index, Entry>();
  #bytes = 0;

  constructor(limits: EntryCacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Takes entries in, in the place of older ones at their indexes; drops what does not fit. */
  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#drop(entry.index);
      const bytes = bodyBytes(entry);
      const full = this.#entries.size >= this.#limits.entriesMax ||
        this.#bytes + bytes > this.#limits.bytesMax;
      if (full) continue;
      this.#entries.set(entry.index, entry);
      this.#bytes += bytes;
    }
  }

  /** Forgets everything from this index on: the log was cut there. */
  truncateFrom(index: Index): void {
    for (const cached of [...this.#entries.keys()]) if (cached >= index) this.#drop(cached);
  }

  /** Forgets everything up to this index: it is applied. */
  applied(index: Index): void {
    // Entries came in by rising index but for truncations, so this ends early as a rule.
    for (const cached of this.#entries.keys()) {
      if (cached > index) break;
      this.#drop(cached);
    }
  }

  /** The unbroken run of entries from `from`, at most up to `to`; empty if `from` is not here. */
  run(from: Index, to: Index): readonly Entry[] {
    const found: Entry[] = [];
    for (let index = from; index <= to; index++) {
      const entry = this.#entries.get(index);
      if (entry === undefined) break;
      assert(entry.index === index, `Entry ${entry.index} is cached as ${index}`);
      found.push(entry);
    }
    return found;
  }

  #drop(index: Index): void {
    const entry = this.#entries.get(index);
    if (entry === undefined) return;
    this.#entries.delete(index);
    this.#bytes -= bodyBytes(entry);
  }
}
