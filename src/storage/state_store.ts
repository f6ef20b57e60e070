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
    this.reader = { query: (sql, args) => this.#current.query(sql, args) };
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

  apply(entries: readonly Entry[]): Promise<ApplyResult> {
    return this.#current.apply(entries);
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

  async digest(): Promise<StateDigest> {
    return await digestOf(await this.#openSource(false));
  }

  /** What is wrong with the file's structure, a sentence each. */
  integrity(): Promise<readonly string[]> {
    return this.#current.integrity();
  }

  async close(): Promise<void> {
    await this.#closeSources("the node is stopping");
    await this.#current.close();
  }

  async #openSource(counted: boolean): Promise<SnapshotSource> {
    const onClosed = (closed: ChunkedSource) => this.#sources.delete(closed);
    const source = await this.#current.openSource({ counted, onClosed });
    this.#sources.add(source);
    return source;
  }

  async #switchTo(next: StateDatabase): Promise<void> {
    const before = this.#current;
    this.#current = next;
    // It was synced before the log switched to it.
    this.#durableIndex = next.applied.index;
    await this.#closeSources("another snapshot replaced the state");
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
