/**
 * All replicated rows as one deterministic stream of bytes: per table a header line, then a line
 * of JSON for each row in primary-key order, blobs as hex. Snapshots carry this stream, and the
 * digest is its SHA-256, so both mean the same rows on every node, in a file and in memory.
 *
 * The database makes the lines: a tenth of the time that building them here would take.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { assert } from "../assert.ts";
import type { Reader, SqlRow, SqlValue } from "../chat/port.ts";
import { type ReplicatedTable, replicatedTables, sound } from "../chat/schema.ts";
import { corrupt } from "./storage_error.ts";
import { textFrom } from "./text.ts";

/** Rows of one statement: with the longest bodies they still take only a few ms. */
const pageRows = 64;

/** Rows that one statement counts, a few ms. */
const countedRows = 5_000;

/** A replicated table with what its rows need on their way to text and back. */
export interface StreamTable extends ReplicatedTable {
  /** Per column, whether it holds bytes. */
  readonly isBlob: readonly boolean[];
}

/** The replicated tables in stream order. */
export async function readStreamTables(reader: Reader): Promise<readonly StreamTable[]> {
  const rows = await reader.query(
    `SELECT CAST(tables.name AS BLOB) AS name, CAST(columns.name AS BLOB) AS column_name
      FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
      WHERE tables.type = 'table' AND columns.type = 'BLOB'`,
  );
  const blobs = new Set(
    rows.map((row) => `${textFrom(row.name)}.${textFrom(row.column_name)}`),
  );
  return replicatedTables.map((table) => ({
    ...table,
    isBlob: table.columns.map((column) => blobs.has(`${table.name}.${column}`)),
  }));
}

/** The line that comes before a table's rows. */
export function headerLine({ name, columns }: ReplicatedTable): string {
  return `${JSON.stringify({ table: name, columns })}\n`;
}

/** Reads the stream page by page; the reader must show one moment all the time. */
export class RowStream {
  readonly #reader: Reader;
  readonly #tables: readonly StreamTable[];
  /** Name of what is read, for people. */
  readonly #name: string;
  #table = 0;
  /** Primary key of the newest row read of the current table; `null` before its header. */
  #after: readonly SqlValue[] | null = null;
  #started = false;

  constructor(
    reader: Reader,
    options: { readonly tables: readonly StreamTable[]; readonly name: string },
  ) {
    this.#reader = reader;
    this.#tables = options.tables;
    this.#name = options.name;
  }

  /** The next part of the stream, empty if a table has no more rows; `null` at the end. */
  async nextPage(): Promise<string | null> {
    const table = this.#tables[this.#table];
    if (table === undefined) return null;
    if (!this.#started) {
      this.#started = true;
      return headerLine(table);
    }
    const rows = await this.#reader.query(pageStatement(table, this.#after), this.#after ?? []);
    const lines = rows.map((row) => this.#lineOf(row, table));
    if (lines.length < pageRows) {
      this.#table++;
      this.#started = false;
      this.#after = null;
    } else {
      const after = keyOf(table, lines.at(-1)!);
      // Where an index or a row id is damaged the pages may go round in a circle.
      if (this.#after !== null && !follows(after, this.#after)) {
        throw corrupt(this.#name, `the rows of its table ${table.name} are out of order`);
      }
      this.#after = after;
    }
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  #lineOf(row: SqlRow, { name }: StreamTable): string {
    const line = textFrom(row.line);
    if (line === null) throw corrupt(this.#name, `a row of its table ${name} is damaged`);
    return line;
  }
}

/** Rows in all replicated tables, for progress; `pause` lets others in between. */
export async function countRows(reader: Reader, pause: () => Promise<void>): Promise<number> {
  let total = 0;
  for (const { name, primaryKey: [key, ...others] } of replicatedTables) {
    assert(key !== undefined && others.length === 0, `Rows of ${name} are counted by one column`);
    let after: readonly SqlValue[] | null = null;
    do {
      await pause();
      const sql: string = countStatement(name, key, after === null);
      const [row] = await reader.query(sql, after ?? []);
      total += Number(row?.count ?? 0);
      const last = row?.count === countedRows ? textFrom(row.last) : null;
      after = last === null ? null : [JSON.parse(last)];
    } while (after !== null);
  }
  return total;
}

function countStatement(table: string, key: string, first: boolean): string {
  const where = first ? "" : `WHERE ${key} > ?`;
  return `SELECT count(*) AS count, CAST(json_quote(max(key)) AS BLOB) AS last
    FROM (SELECT ${key} AS key FROM ${table} ${where} ORDER BY ${key} LIMIT ${countedRows})`;
}

function pageStatement(table: StreamTable, after: readonly SqlValue[] | null): string {
  const values = table.columns.map((column, place) =>
    table.isBlob[place] ? `hex(${column})` : column
  );
  const key = table.primaryKey.join(", ");
  const places = table.primaryKey.map(() => "?").join(", ");
  const where = after === null ? "" : `WHERE (${key}) > (${places})`;
  return `SELECT CAST(json_array(${values.join(", ")}) AS BLOB) AS line, ${sound(table.name)}
    FROM ${table.name}
    ${where} ORDER BY ${key} LIMIT ${pageRows}`;
}

/** Whether a key comes after another in the order of the database. */
function follows(key: readonly SqlValue[], other: readonly SqlValue[]): boolean {
  for (const [place, value] of key.entries()) {
    const before = other[place]!;
    if (value === before) continue;
    return typeof value === "number" && typeof before === "number"
      ? value > before
      : Buffer.compare(Buffer.from(String(value)), Buffer.from(String(before))) > 0;
  }
  return false;
}

/** Taken from the line, since the library cuts a text that it reads at a U+0000. */
function keyOf(table: StreamTable, line: string): readonly SqlValue[] {
  const values: readonly SqlValue[] = JSON.parse(line);
  return table.primaryKey.map((column) => {
    const place = table.columns.indexOf(column);
    assert(place >= 0 && !table.isBlob[place], `The key of ${table.name} is text or numbers`);
    return values[place]!;
  });
}
