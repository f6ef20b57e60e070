/**
 * Giving backups to operators: everything that is replicated, read at one applied index while
 * applies go on. Owns how many are given at once, and that a reader who stops reading does not
 * hold the database's history for ever; the rows are `src/storage`'s.
 *
 * @module
 */

import { schemaVersion } from "../chat/schema.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { maxTerm } from "../raft/term.ts";
import type { CoreStatus } from "../raft/io.ts";
import type { TermStart } from "../raft/types.ts";
import type { BackupHeader, BackupPart, CallContext } from "../rpc/api.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { Logger } from "./logger.ts";
import { pause } from "./pause.ts";
import type { Clock, Identity, LogStore, SnapshotSource, StateStore } from "./ports.ts";
import { TransferProgress } from "./transfer_progress.ts";

export interface BackupServerOptions {
  readonly identity: () => Pick<Identity, "nodeId" | "clusterId">;
  readonly driver: Pick<NodeDriver, "waitApplied"> & {
    status(): Pick<CoreStatus, "policy" | "term">;
  };
  readonly log: Pick<LogStore, "history">;
  readonly state: Pick<StateStore, "openSnapshot">;
  /** Rows in a chunk, for progress. */
  readonly rowsIn: (chunk: Uint8Array) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A backup that is being given. */
interface Given {
  readonly header: BackupHeader;
  readonly termStarts: readonly TermStart[];
  readonly source: SnapshotSource;
}

/** All backups that this node gives. */
export class BackupServer {
  readonly #options: BackupServerOptions;
  readonly #open = new Set<SnapshotSource>();
  #opening = 0;
  #closed = false;

  constructor(options: BackupServerOptions) {
    this.#options = options;
  }

  /** {@linkcode AdminApi.backup}. */
  async *serve(
    ask: { readonly atLeastIndex: number },
    context: Pick<CallContext, "deadlineMs" | "signal">,
  ): AsyncGenerator<BackupPart> {
    const given = await this.#begin(ask, context.deadlineMs);
    try {
      yield* this.#watched(given, context.signal);
    } finally {
      await this.#end(given.source);
    }
  }

  /** Ends all of them: whoever reads one asks another member. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open].map((source) => this.#end(source)));
  }

  async #begin(ask: { readonly atLeastIndex: number }, deadlineMs: number): Promise<Given> {
    if (this.#closed) throw shuttingDown();
    if (this.#open.size + this.#opening >= limits.backupsGivenMax) {
      throw new ChatError("OVERLOADED", "This node gives a backup already: try another, or later", {
        retryAfterMs: limits.overloadRetryMs,
      });
    }
    this.#opening += 1;
    try {
      const { driver, state, clock } = this.#options;
      const waitUntil = Math.min(deadlineMs, clock.wall() + limits.backupWaitMsMax);
      await driver.waitApplied(ask.atLeastIndex, waitUntil);
      const source = await state.openSnapshot();
      this.#open.add(source);
      return { source, ...await this.#headerOf(source) };
    } finally {
      this.#opening -= 1;
    }
  }

  async #headerOf(source: SnapshotSource): Promise<Pick<Given, "header" | "termStarts">> {
    try {
      return await this.#header(source);
    } catch (error) {
      await this.#end(source);
      throw error;
    }
  }

  async #header(source: SnapshotSource): Promise<Pick<Given, "header" | "termStarts">> {
    const { identity, driver, log, clock } = this.#options;
    const { applied: base, rowsTotal } = source;
    const { nodeId, clusterId } = identity();
    const { policy, term } = driver.status();
    if (policy === null) {
      throw new ChatError("NOT_UP_TO_DATE", "This node is no member of a cluster yet: ask another");
    }
    const { termStarts } = await log.history(base.index);
    const header = {
      clusterId,
      nodeId,
      base,
      term: maxTerm(term, base.term),
      policy,
      schemaVersion,
      takenAtMs: clock.wall(),
      rowsTotal,
    };
    return { header, termStarts };
  }

  /** The parts; what is not read for a while is closed, and says so when it is read on. */
  async *#watched(given: Given, signal: AbortSignal): AsyncGenerator<BackupPart> {
    const { clock } = this.#options;
    for await (const part of this.#parts(given, signal)) {
      if (signal.aborted) return;
      const cancel = clock.after(limits.snapshotIdleMsMax, () => void this.#end(given.source));
      try {
        yield part;
      } finally {
        cancel();
      }
    }
  }

  async *#parts(
    { header, termStarts, source }: Given,
    signal: AbortSignal,
  ): AsyncGenerator<BackupPart> {
    const { clock } = this.#options;
    const progress = this.#progress(header);
    yield { kind: "header", ...header };
    for (let from = 0; from < termStarts.length; from += limits.backupTermsPerPart) {
      const page = termStarts.slice(from, from + limits.backupTermsPerPart);
      yield { kind: "terms", termStarts: page };
    }
    let number = 0;
    while (true) {
      const beganAt = clock.mono();
      const data = await this.#next(source);
      if (data === null) break;
      progress.chunk(this.#options.rowsIn(data), data.byteLength);
      const took = clock.mono() - beganAt;
      yield { kind: "chunk", number, data };
      number += 1;
      // Nobody waits for a backup as writers do for this node: they get half of its time or more.
      if (took > 0) await pause(clock, Math.min(took, limits.backupPauseMsMax), signal);
    }
    progress.done();
    yield { kind: "end", chunks: number, digest: source.digest() };
  }

  async #next(source: SnapshotSource): Promise<Uint8Array | null> {
    try {
      return await source.next();
    } catch (error) {
      if (this.#closed) throw shuttingDown();
      throw error;
    }
  }

  #progress({ base, rowsTotal }: BackupHeader): TransferProgress {
    const { logger, clock } = this.#options;
    const verb = "sending";
    return new TransferProgress({
      verb,
      peer: "backup",
      index: base.index,
      rowsTotal,
      logger,
      clock,
    });
  }

  async #end(source: SnapshotSource): Promise<void> {
    if (this.#open.delete(source)) await source.close();
  }
}

function shuttingDown(): ChatError {
  return new ChatError("SHUTTING_DOWN", "The node is stopping: try another");
}
