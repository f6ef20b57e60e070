/**
 * The replicated state as the driver sees it (DESIGN §6, §10): applies, queries, checkpoints,
 * snapshots, and the switch from one generation to the next. Owns which generation is served and
 * which snapshots of it are open; everything inside one generation is `state_database.ts`'s.
 *
 * @module
 */

import { dirname } from "node:path";
import { assert } from "../assert.ts";
import type { Reader } from "../chat/port.ts";
import { countUnknown, requestsBetween, salvagedFrom, settledAmong } from "../chat/salvage.ts";
import { limits } from "../limits.ts";
import type { ApplyResult, SnapshotSink, SnapshotSource, StateStore } from "../node/ports.ts";
import type { Entry, Index, LogPosition } from "../raft/types.ts";
import { AwaitedIndexes } from "./awaited_indexes.ts";
import { type DamageListener, DamageWatch } from "./damage_watch.ts";
import { digestOf, type StateDigest } from "./digest.ts";
import { buildFile, buildMemory, removeState, type StateFiles } from "./snapshot_sink.ts";
import type { ChunkedSource } from "./snapshot_source.ts";
import { StateDatabase } from "./state_database.ts";

/** Bytes of a page in the write-ahead log. */
const frameBytes = 4_096;

export interface StateOptions {
  /** Instead of `limits.stateWalBytesMax`. */
  readonly walBytesMax?: number;
}

export class LibsqlStateStore implements StateStore {
  readonly reader: Reader;
  readonly #files: StateFiles | null;
  readonly #sources = new Set<ChunkedSource>();
  readonly #walBytesMax: number;
  readonly #damage = new DamageWatch();
  readonly #awaited = new AwaitedIndexes();
  #current: StateDatabase;
  #durableIndex: Index = 0;

  private constructor(
    current: StateDatabase,
    files: StateFiles | null,
    { walBytesMax = limits.stateWalBytesMax }: StateOptions = {},
  ) {
    this.#current = current;
    this.#files = files;
    this.#walBytesMax = walBytesMax;
    // Always the generation that is served when the query is asked.
    this.reader = { query: (sql, args) => this.#damage.over(this.#current.query(sql, args)) };
  }

  /** Opens the state file at `path`, or makes it; `files` names the generations after it. */
  static async open(
    path: string,
    files: StateFiles,
    options: StateOptions = {},
  ): Promise<LibsqlStateStore> {
    return new LibsqlStateStore(await StateDatabase.openFile(path), files, options);
  }

  /** An empty state in memory: for simulations, where a file would cost too much. */
  static async openMemory(): Promise<LibsqlStateStore> {
    return new LibsqlStateStore(await StateDatabase.openMemory(), null);
  }

  applied(): LogPosition {
    return this.#current.applied;
  }

  /** A batch in which an index is waited for ends there, and another one begins. */
  async apply(entries: readonly Entry[]): Promise<ApplyResult> {
    const awaited = this.#awaited.after(this.applied().index);
    const cut = entries.findIndex(({ index }) => index === awaited) + 1;
    const result = await this.#current.apply(cut === 0 ? entries : entries.slice(0, cut));
    await this.#awaited.reached(this.applied().index);
    if (cut === 0 || cut === entries.length) return result;
    const rest = await this.apply(entries.slice(cut));
    return {
      outcomes: new Map([...result.outcomes, ...rest.outcomes]),
      messages: [...result.messages, ...rest.messages],
    };
  }

  salvagedFrom(
    entries: readonly { readonly index: Index; readonly data: Uint8Array }[],
  ): Promise<readonly Uint8Array[]> {
    return salvagedFrom(this.reader, entries);
  }

  requestsBetween(from: Index, to: Index): Promise<readonly string[]> {
    return requestsBetween(this.reader, from, to);
  }

  countUnknown(requestIds: readonly string[]): Promise<number> {
    return countUnknown(this.reader, requestIds);
  }

  settledAmong(salvaged: readonly Uint8Array[]): Promise<readonly boolean[]> {
    return settledAmong(this.reader, salvaged);
  }

  /**
   * Up to where the state is in the database file and synced: `applied` as it was before a
   * checkpoint that moved everything. An open snapshot may hold that up, within a bound.
   */
  async checkpoint(): Promise<Index> {
    const { index } = this.#current.applied;
    const { complete, frames } = await this.#current.checkpoint();
    if (complete) this.#durableIndex = index;
    else if (frames * frameBytes > this.#walBytesMax) {
      await this.#closeSources("it was read too slowly");
    }
    return this.#durableIndex;
  }

  openSnapshot(): Promise<SnapshotSource> {
    return this.#openSource(true);
  }

  buildSnapshot(): Promise<SnapshotSink> {
    const onFinished = (next: StateDatabase) => this.#switchTo(next);
    const { path } = this.#current;
    if (path === null) return buildMemory(onFinished);
    assert(this.#files !== null, "A state in a file has a log");
    return buildFile(dirname(path), this.#files, onFinished);
  }

  async digest(atLeastIndex: Index = 0, signal?: AbortSignal): Promise<StateDigest> {
    const open = () => this.#openSource(false);
    if (atLeastIndex <= this.applied().index) return await digestOf(await open());
    return await digestOf(await this.#awaited.at(atLeastIndex, open, signal));
  }

  /** Checks everything in it. Throws `CORRUPT`, which says what is wrong first. */
  check(): Promise<void> {
    return this.#current.check();
  }

  /** Tells of damage that a query, a digest or a snapshot meets. An apply tells by failing. */
  onDamage(listener: DamageListener): void {
    this.#damage.listen(listener);
  }

  async close(): Promise<void> {
    await this.#closeSources("the node is stopping");
    await this.#current.close();
  }

  async #openSource(counted: boolean): Promise<SnapshotSource> {
    const onClosed = (closed: ChunkedSource) => this.#sources.delete(closed);
    const opened = this.#current.openSource({ counted, onClosed });
    const source = await this.#damage.over(opened);
    this.#sources.add(source);
    return {
      applied: source.applied,
      rowsTotal: source.rowsTotal,
      next: () => this.#damage.over(source.next()),
      digest: () => source.digest(),
      close: () => source.close(),
    };
  }

  async #switchTo(next: StateDatabase): Promise<void> {
    const before = this.#current;
    this.#current = next;
    // It was synced before the log switched to it.
    this.#durableIndex = next.applied.index;
    await this.#closeSources("another snapshot replaced the state");
    await this.#awaited.reached(next.applied.index);
    await before.close();
    if (before.path !== null) await removeState(before.path);
  }

  async #closeSources(reason: string): Promise<void> {
    for (const source of this.#sources) await source.expire(reason);
    this.#sources.clear();
  }
}

/** An empty state in memory, as {@linkcode LibsqlStateStore.openMemory}. */
export function openMemoryState(): Promise<LibsqlStateStore> {
  return LibsqlStateStore.openMemory();
}
