/**
 * The replicated state in libSQL, in memory, as the simulator needs it: production's store, with
 * the model beside it. Owns the comparison of the two at every apply, and what a crash leaves.
 *
 * Four of five ms of a schedule would be libSQL's if it got each entry by itself. So entries that
 * nobody looks at yet are kept and applied many in one transaction, as a node does that catches
 * up; the model tells their outcomes, and libSQL must come to the same. Whatever is read, copied
 * or compared is read from libSQL, with everything in it.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Outcome } from "../chat/command.ts";
import { decodeOutcome } from "../chat/outcome.ts";
import type { Reader } from "../chat/port.ts";
import { findAdminTokenHash } from "../chat/queries.ts";
import { parseTerm } from "../chat/position.ts";
import type { ApplyResult, SnapshotSink, StateStore } from "../node/ports.ts";
import type { Base, Entry, Index } from "../raft/types.ts";
import { openMemoryState } from "../storage/state_store.ts";
import { ModelState } from "./model_state.ts";
import type { SimState, StateView } from "./sim_state.ts";

/** A {@linkcode SimState} that must be let go of. */
export interface SqlState extends SimState {
  dispose(): Promise<void>;
}

export async function openSqlState(): Promise<SqlState> {
  return new LibsqlState(await openMemoryState());
}

/** Entries kept for one transaction, at most. */
const KEPT_MAX = 64;

class LibsqlState implements SqlState {
  #store: StateStore;
  /** Applies the same; `null` since a snapshot brought rows that it has not seen. */
  #model: ModelState | null = new ModelState();
  /** Applied to the model only, and what came of it there. */
  #kept: Entry[] = [];
  #expected = new Map<Index, Outcome>();
  #catchingUp: Promise<void> = Promise.resolve();
  #built: { readonly sink: SnapshotSink; readonly checksum: string } | null = null;

  constructor(store: StateStore) {
    this.#store = store;
  }

  readonly reader: Reader = {
    query: async (sql, args) => {
      await this.#catchUp();
      return await this.#store.reader.query(sql, args);
    },
  };
  applied() {
    return this.#model?.applied() ?? this.#store.applied();
  }
  async salvagedFrom(entries: readonly { readonly index: Index; readonly data: Uint8Array }[]) {
    await this.#catchUp();
    return await this.#store.salvagedFrom(entries);
  }
  async requestsBetween(from: Index, to: Index) {
    await this.#catchUp();
    return await this.#store.requestsBetween(from, to);
  }
  async countUnknown(requestIds: readonly string[]) {
    await this.#catchUp();
    return await this.#store.countUnknown(requestIds);
  }
  async settledAmong(salvaged: readonly Uint8Array[]) {
    await this.#catchUp();
    return await this.#store.settledAmong(salvaged);
  }
  /** In memory there is nothing to do, and so nothing to catch up for. */
  checkpoint() {
    return Promise.resolve(this.applied().index);
  }
  async openSnapshot() {
    await this.#catchUp();
    return await this.#store.openSnapshot();
  }
  async digest() {
    await this.#catchUp();
    return await this.#store.digest();
  }
  close() {
    return Promise.resolve();
  }
  dispose() {
    return this.#store.close();
  }

  async apply(entries: readonly Entry[]): Promise<ApplyResult> {
    if (this.#model === null) return await this.#store.apply(entries);
    const result = await this.#model.apply(entries);
    this.#kept.push(...entries);
    for (const [index, outcome] of result.outcomes) this.#expected.set(index, outcome);
    if (this.#kept.length >= KEPT_MAX) await this.#catchUp();
    return result;
  }

  /** Everything that was applied is in libSQL, which came to the same. */
  #catchUp(): Promise<void> {
    // One after the other: two readers at once must both see all of it.
    this.#catchingUp = this.#catchingUp.then(() => this.#applyKept());
    return this.#catchingUp;
  }

  async #applyKept(): Promise<void> {
    if (this.#kept.length === 0) return;
    const [entries, expected] = [this.#kept, this.#expected];
    this.#forgetKept();
    const { outcomes } = await this.#store.apply(entries);
    for (const [index, outcome] of expected) {
      const text = JSON.stringify(outcome);
      const got = JSON.stringify(outcomes.get(index));
      assert(got === text, `At ${index} the tables came to ${got}, the rules to ${text}`);
    }
  }

  #forgetKept(): void {
    this.#kept = [];
    this.#expected = new Map();
  }

  async buildSnapshot(): Promise<SnapshotSink> {
    const sink = await this.#store.buildSnapshot();
    return {
      write: (chunk) => sink.write(chunk),
      finish: async (expected) => {
        await sink.finish(expected);
        this.#built = { sink, checksum: expected.applied.checksum };
      },
      activate: () => this.#activate(sink),
      abort: () => {
        if (this.#built?.sink === sink) this.#built = null;
        return sink.abort();
      },
    };
  }

  async recover(options: { readonly powerCut: boolean; readonly base: Base }): Promise<void> {
    const built = this.#built;
    this.#built = null;
    if (built !== null) {
      if (built.checksum === options.base.checksum) await this.#activate(built.sink);
      else await built.sink.abort();
    }
    // In memory nothing of the state is durable: it can be made again from a whole log only.
    if (!options.powerCut || options.base.index > 0) return;
    await this.#catchUp();
    await this.#store.close();
    this.#store = await openMemoryState();
    this.#model = new ModelState();
  }

  readonly view: StateView = {
    received: async (accountId, after = 0) => {
      const rows = await this.reader.query(
        "SELECT m.id, m.log_index, m.term, m.acknowledged FROM messages AS m JOIN accounts AS a " +
          "ON a.id = m.to_id WHERE m.to_id = ? AND m.log_index > ? AND a.deleted_at_ms IS NULL " +
          "ORDER BY m.log_index",
        [accountId, after],
      );
      return rows.map((row) => ({
        id: String(row["id"]),
        index: Number(row["log_index"]),
        term: parseTerm(String(row["term"]))!,
        acknowledged: row["acknowledged"] === 1,
      }));
    },
    messages: async () => {
      const columns = "log_index, id, from_id, to_id, body, sent_at_ms";
      const rows = await this.reader.query(
        `SELECT ${columns} FROM messages UNION ALL SELECT ${columns} FROM deleted_messages`,
      );
      return new Map(rows.map((row) => [String(row["id"]), {
        index: Number(row["log_index"]),
        fromAccountId: String(row["from_id"]),
        toAccountId: String(row["to_id"]),
        body: new TextDecoder().decode(row["body"] as Uint8Array),
        sentAtMs: Number(row["sent_at_ms"]),
      }]));
    },
    outcomes: async () => {
      const rows = await this.reader.query(
        "SELECT id, log_index, accepted_at_ms, outcome FROM requests",
      );
      return new Map(rows.map((row) => {
        const requestId = String(row["id"]);
        const index = Number(row["log_index"]);
        const place = { requestId, index, acceptedAtMs: Number(row["accepted_at_ms"]) };
        return [requestId, { outcome: decodeOutcome(String(row["outcome"]), place), index }];
      }));
    },
    openSessions: async () => {
      const rows = await this.reader.query(
        "SELECT id, expires_at_ms FROM sessions WHERE revoked_at_ms IS NULL",
      );
      return new Map(rows.map(({ id, expires_at_ms: at }) => {
        return [String(id), at === null ? null : Number(at)];
      }));
    },
    adminTokenHash: () => findAdminTokenHash(this.reader),
    openAccounts: () => this.#ids("SELECT id FROM accounts WHERE deleted_at_ms IS NULL"),
    salvaged: () => this.#ids("SELECT request_id AS id FROM salvage"),
  };

  async #ids(sql: string): Promise<ReadonlySet<string>> {
    const rows = await this.reader.query(sql);
    return new Set(rows.map((row) => String(row["id"])));
  }

  async #activate(sink: SnapshotSink): Promise<void> {
    await this.#catchUp();
    await sink.activate();
    this.#built = null;
    this.#model = null;
  }
}
