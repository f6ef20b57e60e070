/**
 * One connection: values, transactions, order, closing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "./database.ts";

async function withNotes(body: (database: Database) => Promise<void>): Promise<void> {
  const database = Database.openMemory();
  await database.script(["CREATE TABLE notes (id INTEGER PRIMARY KEY, data BLOB)"]);
  await body(database);
  await database.close();
}

async function ids(database: Database): Promise<unknown[]> {
  const rows = await database.query("SELECT id FROM notes ORDER BY id");
  return rows.map((row) => row.id);
}

Deno.test("database: blobs come back as bytes, also from expressions and views of buffers", async () => {
  await withNotes(async (database) => {
    const bytes = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
    await database.write([
      { sql: "INSERT INTO notes VALUES (1, ?)", args: [bytes] },
      { sql: "INSERT INTO notes VALUES (2, NULL)" },
      { sql: "INSERT INTO notes VALUES (3, ?)", args: [new Uint8Array(0)] },
    ]);
    const rows = await database.query("SELECT data, unhex('ff') AS made FROM notes");
    assert.deepEqual(
      rows.map((row) => row.data),
      [bytes, null, new Uint8Array(0)]
        .map((value) => value === null ? null : new Uint8Array(value)),
    );
    assert.deepEqual(rows[0]?.made, new Uint8Array([255]));
  });
});

Deno.test("database: a transaction that throws leaves nothing, and the next one works", async () => {
  await withNotes(async (database) => {
    const failed = database.transaction(async (writer) => {
      await writer.run("INSERT INTO notes VALUES (1, NULL)");
      throw new Error("on purpose");
    });
    await assert.rejects(failed, /on purpose/);
    await assert.rejects(database.write([
      { sql: "INSERT INTO notes VALUES (2, NULL)" },
      { sql: "INSERT INTO notes VALUES (2, NULL)" },
    ]));
    await database.transaction((writer) => writer.run("INSERT INTO notes VALUES (3, NULL)"));
    assert.deepEqual(await ids(database), [3]);
  });
});

Deno.test("database: what is asked for during a transaction waits for its end", async () => {
  await withNotes(async (database) => {
    const written = database.transaction(async (writer) => {
      await writer.run("INSERT INTO notes VALUES (1, NULL)");
      await writer.run("INSERT INTO notes VALUES (2, NULL)");
    });
    assert.deepEqual(await ids(database), [1, 2]);
    await written;
  });
});

Deno.test("database: a closed one says so", async () => {
  const database = Database.openMemory();
  await database.close();
  await database.close();
  await assert.rejects(database.query("SELECT 1"), /it is closed already/);
});

Deno.test("database: what is found wrong is a sentence, not the heading before it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "jmessage-test-"));
  try {
    const path = join(directory, "some.db");
    const database = Database.open(path);
    await database.script(["CREATE TABLE t (a, b)", "CREATE INDEX i ON t (b)"]);
    await database.script([
      "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) " +
      "INSERT INTO t SELECT x, hex(x * x) FROM n",
    ]);
    await database.checkpoint("truncate");
    await database.close();
    const bytes = readFileSync(path);
    // How many bytes are lost between the cells of a page in the middle.
    bytes.writeUInt8(9, 4_096 * 20 + 7);
    writeFileSync(path, bytes);
    const damaged = Database.open(path);
    const [first = ""] = await damaged.integrity();
    assert.match(first, /\w/);
    assert.ok(!first.startsWith("***"), first);
    await damaged.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
