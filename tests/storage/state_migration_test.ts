/**
 * A state that an older version wrote is brought to the newest, keeps its rows, and is the same
 * as one that was new from the start.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Database } from "../../src/storage/database.ts";
import { digestOf } from "../../src/storage/digest.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { StateDatabase } from "../../src/storage/state_database.ts";
import { setApplied } from "../../src/storage/state_schema.ts";
import { salvaged, send } from "../support/chat_log.ts";
import { commandEntries, conversation } from "../support/state_log.ts";
import { stateSchemaV1 } from "../support/state_schema_v1.ts";
import { inDirectory } from "./temporary.ts";

Deno.test("state migration: version 1 gets its salvage records and seals, and keeps what it has", async () => {
  await inDirectory(async (directory) => {
    const log = conversation(6);
    const last = log.at(-1)!;
    const fresh = await StateDatabase.openMemory();
    await fresh.apply(log);

    // As version 1 left it: the same rows, without the table and without seals.
    const path = join(directory, "chat-1.db");
    const old = Database.open(path);
    await migrate(old, stateSchemaV1);
    const tables = ["accounts", "sessions", "messages", "requests"];
    for (const table of tables) {
      const columns = await old.query(`SELECT name FROM pragma_table_info('${table}')`);
      const list = columns.map(({ name }) => String(name)).join(", ");
      for (const row of await fresh.query(`SELECT ${list} FROM ${table}`)) {
        const values = Object.values(row);
        const places = values.map(() => "?").join(", ");
        await old.write([{ sql: `INSERT INTO ${table} VALUES (${places})`, args: values }]);
      }
    }
    await old.write([setApplied(last)]);
    await old.close();

    const migrated = await StateDatabase.openFile(path);
    assert.equal(migrated.applied.index, last.index);
    await migrated.check();
    const more = commandEntries([
      salvaged(send("s", { by: "ann", to: "bob" }), null),
      salvaged(send("t", { by: "ann", to: "cid" }), null),
    ], last);
    for (const state of [fresh, migrated]) await state.apply(more);
    const records = await migrated.query("SELECT request_id, reason FROM salvage");
    assert.deepEqual(records.map((row) => ({ ...row })), [
      { request_id: "t", reason: "the receiver does not exist here" },
    ]);
    const digest = async (state: StateDatabase) =>
      await digestOf(await state.openSource({ counted: false, onClosed: () => {} }));
    assert.deepEqual(await digest(migrated), await digest(fresh));
    for (const state of [fresh, migrated]) await state.close();
  });
});
