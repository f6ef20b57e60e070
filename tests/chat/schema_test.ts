/**
 * The list of replicated tables says what the schema makes, so that digests and snapshots miss
 * nothing, and inserts by position put everything where it belongs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { replicatedTables, schemaVersion } from "../../src/chat/schema.ts";
import { stateSchema } from "../../src/storage/state_schema.ts";
import { MemoryChat } from "../support/memory_chat.ts";

Deno.test("schema: every table is replicated, with all its columns and its primary key", async () => {
  const chat = await MemoryChat.open();
  const tables = await chat.query(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
  );
  assert.deepEqual(replicatedTables.map(({ name }) => name), tables.map(({ name }) => name));
  for (const { name, columns, primaryKey } of replicatedTables) {
    const rows = await chat.query("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", [name]);
    assert.deepEqual(columns, rows.map((row) => row["name"]));
    const keys = rows.filter(({ pk }) => pk !== 0);
    assert.deepEqual(primaryKey, keys.map((row) => row["name"]));
  }
  await chat.close();
});

Deno.test("schema: one live account of a name, one session of a token, one row of a request", async () => {
  const chat = await MemoryChat.open();
  const account = (id: string, name: string, deletedAtMs: number | null) =>
    chat.query("INSERT INTO accounts VALUES (?, ?, ?, 'h', 1, ?)", [id, name, name, deletedAtMs]);
  await account("a", "ann", 5);
  await account("b", "ann", null);
  await account("c", "ann", 6);
  await assert.rejects(account("d", "ann", null), /UNIQUE/);
  const session = (id: string) =>
    chat.query("INSERT INTO sessions VALUES (?, 'a', 'token', 1, NULL, NULL, NULL)", [id]);
  await session("s");
  await assert.rejects(session("t"), /UNIQUE/);
  const request = (index: number) =>
    chat.query("INSERT INTO requests VALUES (?, 'r', 'f', 1, '[]')", [index]);
  await request(1);
  await assert.rejects(request(2), /UNIQUE/);
  assert.equal(schemaVersion, stateSchema.version);
  await chat.close();
});
