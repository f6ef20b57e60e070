/**
 * The log as the core sees it: its newest entries in memory, where each term began, and every
 * config from the base on. Owns positions and truncation; never decides what is committed.
 * Entries below the memory window are on disk only and are asked for with `readLog`.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import type { LogBounds } from "./io.ts";
import { compareTerms, sameTerm, ZERO_TERM } from "./term.ts";
import type {
  Base,
  ConfigEntry,
  Entry,
  Index,
  LogPosition,
  StoredState,
  Term,
  TermStart,
} from "./types.ts";

/** The place before the first entry. */
export const EMPTY_BASE: Base = { index: 0, term: ZERO_TERM, checksum: "", config: null };

/** Production's bounds of a log. */
export const LOG_BOUNDS: LogBounds = {
  tailEntries: limits.logTailEntries,
  memoryEntriesMax: limits.logMemoryEntriesMax,
  cutPointEntries: 512,
  appendEntriesMax: limits.appendEntriesMax,
};

/** Bytes that an entry's payload takes, for bounds. */
export function entryBytes(entry: Entry): number {
  return 64 + (entry.kind === "command" ? entry.data.length : 512);
}

export class RaftLog {
  #base: Base;
  /** Index of `#entries[0]`, if there is one; always last + 1 - length. */
  #first: Index;
  #entries: Entry[];
  /** The end of the log while no entry is in memory. */
  #before: LogPosition;
  #starts: TermStart[];
  /** Replaced, never changed: whoever holds on to it keeps what held then. */
  #configs: readonly ConfigEntry[];
  #bytes = 0;
  readonly #memoryEntriesMax: number;
  readonly #appendEntriesMax: number;

  constructor(
    stored: Pick<StoredState, "base" | "entries" | "termStarts" | "configs">,
    bounds: Pick<LogBounds, "memoryEntriesMax" | "appendEntriesMax"> = LOG_BOUNDS,
  ) {
    this.#memoryEntriesMax = bounds.memoryEntriesMax;
    this.#appendEntriesMax = bounds.appendEntriesMax;
    this.#base = stored.base;
    this.#entries = [...stored.entries];
    this.#before = stored.base;
    this.#first = stored.entries[0]?.index ?? stored.base.index + 1;
    this.#starts = [...stored.termStarts];
    this.#configs = stored.base.config === null
      ? [...stored.configs]
      : [stored.base.config, ...stored.configs];
    for (const entry of this.#entries) this.#bytes += entryBytes(entry);
  }

  get base(): Base {
    return this.#base;
  }

  get lastIndex(): Index {
    return this.#first + this.#entries.length - 1;
  }

  get last(): LogPosition {
    return this.#entries.at(-1) ?? this.#before;
  }

  /** Configs from the base's on, oldest first; another list whenever they change. */
  get configs(): readonly ConfigEntry[] {
    return this.#configs;
  }

  get termStarts(): readonly TermStart[] {
    return this.#starts;
  }

  /** The term at an index up to the end of the log, also below the base; `null` beyond it. */
  termAt(index: Index): Term | null {
    if (index > this.lastIndex || index < 0) return null;
    if (index === 0) return ZERO_TERM;
    return termAtStarts(this.#starts, index);
  }

  /** The checksum at the base or in the memory window; `null` elsewhere. */
  checksumAt(index: Index): string | null {
    if (index === this.#base.index) return this.#base.checksum;
    return this.#entries[index - this.#first]?.checksum ?? null;
  }

  /** The position at the base or in the memory window; `null` elsewhere. */
  positionAt(index: Index): LogPosition | null {
    if (index === this.#base.index) return this.#base;
    return this.#entries[index - this.#first] ?? null;
  }

  /** Whether this log has that very entry, as far as memory can tell: else by its term. */
  has(position: LogPosition): boolean {
    if (position.index > this.lastIndex) return false;
    const checksum = this.checksumAt(position.index);
    if (checksum !== null) return checksum === position.checksum;
    const term = this.termAt(position.index);
    return term !== null && sameTerm(term, position.term);
  }

  /** True if the entries from `index` on are all in memory. */
  inMemory(index: Index): boolean {
    return index >= this.#first;
  }

  /** Entries from `from` on, up to the bounds of one append and up to `through`. */
  slice(from: Index, through: Index): Entry[] {
    assert(from >= this.#first, "The slice begins in memory");
    const result: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= through; index++) {
      const entry = this.#entries[index - this.#first];
      if (entry === undefined || result.length >= this.#appendEntriesMax) break;
      bytes += entryBytes(entry);
      if (result.length > 0 && bytes > limits.appendBytesMax) break;
      result.push(entry);
    }
    return result;
  }

  entry(index: Index): Entry | undefined {
    return this.#entries[index - this.#first];
  }

  append(entry: Entry): void {
    const last = this.last;
    assert(entry.index === last.index + 1, "Entries are appended without a gap");
    assert(compareTerms(entry.term, last.term) >= 0, "Terms never decrease along a log");
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
    const start = this.#starts.at(-1);
    if (start === undefined || !sameTerm(start.term, entry.term)) {
      this.#starts.push({ term: entry.term, index: entry.index });
    }
    if (entry.kind === "config") {
      const { index, term, config } = entry;
      this.#configs = [...this.#configs, { index, term, config }];
    }
  }

  /**
   * Removes the entries from `index` on, also those below the memory window; `previous` is the
   * place before it. A leader that was cut off and restarts may have nothing else in memory.
   */
  truncate(index: Index, previous: LogPosition): void {
    assert(index > this.#base.index, "Truncation is above the base");
    assert(previous.index === index - 1, "A cut log ends before the cut");
    const kept = Math.max(index - this.#first, 0);
    for (const entry of this.#entries.slice(kept)) this.#bytes -= entryBytes(entry);
    this.#entries.length = kept;
    this.#first = Math.min(this.#first, index);
    if (kept === 0) {
      const { term, checksum } = previous;
      this.#before = { index: previous.index, term, checksum };
    }
    while ((this.#starts.at(-1)?.index ?? 0) >= index) this.#starts.pop();
    if (this.#configs.some((entry) => entry.index >= index)) {
      this.#configs = this.#configs.filter((entry) => entry.index < index);
    }
  }

  /** Moves the base up to an index of this log; what is below is forgotten, but its term starts. */
  compact(base: Base): void {
    assert(base.index >= this.#base.index && base.index <= this.lastIndex, "The base moves up");
    this.#dropMemoryThrough(base.index);
    this.#base = base;
    if (base.index >= this.#before.index) this.#before = base;
    const inForce = this.#configs.findLastIndex((entry) => entry.index <= base.index);
    if (inForce > 0) this.#configs = this.#configs.slice(inForce);
  }

  /** Replaces the whole log by an installed snapshot. */
  install(base: Base, termStarts: readonly TermStart[]): void {
    this.#base = base;
    this.#before = base;
    this.#first = base.index + 1;
    this.#entries = [];
    this.#bytes = 0;
    this.#starts = [...termStarts];
    this.#configs = base.config === null ? [] : [base.config];
  }

  /** Frees memory below `through` (applied and persisted), keeping the newest up to the bounds. */
  trimMemory(through: Index): void {
    const over = this.#entries.length > this.#memoryEntriesMax ||
      this.#bytes > limits.logMemoryBytesMax;
    if (!over) return;
    let bytes = this.#bytes;
    let drop = 0;
    // A quarter below the bound, so that trimming is rare and its cost is spread.
    const entriesKept = this.#memoryEntriesMax * 3 / 4;
    for (const entry of this.#entries) {
      const small = this.#entries.length - drop <= entriesKept &&
        bytes <= limits.logMemoryBytesMax * 3 / 4;
      if (small || entry.index >= through || drop === this.#entries.length - 1) break;
      bytes -= entryBytes(entry);
      drop++;
    }
    if (drop > 0) this.#dropMemoryThrough(this.#first + drop - 1);
  }

  #dropMemoryThrough(index: Index): void {
    const count = Math.min(Math.max(index - this.#first + 1, 0), this.#entries.length);
    for (const entry of this.#entries.splice(0, count)) this.#bytes -= entryBytes(entry);
    this.#first += count;
  }
}

/** The term of the last start at or below an index. */
export function termAtStarts(starts: readonly TermStart[], index: Index): Term | null {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle]?.index ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return starts[low - 1]?.term ?? null;
}

/** Newest index at which two logs, told by their term starts and ends, have the same term. */
export function lastCommonIndex(
  mine: { readonly starts: readonly TermStart[]; readonly last: Index },
  theirs: { readonly starts: readonly TermStart[]; readonly last: Index },
): Index {
  let index = Math.min(mine.last, theirs.last);
  while (index > 0) {
    const a = termAtStarts(mine.starts, index);
    const b = termAtStarts(theirs.starts, index);
    if (a === null || b === null) return 0;
    const order = compareTerms(a, b);
    if (order === 0) return index;
    // The log with the higher term here has nothing of the lower one's from its start on.
    const starts = order > 0 ? mine.starts : theirs.starts;
    const start = starts.findLast((candidate) => candidate.index <= index);
    index = (start?.index ?? 1) - 1;
  }
  return 0;
}
