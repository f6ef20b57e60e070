/**
 * Steps between schema versions, and databases that are refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Database } from "./database.ts";
import { migrate, type Schema } from "./migrations.ts";

const one: Schema = {
  version: 1,
  statements: ["CREATE TABLE notes (id INTEGER, text TEXT)"],
  migrations: [],
};
const addAuthor = "ALTER TABLE notes ADD COLUMN author TEXT";
const two: Schema = {
  version: 2,
  statements: ["CREATE TABLE notes (id INTEGER, text TEXT, author TEXT)"],
  migrations: [{ version: 2, statements: [addAuthor, "UPDATE notes SET author = 'ann'"] }],
};

Deno.test("migrate: brings an older database to the newest version and keeps its rows", async () => {
  const database = Database.openMemory();
  await migrate(database, one);
  await database.write([{ sql: "INSERT INTO notes VALUES (1, 'kept')" }]);
  await migrate(database, two);
  await migrate(database, two);
  const rows = await database.query("SELECT id, text, author FROM notes");
  assert.deepEqual(rows.map((row) => ({ ...row })), [{ id: 1, text: "kept", author: "ann" }]);
  await database.close();
});

Deno.test("migrate: a step that fails leaves the version before it", async () => {
  const database = Database.openMemory();
  await migrate(database, one);
  const broken = { version: 2, statements: [addAuthor, "UPDATE absent SET x = 1"] };
  await assert.rejects(migrate(database, { ...two, migrations: [broken] }), /absent/);
  const [version] = await database.query("PRAGMA user_version");
  assert.equal(version?.user_version, 1);
  await migrate(database, two);
  await database.close();
});

Deno.test("migrate: a newer database and another program's are refused", async () => {
  const newer = Database.openMemory();
  await migrate(newer, two);
  await assert.rejects(migrate(newer, one), /schema version 2, this one knows 1\); run that/);
  await newer.close();
  const foreign = Database.openMemory();
  await foreign.script(["CREATE TABLE theirs (id INTEGER)", "PRAGMA user_version = 1"]);
  await assert.rejects(migrate(foreign, one), /database of another program/);
  await foreign.close();
});
