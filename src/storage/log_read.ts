/**
 * Reading `log.db`: its single values, its term starts, and its entries with their checksums
 * checked. Every kind of damage becomes one `CORRUPT` that names the file and the index.
 *
 * @module
 */

import type { SqlRow } from "../chat/port.ts";
import { sameTerm } from "../raft/term.ts";
import { termAtStarts } from "../raft/log.ts";
import type { ConfigEntry, Entry, Index, LogPosition } from "../raft/types.ts";
import { verifyChain } from "./checksum.ts";
import type { Database } from "./database.ts";
import {
  badEntry,
  entryFrom,
  entryRead,
  LOG_FILE,
  type MetaValues,
  readMeta,
  termStartFrom,
} from "./log_schema.ts";
import type { LogHead } from "./log_write.ts";
import { corrupt } from "./storage_error.ts";
import { textColumns } from "./text.ts";
import { yieldToLoop } from "./yield.ts";

/** Entries read and checked at once: a few ms of the event loop. */
const pageEntries = 256;

/** The head and the identity as they are on disk; `null` before anything was stored. */
export async function readHead(
  database: Database,
): Promise<{ readonly head: LogHead; readonly identity: MetaValues["identity"] } | null> {
  const rows = await database.query(`SELECT ${textColumns("key", "value", "seal")} FROM meta`);
  if (rows.length === 0) return null;
  const values = Object.fromEntries(rows.map(readMeta).map(({ key, value }) => [key, value]));
  const { identity, hard, base, state } = values as Partial<MetaValues>;
  if (!identity || !hard || !base || !state) throw corrupt(LOG_FILE, "a record is missing in it");
  const startColumns = textColumns("term", "seal");
  const starts = await database.query(
    `SELECT idx, ${startColumns} FROM term_starts ORDER BY idx`,
  );
  const [last] = await database.query("SELECT max(idx) AS idx FROM entries");
  const head: LogHead = {
    hard,
    base,
    state,
    termStarts: starts.map(termStartFrom),
    lastIndex: Math.max(Number(last?.idx ?? 0), base.index),
  };
  if (hard.commitIndex > head.lastIndex) {
    throw corrupt(LOG_FILE, `it ends at index ${head.lastIndex}, ${hard.commitIndex} is committed`);
  }
  return { head, identity };
}

/** What checking the whole log from its base on gives besides the certainty. */
export interface CheckedLog {
  readonly entries: readonly Entry[];
  readonly configs: readonly (ConfigEntry & LogPosition)[];
}

/** Checks every entry above the base; keeps the newest `entriesMax` of them, and all configs. */
export async function readAll(
  database: Database,
  head: LogHead,
  entriesMax: number,
): Promise<CheckedLog> {
  const keepFrom = head.lastIndex - entriesMax + 1;
  const entries: Entry[] = [];
  const configs: (ConfigEntry & LogPosition)[] = [];
  let last: LogPosition = head.base;
  while (last.index < head.lastIndex) {
    const to = Math.min(last.index + pageEntries, head.lastIndex);
    const page = await readRange(database, head, last, to);
    for (const entry of page) {
      if (entry.kind === "config") configs.push(entry);
      if (entry.index >= keepFrom) entries.push(entry);
    }
    last = page.at(-1)!;
    await yieldToLoop();
  }
  return { entries, configs };
}

/** The entries after `previous` up to `to`, all of them, checked. Throws `CORRUPT`. */
export async function readRange(
  database: Database,
  head: LogHead,
  previous: LogPosition,
  to: Index,
): Promise<readonly Entry[]> {
  const rows = await queryEntries(database, previous.index + 1, to);
  const entries = rows.map(entryFrom);
  const bad = verifyChain(previous, entries);
  if (bad !== null) throw badEntry(bad);
  if (entries.length !== to - previous.index) {
    throw badEntry((entries.at(-1)?.index ?? previous.index) + 1);
  }
  for (const entry of entries) {
    const term = termAtStarts(head.termStarts, entry.index);
    if (term === null || !sameTerm(term, entry.term)) throw badEntry(entry.index);
  }
  return entries;
}

/** The newest config above the base and up to `through`, checked; `null` if there is none. */
export async function readConfig(
  database: Database,
  head: LogHead,
  through: Index,
): Promise<ConfigEntry | null> {
  const sql = "SELECT max(idx) AS idx FROM configs WHERE on_log = 1 AND idx BETWEEN ? AND ?";
  const [row] = await database.query(sql, [head.base.index + 1, through]);
  return await configAt(database, head, Number(row?.idx ?? 0));
}

/** The oldest committed config after `through`, checked; `null` if there is none. */
export async function readNextConfig(
  database: Database,
  head: LogHead,
  through: Index,
): Promise<ConfigEntry | null> {
  const sql = "SELECT min(idx) AS idx FROM configs WHERE on_log = 1 AND idx BETWEEN ? AND ?";
  const from = Math.max(through, head.base.index) + 1;
  const [row] = await database.query(sql, [from, head.hard.commitIndex]);
  return await configAt(database, head, Number(row?.idx ?? 0));
}

/** The config at an index above the base; `null` for index 0. */
async function configAt(
  database: Database,
  head: LogHead,
  at: Index,
): Promise<ConfigEntry | null> {
  if (at === 0) return null;
  const { base } = head;
  const previous = at - 1 === base.index ? base : await readPlace(database, at - 1);
  const [entry] = await readRange(database, head, previous, at);
  if (entry?.kind !== "config") throw badEntry(at);
  return { index: at, term: entry.term, config: entry.config };
}

/** Place of an entry above the base; throws `CORRUPT` if it is not there. */
export async function readPlace(database: Database, index: Index): Promise<LogPosition> {
  const [row] = await queryEntries(database, index, index);
  if (row === undefined) throw badEntry(index);
  return entryFrom(row);
}

function queryEntries(database: Database, from: Index, to: Index): Promise<readonly SqlRow[]> {
  return database.query(
    `SELECT ${entryRead} FROM entries WHERE idx BETWEEN ? AND ? ORDER BY idx`,
    [from, to],
  );
}
