/**
 * The way from a persist effect to the disk: group commit, and the messages that must not leave
 * before their persist is on disk (DESIGN §2, §10). Owns the order of writes to the log store;
 * never looks into a batch beyond its number.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import type { Message } from "../raft/message.ts";
import type { Base, NodeId, PersistBatch } from "../raft/types.ts";
import type { DriverMeasures, DriverQueues } from "./measures.ts";
import type { Clock, LogStore } from "./ports.ts";

/** What a {@linkcode PersistPipeline} needs and whom it tells. */
export interface PersistPipelineOptions {
  readonly log: LogStore;
  readonly clock: Clock;
  readonly measures: DriverMeasures;
  readonly send: (to: NodeId, message: Message) => void;
  /** Everything up to this number is on disk, and what waited for it has been sent. */
  readonly onPersisted: (batches: readonly PersistBatch[], number: number) => void;
  /** A write failed: nothing is known about the disk any more. */
  readonly onFailed: (error: unknown) => void;
}

interface HeldMessage {
  readonly to: NodeId;
  readonly message: Message;
  readonly after: number;
}

/** Writes batches in order, one write at a time, each with whatever arrived meanwhile. */
export class PersistPipeline {
  readonly #options: PersistPipelineOptions;
  #queued: PersistBatch[] = [];
  #held: HeldMessage[] = [];
  #compaction: Base | null = null;
  #compacting = false;
  #newest = 0;
  #finished = 0;
  #busy = false;
  #stopped = false;

  constructor(options: PersistPipelineOptions) {
    this.#options = options;
  }

  get queues(): Pick<DriverQueues, "writes" | "heldMessages"> {
    return { writes: this.#queued.length, heldMessages: this.#held.length };
  }

  /** Queues a batch. The write begins after this turn, so that messages sent now leave first. */
  add(batch: PersistBatch): void {
    assert(batch.number === this.#newest + 1, `Persist ${batch.number} follows ${this.#newest}`);
    this.#newest = batch.number;
    // It replaces the log by one that begins above every base that was waiting.
    if (batch.install !== undefined) this.#compaction = null;
    this.#queued.push(batch);
    this.#schedule();
  }

  /** Sends once persist `after` is on disk; at once if it is there already. */
  sendAfter(to: NodeId, message: Message, after: number): void {
    assert(after <= this.#newest, `A message waits for persist ${after} of ${this.#newest}`);
    if (after <= this.#finished) {
      this.#options.send(to, message);
      return;
    }
    // The oldest is dropped: the protocol resends, and the newest answer says the most.
    if (this.#held.length >= limits.heldMessagesMax) this.#held.shift();
    this.#held.push({ to, message, after });
  }

  /** Forgets the log up to the base, beside the writes. A newer base replaces an older one. */
  compact(base: Base): void {
    this.#compaction = base;
    this.#schedule();
  }

  /** Begins no further write, and sends nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  #schedule(): void {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    this.#options.clock.defer(() => void this.#write());
  }

  async #write(): Promise<void> {
    if (this.#stopped) return;
    const batches = this.#queued;
    this.#queued = [];
    const begun = this.#options.clock.mono();
    try {
      if (batches.length > 0) await this.#options.log.persist(batches);
      if (this.#stopped) return;
      if (batches.length > 0) this.#finish(batches, begun);
      this.#beginCompaction();
    } catch (error) {
      if (!this.#stopped) this.#options.onFailed(error);
      return;
    }
    this.#busy = false;
    if (this.#queued.length > 0 || this.#canCompact) this.#schedule();
  }

  get #canCompact(): boolean {
    return this.#compaction !== null && !this.#compacting;
  }

  /** Begins between two writes; the store frees in small steps, and writes go on among them. */
  #beginCompaction(): void {
    const base = this.#compaction;
    if (base === null || this.#compacting || this.#stopped) return;
    this.#compaction = null;
    this.#compacting = true;
    this.#options.log.compact(base).then(() => {
      this.#compacting = false;
      if (this.#compaction !== null) this.#schedule();
    }).catch((error) => {
      if (!this.#stopped) this.#options.onFailed(error);
    });
  }

  #finish(batches: readonly PersistBatch[], begun: number): void {
    const entries = batches.reduce((sum, batch) => sum + batch.entries.length, 0);
    this.#options.measures.appended(entries, this.#options.clock.mono() - begun);
    this.#finished = batches.at(-1)!.number;
    const held = this.#held;
    this.#held = [];
    for (const one of held) {
      if (one.after <= this.#finished) this.#options.send(one.to, one.message);
      else this.#held.push(one);
    }
    this.#options.onPersisted(batches, this.#finished);
  }
}
