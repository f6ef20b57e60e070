/**
 * The replicated state in memory: the production rules of `src/chat` (its `evaluate`) over maps
 * instead of tables, so that thousands of schedules a minute can be run. Owns rows, what a
 * power cut leaves of them, and snapshots; decides nothing itself. The libSQL store runs the
 * same schedules beside it, and both must come to the same outcomes.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { type Batch, emptyBatch, type NewMessage, noChanges } from "../chat/batch.ts";
import { decodeCommand } from "../chat/codec.ts";
import type { Command, Outcome } from "../chat/command.ts";
import { evaluate } from "../chat/evaluate.ts";
import { nameKey } from "../chat/name.ts";
import { decodeSalvaged, type Known, salvagedBy, settledBy } from "../chat/salvage.ts";
import type { AppliedMessage, ApplyResult, SnapshotSink, SnapshotSource } from "../node/ports.ts";
import { EMPTY_BASE } from "../raft/log.ts";
import type { Base, Entry, Index, LogPosition } from "../raft/types.ts";
import type { ReceivedMessage, SimState, StateView } from "./sim_state.ts";

/** Everything at one applied position. */
interface Content {
  readonly applied: LogPosition;
  readonly rows: Batch["rows"];
}

/** A snapshot beside the current state, and how to make it again, as a power cut leaves it. */
interface Built {
  readonly content: Content;
  readonly make: () => Content;
}

/**
 * Entries go from node to node as the same bytes: each is read once. So many are remembered, the
 * newest schedules' (a `WeakMap` is gone through by each collection).
 */
const commands = new Map<Uint8Array, Command>();
const COMMANDS_MAX = 500;

function commandOf(data: Uint8Array, index: Index): Command {
  let command = commands.get(data);
  if (command === undefined) {
    command = decodeCommand(data, index);
    if (commands.size >= COMMANDS_MAX) commands.clear();
    commands.set(data, command);
  }
  return command;
}

/** Rows in one chunk of a snapshot: few, so that there are several. */
const CHUNK_ROWS = 8;

function emptyContent(): Content {
  return { applied: EMPTY_BASE, rows: emptyBatch().rows };
}

/** The replicated state of one machine; outlives its processes. */
export class ModelState implements SimState {
  #content: Content = emptyContent();
  /**
   * What a power cut leaves: an old content and the entries behind it, of which so many are
   * durable. They are put together only when power fails: a copy at each checkpoint costs more.
   */
  #old: () => Content = emptyContent;
  #journal: Entry[] = [];
  #durableCount = 0;
  /** Built beside the current state, not yet switched to; by the checksum of its position. */
  #built: Built | null = null;

  readonly reader = {
    query: () => Promise.reject(new Error("The model has no tables: ask its view")),
  };

  applied(): LogPosition {
    return this.#content.applied;
  }

  apply(entries: readonly Entry[]): Promise<ApplyResult> {
    this.#journal.push(...entries);
    return Promise.resolve(this.#evaluate(entries));
  }

  #evaluate(entries: readonly Entry[]): ApplyResult {
    const outcomes = new Map<Index, Outcome>();
    const messages: AppliedMessage[] = [];
    const { rows } = this.#content;
    for (const entry of entries) {
      if (entry.kind !== "command") continue;
      const { index, term } = entry;
      const changes = noChanges();
      const command = commandOf(entry.data, index);
      outcomes.set(index, evaluate({ rows, changes }, { place: { index, term }, command }));
      for (const { toAccountId } of changes.messages) messages.push({ index, toAccountId });
    }
    const { index, term, checksum } = entries.at(-1)!;
    this.#content = { rows, applied: { index, term, checksum } };
    return { outcomes, messages };
  }

  salvagedFrom(
    entries: readonly { readonly index: Index; readonly data: Uint8Array }[],
  ): Promise<readonly Uint8Array[]> {
    const { requests, sessions, messages } = this.#content.rows;
    const commands = entries.map(({ data, index }) => decodeCommand(data, index));
    const known: Known = {
      requests,
      sessions: new Map(
        [...sessions.values()].map(({ id, accountId, createdAtMs, revokedAtMs }) => [id, {
          accountId,
          openedAtMs: createdAtMs,
          revoked: revokedAtMs !== null,
        }]),
      ),
      acknowledged: new Set(
        [...messages].flatMap(([id, { acknowledged }]) => acknowledged ? [id] : []),
      ),
    };
    return Promise.resolve(salvagedBy(commands, known));
  }

  requestsBetween(from: Index, to: Index): Promise<readonly string[]> {
    const requests = [...this.#content.rows.requests.values()];
    const between = requests.filter(({ index }) => index >= from && index <= to);
    return Promise.resolve(between.map(({ requestId }) => requestId));
  }

  countUnknown(requestIds: readonly string[]): Promise<number> {
    const { requests, salvage } = this.#content.rows;
    const kept = new Set([...salvage.values()].map(({ requestId }) => requestId));
    const unknown = requestIds.filter((id) => !requests.has(id) && !kept.has(id));
    return Promise.resolve(unknown.length);
  }

  settledAmong(salvaged: readonly Uint8Array[]): Promise<readonly boolean[]> {
    const commands = salvaged.map(decodeSalvaged);
    return Promise.resolve(settledBy(commands, structuredClone(this.#content.rows)));
  }

  checkpoint(): Promise<Index> {
    this.#durableCount = this.#journal.length;
    return Promise.resolve(this.#content.applied.index);
  }

  #losePower(): void {
    const entries = this.#journal.slice(0, this.#durableCount);
    this.#content = this.#old();
    this.#journal = entries;
    if (entries.length > 0) this.#evaluate(entries);
  }

  digest(): Promise<{ readonly appliedIndex: Index; readonly digest: string }> {
    const digest = digestOf(toRows(this.#content));
    return Promise.resolve({ appliedIndex: this.#content.applied.index, digest });
  }

  openSnapshot(): Promise<SnapshotSource> {
    // As text, since the rows go on changing.
    const rows = toRows(this.#content);
    let next = 0;
    return Promise.resolve({
      applied: this.#content.applied,
      rowsTotal: rows.length,
      next() {
        if (next >= rows.length) return Promise.resolve(null);
        const chunk = rows.slice(next, next + CHUNK_ROWS);
        next += CHUNK_ROWS;
        return Promise.resolve(new TextEncoder().encode(`[${chunk.join(",")}]`));
      },
      digest: () => digestOf(rows),
      close: () => Promise.resolve(),
    });
  }

  buildSnapshot(): Promise<SnapshotSink> {
    const chunks: string[] = [];
    let content: Content | null = null;
    return Promise.resolve({
      write(chunk) {
        chunks.push(new TextDecoder().decode(chunk));
        return Promise.resolve();
      },
      finish: (expected) => {
        const { index, term, checksum } = expected.applied;
        const make = () => ({ applied: { index, term, checksum }, rows: fromChunks(chunks) });
        content = make();
        const digest = digestOf(toRows(content));
        assert(digest === expected.digest, "A snapshot arrives as it was sent");
        this.#built = { content, make };
        return Promise.resolve();
      },
      activate: () => {
        const built = this.#built;
        assert(
          built !== null && built.content === content,
          "What is switched to is what was built",
        );
        this.#switch(built);
        return Promise.resolve();
      },
      abort: () => {
        if (this.#built?.content === content) this.#built = null;
        return Promise.resolve();
      },
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  recover(options: { readonly powerCut: boolean; readonly base: Base }): Promise<void> {
    if (options.powerCut) this.#losePower();
    const built = this.#built;
    this.#built = null;
    // The log names the state that belongs to it: a switch that was on disk is carried out.
    const belongs = built?.content.applied.checksum === options.base.checksum;
    if (built !== null && belongs) this.#switch(built);
    assert(
      this.#content.applied.index >= options.base.index,
      `The state at ${this.#content.applied.index} is not below the base ${options.base.index}`,
    );
    return Promise.resolve();
  }

  readonly view: StateView = {
    received: (accountId, after = 0) =>
      Promise.resolve(receivedBy(this.#content, accountId, after)),
    messages: () =>
      Promise.resolve(new Map([...this.#content.rows.messages] as Iterable<[string, NewMessage]>)),
    outcomes: () =>
      Promise.resolve(
        new Map(
          [...this.#content.rows.requests].map((
            [id, { outcome, index }],
          ) => [id, { outcome, index }]),
        ),
      ),
    openSessions: () =>
      Promise.resolve(
        new Map(
          [...this.#content.rows.sessions].flatMap(([id, { revokedAtMs, expiresAtMs }]) =>
            revokedAtMs === null ? [[id, expiresAtMs] as const] : []
          ),
        ),
      ),
    adminTokenHash: () => Promise.resolve(this.#content.rows.adminTokenHash),
    openAccounts: () =>
      Promise.resolve(idsWhere(this.#content.rows.accounts, (one) => one.deletedAtMs === null)),
    salvaged: () => {
      const records = [...this.#content.rows.salvage.values()];
      return Promise.resolve(new Set(records.map(({ requestId }) => requestId)));
    },
  };

  #switch({ content, make }: Built): void {
    this.#built = null;
    this.#content = content;
    this.#old = make;
    this.#journal = [];
    this.#durableCount = 0;
  }
}

function receivedBy({ rows }: Content, accountId: string, after: Index): ReceivedMessage[] {
  const received: ReceivedMessage[] = [];
  if (rows.accounts.get(accountId)?.deletedAtMs !== null) return received;
  for (const message of rows.messages.values()) {
    if (message.toAccountId !== accountId || message.index <= after) continue;
    const { id, index, term, acknowledged } = message as NewMessage;
    received.push({ id, index, term, acknowledged });
  }
  return received;
}

function idsWhere<T>(rows: ReadonlyMap<string, T>, fits: (row: T) => boolean): Set<string> {
  return new Set([...rows].flatMap(([id, row]) => fits(row) ? [id] : []));
}

/** A row of a table, for snapshots and digests. */
type Row = readonly [table: string, key: string, value: unknown];

/** The rows, each as JSON. */
function toRows({ rows }: Content): string[] {
  const list: string[] = [];
  const add = (...row: Row) => list.push(JSON.stringify(row));
  for (const [key, value] of rows.requests) add("requests", key, value);
  for (const [key, value] of rows.accounts) add("accounts", key, value);
  for (const [key, value] of rows.sessions) add("sessions", key, value);
  for (const [key, value] of rows.messages) add("messages", key, value);
  for (const [key, value] of rows.salvage) add("salvage", key, value);
  if (rows.adminTokenHash !== null) add("admin token", "", rows.adminTokenHash);
  add("clock", "", rows.lastTimeMs);
  return list;
}

function fromChunks(chunks: readonly string[]): Batch["rows"] {
  const list: Row[] = chunks.flatMap((chunk) => JSON.parse(chunk));
  const { rows } = emptyBatch();
  const tables: Record<string, Map<string, unknown>> = {
    requests: rows.requests,
    accounts: rows.accounts,
    sessions: rows.sessions,
    messages: rows.messages,
    salvage: rows.salvage,
  };
  for (const [table, key, value] of list) {
    if (table === "clock") rows.lastTimeMs = Number(value);
    else if (table === "admin token") rows.adminTokenHash = String(value);
    else tables[table]!.set(key, value);
  }
  for (const account of rows.accounts.values()) {
    if (account.deletedAtMs === null) rows.names.add(nameKey(account.name));
  }
  return rows;
}

/** The sum over all rows of a hash of each: in whatever order a table has them. */
function digestOf(rows: readonly string[]): string {
  let [low, high] = [0, 0];
  for (const row of rows) {
    let [one, other] = [0x811c9dc5, 0x1b873593];
    for (let at = 0; at < row.length; at++) {
      one = Math.imul(one ^ row.charCodeAt(at), 0x01000193);
      other = Math.imul(other ^ row.charCodeAt(at), 0x85ebca6b) ^ (other >>> 13);
    }
    low = (low + one) | 0;
    high = (high + other) | 0;
  }
  return `${(low >>> 0).toString(16)}${(high >>> 0).toString(16)}`;
}
