/**
 * Versions of a database's schema. Owns how an older database is brought up to date, and how a
 * newer or a foreign one is refused before anything in it is changed. Each database says itself
 * what its migrations are.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { Database } from "./database.ts";
import { asDamage, checkSchema, checkStructure, hasSchema } from "./soundness.ts";
import { corrupt } from "./storage_error.ts";

/** The step that leads to a version: statements that run in one transaction. */
export interface Migration {
  /** From 2 upwards without a gap. */
  readonly version: number;
  readonly statements: readonly string[];
}

/**
 * What a database's tables are, and how an older one comes to have them. Each version has other
 * tables than the one before: the header says which it is, and the tables say whether that is true.
 */
export interface Schema {
  /** The newest version. */
  readonly version: number;
  /** Make it in an empty database. */
  readonly statements: readonly string[];
  /** From version 1 on, each from the one before; at the end both ways come to the same. */
  readonly migrations: readonly Migration[];
}

/** "JMSG": tells our databases from any other program's. */
const applicationId = 0x4a4d5347;

/** Opens (and makes, if absent) a database and brings it to the newest version. */
export async function openMigrated(
  path: string,
  options: { readonly schema: Schema; readonly pragmas: readonly string[] },
): Promise<Database> {
  const database = Database.open(path);
  try {
    // Some settings are written into the file: first see whether it is ours, and as we made it.
    const version = await checkVersion(database, options.schema);
    if (version === options.schema.version) await checkSchema(database, options.schema);
    else if (version > 0) {
      await checkHeader(database, version, options.schema);
      await checkStructure(database);
    }
    await database.configure(options.pragmas);
    await migrate(database, options.schema);
    await checkWritable(database);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Opens a database of the newest version to look at it, on a file as `openStill` wants it. */
export async function openStillDatabase(path: string, schema: Schema): Promise<Database> {
  const database = Database.openStill(path);
  try {
    const version = await checkVersion(database, schema);
    assert(version === schema.version, "An older database is looked at in a copy");
    await checkSchema(database, schema);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Brings the database to the newest version, each step in one transaction. */
export async function migrate(database: Database, schema: Schema): Promise<void> {
  const version = await checkVersion(database, schema);
  // One step for a new database: simulations open many.
  const steps = version === 0 ? [schema] : schema.migrations;
  for (const step of steps) {
    if (step.version <= version) continue;
    // One call for all statements: it is four times as fast, which simulations feel.
    await database.script([
      "BEGIN IMMEDIATE",
      ...step.statements,
      `PRAGMA application_id = ${applicationId}`,
      `PRAGMA user_version = ${step.version}`,
      "COMMIT",
    ]);
  }
}

/** The schema's version, if this program can use it: else throws. 0: the database is empty. */
export async function checkVersion(database: Database, schema: Schema): Promise<number> {
  const version = await asDamage(database.name, readVersion(database));
  if (version <= schema.version) return version;
  await checkHeader(database, version, schema);
  const text = `Cannot use ${database.name}: a newer jmessage wrote it (schema version ` +
    `${version}, this one knows ${schema.version}); run that version`;
  throw new ChatError("DATA_DIRECTORY", text);
}

/**
 * Throws `CORRUPT` if it says that it is of another version and has the tables of this one: nothing
 * else tells of a damaged header, and the steps from that version on would be taken twice.
 */
async function checkHeader(database: Database, version: number, schema: Schema): Promise<void> {
  if (!await hasSchema(database, schema)) return;
  const detail =
    `it says that it is of version ${version}, and has the tables of ${schema.version}`;
  throw corrupt(database.name, detail);
}

/** A file that cannot be written is opened without a word: ask for a write, and take it back. */
async function checkWritable(database: Database): Promise<void> {
  const held = await database.hold("write");
  try {
    await held.query(`PRAGMA application_id = ${applicationId}`);
  } finally {
    held.release();
  }
}

/** The schema's version; 0 for a database without any table. */
async function readVersion(database: Database): Promise<number> {
  const [row] = await database.query(
    `SELECT (SELECT user_version FROM pragma_user_version) AS version,
      (SELECT application_id FROM pragma_application_id) AS application,
      (SELECT count(*) FROM sqlite_schema) AS tables`,
  );
  if (row === undefined) throw corrupt(database.name, "it has no version");
  const version = Number(row.version);
  if (version === 0 && row.tables === 0) return 0;
  if (row.application !== applicationId) {
    throw corrupt(database.name, "it is a database of another program");
  }
  if (version > 0) return version;
  throw corrupt(database.name, "it has tables but no version");
}
