/**
 * Whether a database file is as it was written, apart from what its rows say: its tables and
 * indexes are those of the schema, and its pages hold together. SQLite itself notices little of
 * that until it stumbles. Owns these checks; what the rows say is checked by those who know them.
 *
 * Each reads names as bytes: a damaged one may be no text (text.ts).
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { Database } from "./database.ts";
import type { Schema } from "./migrations.ts";
import { corrupt } from "./storage_error.ts";
import { textColumns, textFrom } from "./text.ts";

/** SQLITE_ERROR: nothing is wrong but the statement. */
const plainError = 1;

/** Throws `CORRUPT` unless {@linkcode hasSchema}. */
export async function checkSchema(database: Database, schema: Schema): Promise<void> {
  if (await hasSchema(database, schema)) return;
  throw corrupt(database.name, "its schema is not as it was made");
}

/** Whether the tables and indexes are exactly those that the schema makes. */
export async function hasSchema(database: Database, { statements }: Schema): Promise<boolean> {
  const found = await asDamage(database.name, schemaOf(database));
  const model = Database.openMemory();
  try {
    await model.script(statements);
    const wanted = await schemaOf(model);
    return found.length === wanted.length && found.every((one, at) => one === wanted[at]);
  } finally {
    await model.close();
  }
}

/** Throws `CORRUPT` with the first thing that SQLite finds wrong with pages and indexes. */
export async function checkStructure(database: Database): Promise<void> {
  const [first] = await database.integrity();
  if (first !== undefined) throw corrupt(database.name, `it is damaged (${first})`);
}

/**
 * What a statement that is right gives: where SQLite says that it is wrong, it has read something
 * else in the file than what was written.
 */
export async function asDamage<T>(name: string, statement: Promise<T>): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    const cause = error instanceof ChatError ? error.cause : null;
    const { rawCode } = (cause ?? {}) as { readonly rawCode?: unknown };
    if (rawCode !== plainError || !(cause instanceof Error)) throw error;
    throw corrupt(name, `it is damaged (${cause.message.replaceAll(/\s+/g, " ")})`, { cause });
  }
}

async function schemaOf(database: Database): Promise<readonly string[]> {
  const columns = ["type", "name", "tbl_name", "sql"];
  const types = columns.map((column) => `typeof(${column})`).join(" || ");
  const rows = await database.query(
    `SELECT ${textColumns(...columns)}, CAST(${types} AS BLOB) AS types FROM sqlite_schema`,
  );
  // An index that a constraint made has no text.
  return rows.map((row) => {
    return JSON.stringify([...columns, "types"].map((column) => textFrom(row[column])));
  }).toSorted();
}
