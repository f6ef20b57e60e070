/**
 * A simulated `log.db`: what is written is on disk when its fsync ends, and a crash before that
 * leaves either all of the write or nothing of it. Owns what survives; held to the same
 * contract tests as the real store.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { LogHistory, LogStore } from "../node/ports.ts";
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

/** Bytes that an entry counts for in a bounded read. */
function sizeOf(entry: Entry): number {
  return entry.kind === "command" || entry.kind === "orphans" ? entry.data.byteLength : 0;
}

/** The content of a disk, as plain data in memory. Synchronous: time is the caller's. */
export class DiskImage {
  #promised: Term = ZERO_TERM;
  #commitIndex: Index = 0;
  #base: Base = EMPTY_BASE;
  #termStarts: TermStart[] = [];
  /** Entry `base.index + 1 + n` at place n. */
  #entries: Entry[] = [];

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
}

/** The log store port over a {@linkcode DiskImage}. */
export class SimLogStore implements LogStore {
  readonly #options: SimLogStoreOptions;
  /** What has been handed to the disk and is not synced yet. */
  #inFlight: readonly PersistBatch[] = [];

  constructor(options: SimLogStoreOptions) {
    this.#options = options;
  }

  load(entriesMax: number): Promise<StoredState> {
    return Promise.resolve(this.#options.image.load(entriesMax));
  }

  persist(batches: readonly PersistBatch[]): Promise<void> {
    assert(this.#inFlight.length === 0, "One write at a time");
    this.#inFlight = batches;
    return new Promise((resolve) => {
      this.#options.sync(() => this.#write(), resolve);
    });
  }

  read(from: Index, to: Index, bytesMax: number): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#options.image.range(from, to)) {
      bytes += sizeOf(entry);
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(entry);
    }
    return Promise.resolve(found);
  }

  history(through: Index): Promise<LogHistory> {
    const { image } = this.#options;
    const termStarts = image.load(0).termStarts.filter(({ index }) => index <= through);
    const next = image.configs().find(({ index }) => index > through) ?? null;
    return Promise.resolve({
      config: configOf(image.configAt(through)),
      next: next !== null && next.index <= image.commitIndex ? next : null,
      termStarts,
    });
  }

  compact(base: Base): Promise<void> {
    this.#options.image.compact(base);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The process died during a write: it is on disk as a whole, or not at all. */
  crash(kept: boolean): void {
    if (kept) this.#write();
    this.#inFlight = [];
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
