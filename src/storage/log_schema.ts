/**
 * The tables of `log.db`, and how entries, terms and single values lie in them. Owns the byte
 * form of everything but the entries' bodies; decides nothing about when it is written.
 *
 * Why the single values are JSON with a seal: SQLite notices a torn page, not a flipped bit; an
 * entry has its checksum, everything else its seal.
 *
 * @module
 */

import type { SqlRow, SqlValue } from "../chat/port.ts";
import { termText, ZERO_TERM } from "../raft/term.ts";
import type { Base, Entry, Index, LogPosition, Term, TermStart } from "../raft/types.ts";
import { bodyBytes, bodyFrom, canonicalJson, seal } from "./checksum.ts";
import type { Statement } from "./database.ts";
import type { Schema } from "./migrations.ts";
import { corrupt } from "./storage_error.ts";
import { textColumns, textFrom } from "./text.ts";

/** Name of the log's database in a data directory. */
export const LOG_FILE = "log.db";

/** Schema of `log.db`. */
export const logSchema: Schema = {
  version: 1,
  statements: [
    `CREATE TABLE meta (
        key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, seal TEXT NOT NULL
      ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE entries (
        idx INTEGER PRIMARY KEY, term TEXT NOT NULL, kind TEXT NOT NULL,
        data BLOB NOT NULL, checksum TEXT NOT NULL
      ) STRICT`,
    // For ever, also below the base: a client's position may be of any term (§8).
    `CREATE TABLE term_starts (
        idx INTEGER PRIMARY KEY, term TEXT NOT NULL, seal TEXT NOT NULL
      ) STRICT`,
    // Every config that was ever on this log; on_log is 0 once it was truncated (§10).
    `CREATE TABLE configs (
        idx INTEGER NOT NULL, term TEXT NOT NULL, checksum TEXT NOT NULL,
        addresses TEXT NOT NULL, seal TEXT NOT NULL, on_log INTEGER NOT NULL,
        PRIMARY KEY (idx, term)
      ) STRICT, WITHOUT ROWID`,
    // What a truncation or an installed snapshot took off the log: never dropped (§9).
    `CREATE TABLE orphans (
        id INTEGER PRIMARY KEY, idx INTEGER NOT NULL, term TEXT NOT NULL, kind TEXT NOT NULL,
        data BLOB NOT NULL, checksum TEXT NOT NULL
      ) STRICT`,
  ],
  migrations: [],
};

/** What a directory stores of its identity (§3). */
export interface StoredIdentity {
  readonly nodeId: string;
  /** Empty until the node has joined or bootstrapped. */
  readonly clusterId: string;
  /** Of the newest start; 0 before the first. */
  readonly incarnation: number;
}

/** Raft's hard state. */
export interface HardState {
  readonly promised: Term;
  readonly commitIndex: Index;
}

/** Which state database is served, and the highest generation that was ever begun. */
export interface CurrentState {
  readonly generation: number;
  readonly file: string;
}

/** The single values in `meta`, by key. */
export interface MetaValues {
  readonly identity: StoredIdentity;
  readonly hard: HardState;
  readonly base: Base;
  readonly state: CurrentState;
}

/** Sets a single value. */
export function setMeta<K extends keyof MetaValues>(key: K, value: MetaValues[K]): Statement {
  const text = canonicalJson(value);
  return {
    sql: "INSERT INTO meta (key, value, seal) VALUES (?, ?, ?) " +
      "ON CONFLICT DO UPDATE SET value = excluded.value, seal = excluded.seal",
    args: [key, text, seal(key, text)],
  };
}

/** A row of `meta` as its value; throws `CORRUPT` if its seal is broken. */
export function readMeta(row: SqlRow): { readonly key: string; readonly value: unknown } {
  const [key, text] = [textFrom(row.key), textFrom(row.value)];
  if (key === null) throw corrupt(LOG_FILE, "a record without a name is in it");
  if (text === null || seal(key, text) !== textFrom(row.seal)) {
    throw corrupt(LOG_FILE, `a bad checksum of its ${key} record`);
  }
  return { key, value: JSON.parse(text) };
}

/** Values of one row of `entries`, in the order of {@linkcode entryColumns}. */
export function entryValues(entry: Entry): SqlValue[] {
  return [entry.index, termText(entry.term), entry.kind, bodyBytes(entry), entry.checksum];
}

export const entryColumns = "idx, term, kind, data, checksum";

/** The same to be read. */
export const entryRead = `idx, data, ${textColumns("term", "kind", "checksum")}`;

/** A row of `entries`; throws `CORRUPT` if it cannot be one. Its checksum is not looked at. */
export function entryFrom(row: SqlRow): Entry {
  const index = Number(row.idx);
  const term = parseTermText(textFrom(row.term) ?? "");
  const body = row.data instanceof Uint8Array ? bodyFrom(textFrom(row.kind) ?? "", row.data) : null;
  const checksum = textFrom(row.checksum);
  if (term === null || body === null || checksum === null) throw badEntry(index);
  return { index, term, checksum, ...body };
}

/** Sets the start of a term. */
export function termStartValues(start: TermStart): SqlValue[] {
  const term = termText(start.term);
  return [start.index, term, seal(start.index, term)];
}

/** A row of `term_starts`; throws `CORRUPT` if its seal is broken. */
export function termStartFrom(row: SqlRow): TermStart {
  const index = Number(row.idx);
  const text = textFrom(row.term) ?? "";
  const term = parseTermText(text);
  if (term === null || seal(index, text) !== textFrom(row.seal)) {
    throw corrupt(LOG_FILE, `a bad checksum of the term that starts at index ${index}`);
  }
  return { index, term };
}

/** Peer addresses in a row of `configs`; throws `CORRUPT` if its seal is broken. */
export function addressesFrom(row: SqlRow): readonly string[] {
  const index = Number(row.idx);
  const text = textFrom(row.addresses) ?? "";
  if (seal(index, text) === textFrom(row.seal)) return JSON.parse(text);
  throw corrupt(LOG_FILE, `a bad checksum of the addresses at index ${index}`);
}

/** The error for an entry that is damaged. */
export function badEntry(index: Index): Error {
  return corrupt(LOG_FILE, `a bad checksum of the entry at index ${index}`);
}

/** The place alone, without a body that may hang on it. */
export function placeOf({ index, term, checksum }: LogPosition): LogPosition {
  return { index, term, checksum };
}

/** Reads what `termText` writes; `null` if it is something else. */
export function parseTermText(text: string): Term | null {
  const match = /^(\d+)\.(\d+)@(.*)$/s.exec(text);
  if (match === null) return null;
  const [, epoch, number, nodeId] = match;
  if (nodeId === "") return ZERO_TERM;
  return { epoch: Number(epoch), number: Number(number), nodeId: nodeId ?? "" };
}
