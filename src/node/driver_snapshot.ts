/**
 * Taking a snapshot in: fetched from a member, built as a new state beside the current one, and
 * handed to the core, which decides whether to switch to it (DESIGN §6.3, §6.4). Owns the state
 * being built; never switches by itself.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Effect, Input } from "../raft/io.ts";
import type { Base, NodeId } from "../raft/types.ts";
import { isDiskFailure } from "../storage/storage_error.ts";
import type { Clock, SnapshotSink, StateStore, Transport } from "./ports.ts";
import { Retries } from "./retries.ts";

/** What a {@linkcode SnapshotIntake} needs and whom it tells. */
export interface SnapshotIntakeOptions {
  readonly state: StateStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly step: (input: Input) => void;
  /** A person should read it: a fetch failed, and why. The core tries again. */
  readonly onNotice: (text: string) => void;
  /** This node's own disk failed, which no other fetch will mend. */
  readonly onFailed: (error: unknown) => void;
}

/** At most one snapshot at a time: being fetched, built, or being switched to. */
export class SnapshotIntake {
  readonly #options: SnapshotIntakeOptions;
  /** The fetch that runs; aborted if it is given up. */
  #fetch: AbortController | null = null;
  #built: { readonly base: Base; readonly sink: SnapshotSink } | null = null;
  /** Its switch is on its way to the disk, with this persist. */
  #taken:
    | { readonly base: Base; readonly sink: SnapshotSink; readonly persist: number }
    | null = null;
  /** The switch to what was built is on its way to the disk, or to the state. */
  #switching = false;
  readonly #stop = new AbortController();
  readonly #retries: Retries;

  constructor(options: SnapshotIntakeOptions) {
    this.#options = options;
    const { clock, onNotice } = options;
    const [firstMs, mostMs] = [limits.snapshotRetryMs, limits.snapshotRetryMsMax];
    this.#retries = new Retries({ clock, firstMs, mostMs, onNotice, signal: this.#stop.signal });
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /**
   * Begins a fetch, or gives up the one that runs; while one runs, another is not begun. Nor before
   * a switch is over: the log takes over the newest state that was built, and that would be the
   * wrong one.
   */
  follow(effect: Effect & { readonly kind: "fetchSnapshot" | "fetchEnded" }): void {
    if (effect.kind === "fetchEnded") return this.#fetch?.abort();
    if (this.#fetch !== null || this.#stopped) return;
    if (this.#switching) return this.#step({ kind: "snapshotFetching", index: null });
    this.#fetch = new AbortController();
    void this.#run(effect.from, this.#fetch.signal);
  }

  /** The switch to what was built for this base begins, with the persist of this number. */
  take(base: Base, persist: number): void {
    const built = this.#built;
    assert(built !== null, `Install of ${base.index} without a built snapshot`);
    assert(built.base.checksum === base.checksum, `Install of ${base.index} is not what was built`);
    this.#built = null;
    this.#switching = true;
    this.#taken = { ...built, persist };
  }

  /** What is to be switched to now that this persist is on disk; the caller's from now on. */
  onDisk(persist: number): { readonly base: Base; readonly sink: SnapshotSink } | null {
    const taken = this.#taken;
    if (taken === null || taken.persist !== persist) return null;
    this.#taken = null;
    return taken;
  }

  /** What was taken is the state now. */
  switched(): void {
    this.#switching = false;
  }

  /** Gives up what is being built: it is no state of this node, and its file goes at the start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#fetch?.abort();
    await this.#discardBuilt();
  }

  async #run(from: NodeId, givenUp: AbortSignal): Promise<void> {
    let sink: SnapshotSink | null = null;
    try {
      await this.#discardBuilt();
      const fetch = await this.#options.transport.fetchSnapshot(from, givenUp);
      this.#step({ kind: "snapshotFetching", index: fetch.base.index });
      sink = await this.#onDisk(this.#options.state.buildSnapshot());
      for await (const chunk of fetch.chunks) {
        if (this.#stopped) break;
        await this.#onDisk(sink.write(chunk));
      }
      if (this.#stopped) return await sink.abort();
      await this.#onDisk(sink.finish({ applied: fetch.base, digest: fetch.digest() }));
      this.#built = { base: fetch.base, sink };
      this.#retries.succeeded();
      this.#fetch = null;
      const { base, termStarts } = fetch;
      this.#step({ kind: "snapshotBuilt", base, termStarts });
    } catch (error) {
      await this.#failed(from, { error, sink });
    }
  }

  /**
   * A step of building. What this node's disk refuses, no other fetch will mend, and it would be
   * tried for ever; everything else may be the stream's fault.
   */
  async #onDisk<T>(step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (error) {
      if (!this.#stopped && isDiskFailure(error)) this.#options.onFailed(error);
      throw error;
    }
  }

  async #failed(
    from: NodeId,
    failure: { readonly error: unknown; readonly sink: SnapshotSink | null },
  ): Promise<void> {
    if (failure.sink !== null) await failure.sink.abort().catch(() => undefined);
    if (this.#fetch?.signal.aborted !== true) {
      // It waits, as the core asks again at the next heartbeat.
      const { message } = ChatError.from(failure.error);
      await this.#retries.failed(`Cannot take the snapshot of ${from}: ${message}`);
    }
    this.#fetch = null;
    this.#step({ kind: "snapshotFetching", index: null });
  }

  async #discardBuilt(): Promise<void> {
    const built = this.#built;
    this.#built = null;
    // A file that stays behind goes at the next start, like every other that is not current.
    if (built !== null) await built.sink.abort().catch(() => undefined);
  }

  #step(input: Input): void {
    if (!this.#stopped) this.#options.step(input);
  }
}
