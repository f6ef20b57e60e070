/**
 * The way from a commit index to the state database: committed entries in order, once, one
 * transaction a batch (DESIGN §2, §4). Owns what is applied, checkpoints, and the switch to an
 * installed snapshot; never decides what is committed.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import type { Base, Entry, Index, LogPosition } from "../raft/types.ts";
import type { KeptBounds } from "./driver_options.ts";
import { EntryCache } from "./entry_cache.ts";
import type { DriverMeasures, DriverQueues } from "./measures.ts";
import type { ApplyResult, Clock, LogStore, SnapshotSink, StateStore } from "./ports.ts";

/** What an {@linkcode ApplyPipeline} needs and whom it tells. */
export interface ApplyPipelineOptions {
  readonly log: LogStore;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly bounds: KeptBounds;
  readonly measures: DriverMeasures;
  /** A batch is applied and visible. */
  readonly onApplied: (
    entries: readonly Entry[],
    result: ApplyResult,
    position: LogPosition,
  ) => void;
  /** The state is a snapshot's now: everything up to its base is applied at once. */
  readonly onInstalled: (base: Base) => void;
  readonly onCheckpointed: (index: Index) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Applies one batch at a time; between two batches everything else gets its turn. */
export class ApplyPipeline {
  readonly #options: ApplyPipelineOptions;
  readonly #cache: EntryCache;
  #applied: LogPosition;
  #through: Index;
  #install: { readonly base: Base; readonly sink: SnapshotSink } | null = null;
  #installing = false;
  #checkpointed: Index;
  #checkpointedAt: number;
  #busy = false;
  #stopped = false;

  constructor(options: ApplyPipelineOptions) {
    this.#options = options;
    this.#cache = new EntryCache({
      entriesMax: options.bounds.memoryEntriesMax,
      bytesMax: limits.logMemoryBytesMax,
    });
    this.#applied = options.state.applied();
    this.#through = this.#applied.index;
    this.#checkpointed = this.#applied.index;
    this.#checkpointedAt = options.clock.mono();
  }

  /** Begins where the state is now: it may have been recovered since this was made. */
  start(): LogPosition {
    this.#applied = this.#options.state.applied();
    this.#through = this.#applied.index;
    this.#checkpointed = this.#applied.index;
    return this.#applied;
  }

  get applied(): LogPosition {
    return this.#applied;
  }

  /** Everything up to here is known to be committed and on this disk. */
  get through(): Index {
    return this.#through;
  }

  get queues(): Pick<DriverQueues, "applies"> {
    return { applies: Math.max(this.#through - this.#applied.index, 0) };
  }

  /** A snapshot is being switched to. */
  get installing(): boolean {
    return this.#installing;
  }

  /** What a persist carries will be applied soon: kept, so that it need not be read again. */
  cache(entries: readonly Entry[], truncateFrom: Index | undefined): void {
    if (truncateFrom !== undefined) {
      assert(truncateFrom > this.#through, `Cut at ${truncateFrom}, committed ${this.#through}`);
      this.#cache.truncateFrom(truncateFrom);
    }
    this.#cache.add(entries);
  }

  /** Apply up to here. Never goes back; behind an installed snapshot it says nothing new. */
  advance(through: Index): void {
    assert(through >= this.#through, `Apply through ${through} after ${this.#through}`);
    this.#through = through;
    this.#schedule();
  }

  /**
   * The switch to a snapshot is on its way to the disk. Nothing is applied until it is done: the
   * log below the snapshot goes with that very write.
   */
  expectInstall(base: Base): void {
    this.#installing = true;
    // It may be behind what was applied here, on another side of a fork (§9).
    this.#through = base.index;
    this.#cache.truncateFrom(base.index + 1);
  }

  /** The switch to this snapshot is on disk: its state replaces the current one (§6.4). */
  install(base: Base, sink: SnapshotSink): void {
    this.#install = { base, sink };
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
  }

  #schedule(): void {
    if (this.#busy || this.#stopped) return;
    if (this.#install === null && !this.#hasWork()) return;
    this.#busy = true;
    this.#options.clock.defer(() => void this.#turn());
  }

  #hasWork(): boolean {
    return !this.#installing && this.#applied.index < this.#through;
  }

  async #turn(): Promise<void> {
    if (this.#stopped) return;
    try {
      if (this.#install !== null) await this.#activate(this.#install);
      else await this.#applyBatch();
      if (!this.#stopped) await this.#checkpointIfDue();
    } catch (error) {
      if (!this.#stopped) this.#options.onFailed(error);
      return;
    }
    this.#busy = false;
    this.#schedule();
  }

  async #activate(install: { readonly base: Base; readonly sink: SnapshotSink }): Promise<void> {
    this.#install = null;
    await install.sink.activate();
    if (this.#stopped) return;
    this.#installing = false;
    const position = this.#options.state.applied();
    assert(position.checksum === install.base.checksum, "An installed state is not its base");
    this.#applied = position;
    this.#checkpointed = position.index;
    this.#cache.applied(position.index);
    this.#options.onInstalled(install.base);
  }

  async #applyBatch(): Promise<void> {
    if (!this.#hasWork()) return;
    const from = this.#applied.index + 1;
    const to = Math.min(this.#through, this.#applied.index + limits.applyEntriesMax);
    const entries = await this.#gather(from, to);
    if (this.#stopped || this.#installing) return;
    assert(entries[0]?.index === from, `Entry ${from} is committed, but the log does not have it`);
    const begun = this.#options.clock.mono();
    const result = await this.#options.state.apply(entries);
    if (this.#stopped) return;
    const ms = this.#options.clock.mono() - begun;
    this.#options.measures.applied(entries, result.outcomes, ms);
    const last = entries.at(-1)!;
    this.#applied = { index: last.index, term: last.term, checksum: last.checksum };
    this.#cache.applied(last.index);
    this.#options.onApplied(entries, result, this.#applied);
  }

  async #gather(from: Index, to: Index): Promise<readonly Entry[]> {
    const cached = this.#cache.run(from, to);
    if (cached.length > 0) return cached;
    return await this.#options.log.read(from, to, limits.appendBytesMax);
  }

  /** Durable state lets the log shrink (§10). Due by count, or by time if anything is new. */
  async #checkpointIfDue(): Promise<void> {
    const entries = this.#applied.index - this.#checkpointed;
    const now = this.#options.clock.mono();
    const late = now - this.#checkpointedAt >= limits.checkpointIntervalMs;
    if (entries < this.#options.bounds.checkpointEntries && !(late && entries > 0)) return;
    const index = await this.#options.state.checkpoint();
    this.#options.measures.checkpointed(this.#options.clock.mono() - now);
    this.#checkpointed = index;
    this.#checkpointedAt = now;
    // Said of the state that is being replaced, it would be taken for the new one's.
    if (!this.#stopped && !this.#installing) this.#options.onCheckpointed(index);
  }
}
