/**
 * Statements that stay prepared: used again, after failures, after a change of the schema, and
 * after they were given up.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../limits.ts";
import { Connection } from "./connection.ts";

function withNotes(body: (connection: Connection) => void): void {
  const connection = new Connection(":memory:");
  connection.script("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT");
  try {
    body(connection);
  } finally {
    connection.close();
  }
}

const insert = "INSERT INTO notes VALUES (?, ?)";
const select = "SELECT id, text FROM notes ORDER BY id";

Deno.test("connection: a statement that failed works again", () => {
  withNotes((connection) => {
    connection.run(insert, [1, "one"]);
    assert.throws(() => connection.run(insert, [1, "again"]), { rawCode: 1555 });
    connection.run(insert, [2, "two"]);
    assert.deepEqual(connection.query(select, []), [{ id: 1, text: "one" }, {
      id: 2,
      text: "two",
    }]);
  });
});

Deno.test("connection: a kept statement sees a changed schema", () => {
  withNotes((connection) => {
    connection.run(insert, [1, "one"]);
    assert.deepEqual(connection.query("SELECT * FROM notes", []), [{ id: 1, text: "one" }]);
    connection.script("ALTER TABLE notes DROP COLUMN text");
    assert.deepEqual(connection.query("SELECT * FROM notes", []), [{ id: 1 }]);
  });
});

Deno.test("connection: statements are given up one by one, or all at a rest", () => {
  withNotes((connection) => {
    for (let id = 0; id <= 2 * limits.statementsKept; id++) {
      connection.run(`INSERT INTO notes VALUES (${id}, ?)`, ["x"]);
    }
    connection.run("DELETE FROM notes WHERE id > ?", [0]);
    assert.deepEqual(connection.query(select, []), [{ id: 0, text: "x" }]);
    connection.shrink();
    assert.deepEqual(connection.query(select, []), [{ id: 0, text: "x" }]);
  });
});

Deno.test("connection: rows that a statement has are dropped when it is only run", () => {
  withNotes((connection) => {
    connection.run("PRAGMA user_version", []);
    connection.run("BEGIN", []);
    assert.equal(connection.inTransaction, true);
    connection.run("ROLLBACK", []);
    assert.equal(connection.inTransaction, false);
  });
});
