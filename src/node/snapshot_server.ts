/**
 * Serving snapshots to members that fell too far behind, and to joiners: a consistent read at
 * one applied index, in chunks (DESIGN §6.3). Owns which snapshots are open, for how long, and
 * the newest chunks of each, so that a fetch whose stream broke goes on in the same snapshot;
 * the rows are `src/storage`'s.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { termAtStarts } from "../raft/log.ts";
import { sameTerm } from "../raft/term.ts";
import type { ConfigEntry } from "../raft/types.ts";
import type { SnapshotAsk, SnapshotHeader, SnapshotPart } from "../rpc/peer_api.ts";
import type { Logger } from "./logger.ts";
import type { Clock, LogStore, SnapshotSource, StateStore } from "./ports.ts";
import { TransferProgress } from "./transfer_progress.ts";

export interface SnapshotServerOptions {
  readonly log: Pick<LogStore, "history">;
  readonly state: Pick<StateStore, "openSnapshot">;
  /** Rows in a chunk, for progress. */
  readonly rowsIn: (chunk: Uint8Array) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A snapshot that is open for one member. */
interface Served {
  readonly nodeId: string;
  readonly header: SnapshotHeader;
  readonly source: SnapshotSource;
  readonly progress: TransferProgress;
  /** The newest chunks, the last of which is number `made - 1`. */
  readonly kept: Uint8Array[];
  made: number;
  ended: boolean;
  /** The next chunk, while it is being read. */
  making: Promise<void> | null;
  /** The one stream that reads it: a newer one takes it over. */
  reader: symbol | null;
  /** When a part was asked for, or the last one was ready, monotonic ms. */
  movedAt: number;
  cancelIdle: () => void;
}

/** All snapshots that this node serves: at most one for each member. */
export class SnapshotServer {
  readonly #options: SnapshotServerOptions;
  readonly #served = new Map<string, Served>();
  #opening = 0;
  #closed = false;
  /** The failure that was told last. */
  #told = "";

  constructor(options: SnapshotServerOptions) {
    this.#options = options;
  }

  /** {@linkcode PeerApi.fetchSnapshot}, for a caller of this cluster. */
  async *serve(ask: SnapshotAsk, signal: AbortSignal): AsyncGenerator<SnapshotPart> {
    try {
      yield* this.#serve(ask, signal);
      this.#told = "";
    } catch (error) {
      this.#failed(ask.nodeId, error);
      throw error;
    }
  }

  /** Who asked is told why, and asks again; here a person should read it, once. */
  #failed(nodeId: string, error: unknown): void {
    const { message, reason } = ChatError.from(error);
    if (reason !== "INTERNAL" && reason !== "DISK_FULL" && reason !== "DATA_DIRECTORY") return;
    const text = `Cannot give ${nodeId} a snapshot: ${message}`;
    if (text !== this.#told) this.#options.logger.log("warn", text);
    this.#told = text;
  }

  async *#serve(ask: SnapshotAsk, signal: AbortSignal): AsyncGenerator<SnapshotPart> {
    const reader = Symbol();
    const served = ask.index === 0 ? await this.#open(ask) : this.#resume(ask);
    served.cancelIdle();
    served.reader = reader;
    try {
      yield { kind: "header", ...served.header };
      for (let number = ask.firstChunk; !signal.aborted; number++) {
        const data = await this.#chunk(served, { reader, number });
        if (data === null) {
          yield { kind: "end", chunks: served.made, digest: served.source.digest() };
          served.progress.done();
          await this.#forget(served);
          return;
        }
        yield { kind: "chunk", number, data };
      }
    } finally {
      // Kept open for a while: the member may come back for the rest.
      if (served.reader === reader) {
        served.reader = null;
        served.cancelIdle = this.#options.clock.after(
          limits.snapshotIdleMsMax,
          () => void this.#forget(served),
        );
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#served.values()].map((served) => this.#forget(served)));
  }

  async #open(ask: SnapshotAsk): Promise<Served> {
    const old = this.#served.get(ask.nodeId);
    if (old !== undefined) await this.#forget(old);
    if (this.#served.size + this.#opening >= limits.snapshotsServedMax) await this.#freePlace();
    if (this.#closed) throw new ChatError("SHUTTING_DOWN", "The node is stopping");
    if (this.#served.size + this.#opening >= limits.snapshotsServedMax) {
      throw new ChatError("OVERLOADED", "This node serves enough snapshots already: try later", {
        retryAfterMs: limits.overloadRetryMs,
      });
    }
    this.#opening += 1;
    try {
      const source = await this.#options.state.openSnapshot();
      const header = await this.#header(source).catch(async (error) => {
        await source.close();
        throw error;
      });
      return this.#keep(ask, { source, header });
    } finally {
      this.#opening -= 1;
    }
  }

  /**
   * Takes the place of who has asked for nothing for longest, if that is long. A reader whose
   * machine lost its power does not say so, and its connection may take a quarter of an hour to
   * break: as long, nobody else could join or catch up.
   */
  async #freePlace(): Promise<void> {
    const now = this.#options.clock.mono();
    const stalled = [...this.#served.values()]
      .filter(({ making, movedAt }) =>
        making === null && now - movedAt >= limits.snapshotStalledMsMin
      )
      .sort((one, other) => one.movedAt - other.movedAt)[0];
    if (stalled === undefined) return;
    const text = `${stalled.nodeId} stopped reading its snapshot: another member has its place now`;
    this.#options.logger.log("info", text);
    await this.#forget(stalled);
  }

  #keep(
    ask: SnapshotAsk,
    opened: { readonly source: SnapshotSource; readonly header: SnapshotHeader },
  ): Served {
    const { clock, logger } = this.#options;
    const { source, header } = opened;
    const { rowsTotal, base: { index } } = header;
    const peer = ask.nodeId;
    const served: Served = {
      nodeId: peer,
      header,
      source,
      progress: new TransferProgress({ verb: "sending", peer, index, rowsTotal, logger, clock }),
      kept: [],
      made: 0,
      ended: false,
      making: null,
      reader: null,
      movedAt: clock.mono(),
      cancelIdle: () => {},
    };
    this.#served.set(peer, served);
    return served;
  }

  #resume(ask: SnapshotAsk): Served {
    const served = this.#served.get(ask.nodeId);
    const here = served !== undefined && served.header.base.index === ask.index &&
      ask.firstChunk <= served.made && ask.firstChunk >= served.made - served.kept.length;
    if (!here) throw outdated(ask.index);
    return served;
  }

  /** What the log says of the snapshot's place: its newest config and the terms up to there. */
  async #header(source: SnapshotSource): Promise<SnapshotHeader> {
    const { applied, rowsTotal } = source;
    const { config, next, termStarts } = await this.#options.log.history(applied.index);
    // The log went over to another side of a fork in between: it says nothing of these rows.
    const term = termAtStarts(termStarts, applied.index);
    if (term === null || !sameTerm(term, applied.term)) throw outdated(applied.index);
    // The log moved past the snapshot in between: the next one will be newer.
    if (config !== null && config.index > applied.index) throw outdated(applied.index);
    if (config !== null && wasSkipped(config, next)) throw outdated(applied.index);
    return { base: { ...applied, config }, termStarts, rowsTotal };
  }

  /** The chunk of this number, kept or made; `null` after the last one. */
  async #chunk(
    served: Served,
    wanted: { readonly reader: symbol; readonly number: number },
  ): Promise<Uint8Array | null> {
    for (;;) {
      if (served.reader !== wanted.reader) throw outdated(served.header.base.index);
      served.movedAt = this.#options.clock.mono();
      const kept = served.kept[wanted.number - (served.made - served.kept.length)];
      if (kept !== undefined) return kept;
      if (served.ended) return null;
      // The stream that this one took over from may still wait for the next chunk.
      served.making ??= this.#make(served).finally(() => served.making = null);
      await served.making;
    }
  }

  async #make(served: Served): Promise<void> {
    const data = await served.source.next();
    if (data === null) {
      served.ended = true;
      return;
    }
    served.made += 1;
    served.kept.push(data);
    if (served.kept.length > limits.snapshotChunksKept) served.kept.shift();
    served.progress.chunk(this.#options.rowsIn(data), data.byteLength);
  }

  async #forget(served: Served): Promise<void> {
    if (this.#served.get(served.nodeId) !== served) return;
    this.#served.delete(served.nodeId);
    served.cancelIdle();
    served.reader = null;
    await served.source.close();
  }
}

/**
 * Whether the next config that is committed skipped this one, which was never in force then (§4):
 * a snapshot between the two would make its receiver count by a config that binds nobody.
 */
function wasSkipped(config: ConfigEntry, next: ConfigEntry | null): boolean {
  return next !== null && sameTerm(next.term, config.term) && next.config.c0Index < config.index;
}

function outdated(index: number): ChatError {
  return new ChatError(
    "NOT_UP_TO_DATE",
    `The snapshot at index ${index} is not open here any more: fetch a new one`,
  );
}
