/**
 * A simulated `log.db`: what is written is on disk when its fsync ends, and a crash before that
 * leaves either all of the write or nothing of it. Owns what survives; held to the same
 * contract tests as the real store.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { LogHistory, LogStore } from "../node/ports.ts";
import type { Chain } from "../raft/io.ts";
import { EMPTY_BASE } from "../raft/log.ts";
import { sameTerm, ZERO_TERM } from "../raft/term.ts";
import type {
  Base,
  ConfigEntry,
  Entry,
  Index,
  LogPosition,
  PersistBatch,
  StoredState,
  Term,
  TermStart,
} from "../raft/types.ts";
import { verifyChain } from "../storage/checksum.ts";
import { withFlippedBit } from "./disk_trouble.ts";

/** Bytes that an entry counts for in a bounded read. */
function sizeOf(entry: Entry): number {
  return entry.kind === "command" ? entry.data.byteLength : 0;
}

/** The content of a disk, as plain data in memory. Synchronous: time is the caller's. */
export class DiskImage {
  #promised: Term = ZERO_TERM;
  #commitIndex: Index = 0;
  #base: Base = EMPTY_BASE;
  #termStarts: TermStart[] = [];
  /** Entry `base.index + 1 + n` at place n. */
  #entries: Entry[] = [];
  /** The entry with a flipped bit, as it lies here since. */
  #damaged: Entry | null = null;

  get base(): Base {
    return this.#base;
  }
  get commitIndex(): Index {
    return this.#commitIndex;
  }
  get promised(): Term {
    return this.#promised;
  }
  get last(): LogPosition {
    return this.#entries.at(-1) ?? this.#base;
  }

  entryAt(index: Index): Entry | null {
    return this.#entries[index - this.#base.index - 1] ?? null;
  }

  /** True if the entry of this checksum, or a snapshot that covers it, is here. */
  holds(position: { readonly index: Index; readonly term: Term }): boolean {
    const entry = this.entryAt(position.index);
    if (entry !== null) return sameTerm(entry.term, position.term);
    if (position.index > this.#base.index) return false;
    const term = this.#termStarts.findLast(({ index }) => index <= position.index)?.term;
    return term !== undefined && sameTerm(term, position.term);
  }

  /** The entry with a flipped bit, while it is here; `null` if there is none. */
  get damaged(): Entry | null {
    const entry = this.#damaged;
    return entry !== null && this.entryAt(entry.index) === entry ? entry : null;
  }

  /** Flips a bit of one entry, 0 being the first and 999 the last; false if there is none. */
  flip(permille: number): boolean {
    return this.flipAt(this.#base.index + 1 + Math.floor(this.#entries.length * permille / 1_000));
  }

  /** Flips a bit of the entry at an index; false if there is none, or one was flipped already. */
  flipAt(index: Index): boolean {
    const place = index - this.#base.index - 1;
    const entry = this.#entries[place];
    // The same bit twice would be no damage.
    if (entry === undefined || this.damaged !== null) return false;
    // What lies on other disks, or in memory, is another copy.
    this.#damaged = damagedCopy(entry);
    this.#entries[place] = this.#damaged;
    return true;
  }

  /** What lies on another disk, bit by bit. */
  copyFrom(other: DiskImage): void {
    this.#promised = other.#promised;
    this.#commitIndex = other.#commitIndex;
    this.#base = other.#base;
    this.#termStarts = [...other.#termStarts];
    this.#entries = [...other.#entries];
    this.#damaged = other.#damaged;
  }

  /** Newest config at or below an index. */
  configAt(index: Index): ConfigEntry | null {
    for (let at = Math.min(index, this.last.index); at > this.#base.index; at--) {
      const entry = this.entryAt(at);
      if (entry?.kind === "config") return entry;
    }
    return this.#base.config;
  }

  /** All configs above the base, in order. */
  configs(): readonly ConfigEntry[] {
    return this.#entries
      .filter((entry) => entry.kind === "config")
      .map(({ index, term, config }) => ({ index, term, config }));
  }

  /** Applies one batch and returns the entries that it removed. */
  write(batch: PersistBatch): readonly Entry[] {
    let removed: readonly Entry[] = [];
    if (batch.install !== undefined) {
      const { base, termStarts } = batch.install;
      removed = this.#entries.filter(({ index }) => index > base.index);
      this.#base = base;
      this.#entries = [];
      this.#termStarts = [...termStarts];
    }
    if (batch.truncateFrom !== undefined) removed = [...removed, ...this.#cut(batch.truncateFrom)];
    for (const entry of batch.entries) this.#append(entry);
    if (batch.promised !== undefined) this.#promised = batch.promised;
    if (batch.commitIndex !== undefined) this.#commitIndex = batch.commitIndex;
    return removed;
  }

  compact(base: Base): void {
    assert(base.index >= this.#base.index, `The base moves up from ${this.#base.index}`);
    this.#entries.splice(0, base.index - this.#base.index);
    this.#base = base;
  }

  range(from: Index, to: Index): readonly Entry[] {
    if (from <= this.#base.index) return [];
    return this.#entries.slice(from - this.#base.index - 1, to - this.#base.index);
  }

  load(entriesMax: number): StoredState {
    return {
      promised: this.#promised,
      commitIndex: this.#commitIndex,
      base: this.#base,
      termStarts: [...this.#termStarts],
      configs: this.configs(),
      entries: entriesMax === 0 ? [] : this.#entries.slice(-entriesMax),
    };
  }

  #cut(from: Index): readonly Entry[] {
    assert(from > this.#base.index, `A cut at ${from} is above the base`);
    const removed = this.#entries.splice(from - this.#base.index - 1);
    this.#termStarts = this.#termStarts.filter(({ index }) => index < from);
    return removed;
  }

  #append(entry: Entry): void {
    assert(entry.index === this.last.index + 1, `Entry ${entry.index} after ${this.last.index}`);
    const newest = this.#termStarts.at(-1);
    if (newest === undefined || !sameTerm(newest.term, entry.term)) {
      this.#termStarts.push({ term: entry.term, index: entry.index });
    }
    this.#entries.push(entry);
  }
}

/** Where a {@linkcode SimLogStore} gets its time and tells of its writes. */
export interface SimLogStoreOptions {
  readonly image: DiskImage;
  /**
   * Runs `written` when the fsync ends, whatever became of the process, and `told` in the
   * process that waits for it, if that still lives.
   */
  readonly sync: (written: () => void, told: () => void) => void;
  readonly onWritten: (batches: readonly PersistBatch[], removed: readonly Entry[]) => void;
  /** The error that a write ends with now; `null`, or left out, if it goes well. */
  readonly writeError?: () => Error | null;
  /** Whether a write that failed is on the disk all the same. */
  readonly keepsFailed?: () => boolean;
  /** The error for an entry that is not what was written. */
  readonly badEntry?: (index: Index) => Error;
  /** How checksums are taken; production's if left out. */
  readonly chain?: Chain;
}

/** The log store port over a {@linkcode DiskImage}. */
export class SimLogStore implements LogStore {
  readonly #options: SimLogStoreOptions;
  /** What has been handed to the disk and is not synced yet. */
  #inFlight: readonly PersistBatch[] = [];
  #failed = false;

  constructor(options: SimLogStoreOptions) {
    this.#options = options;
  }

  // deno-lint-ignore require-await
  async load(entriesMax: number): Promise<StoredState> {
    const { image } = this.#options;
    this.#check(image.base.index + 1, image.last.index);
    return image.load(entriesMax);
  }

  persist(batches: readonly PersistBatch[]): Promise<void> {
    assert(this.#inFlight.length === 0, "One write at a time");
    assert(!this.#failed, "After a write that failed nothing is written: who knows what is there");
    this.#inFlight = batches;
    return new Promise((resolve, reject) => {
      let error: Error | null = null;
      const written = () => {
        if (this.#inFlight.length === 0) return;
        error = this.#options.writeError?.() ?? null;
        if (error === null) return this.#write();
        this.#failed = true;
        this.crash(this.#options.keepsFailed?.() ?? false);
      };
      this.#options.sync(written, () => error === null ? resolve() : reject(error));
    });
  }

  // deno-lint-ignore require-await
  async read(from: Index, to: Index, bytesMax: number): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#options.image.range(from, to)) {
      bytes += sizeOf(entry);
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(entry);
    }
    this.#check(from, found.at(-1)?.index ?? 0);
    return found;
  }

  /** Checks what is read against its checksums: a hash each, so only where a bit was flipped. */
  #check(from: Index, to: Index): void {
    const { image, badEntry } = this.#options;
    if (image.damaged === null) return;
    const before = from - 1 === image.base.index ? image.base : image.entryAt(from - 1);
    if (before === null) return;
    const bad = verifyChain(before, image.range(from, to), this.#options.chain);
    if (bad === null) return;
    throw badEntry?.(bad) ?? new Error(`The entry at index ${bad} has a bad checksum`);
  }

  // deno-lint-ignore require-await
  async history(through: Index): Promise<LogHistory> {
    const { image } = this.#options;
    const termStarts = image.load(0).termStarts.filter(({ index }) => index <= through);
    const next = image.configs().find(({ index }) => index > through) ?? null;
    const config = configOf(image.configAt(through));
    const committed = next !== null && next.index <= image.commitIndex ? next : null;
    for (const entry of [config, committed]) {
      if (entry !== null) this.#check(entry.index, entry.index);
    }
    return { config, next: committed, termStarts };
  }

  compact(base: Base): Promise<void> {
    this.#options.image.compact(base);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * The process died during a write: it is on disk as a whole, or not at all; one that was torn is
   * not. The result says what became of it; `null` if there was none.
   */
  crash(kept: boolean): "kept" | "lost" | null {
    if (this.#inFlight.length === 0) return null;
    if (kept) this.#write();
    this.#inFlight = [];
    return kept ? "kept" : "lost";
  }

  #write(): void {
    const batches = this.#inFlight;
    if (batches.length === 0) return;
    this.#inFlight = [];
    const removed = batches.flatMap((batch) => this.#options.image.write(batch));
    this.#options.onWritten(batches, removed);
  }
}

/** A config without the entry that it may be part of. */
function configOf(entry: ConfigEntry | null): ConfigEntry | null {
  return entry && { index: entry.index, term: entry.term, config: entry.config };
}

/** The entry with one bit of what it carries another, or, if it carries nothing, of its checksum. */
function damagedCopy(entry: Entry): Entry {
  if (entry.kind === "command" && entry.data.length > 0) {
    return { ...entry, data: withFlippedBit(entry.data, entry.index) };
  }
  const first = (Number.parseInt(entry.checksum[0] ?? "0", 16) ^ 1).toString(16);
  return { ...entry, checksum: `${first}${entry.checksum.slice(1)}` };
}
