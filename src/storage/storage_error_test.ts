/**
 * Every code of the library and the file system, and the line it becomes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { InvariantError } from "../assert.ts";
import { ChatError, type Reason } from "../errors.ts";
import { corrupt, toStorageError, unusable } from "./storage_error.ts";

const lines: readonly (readonly [object, Reason, RegExp])[] = [
  [{ code: "SQLITE_FULL" }, "DISK_FULL", /Cannot write log\.db: the disk is full; free some/],
  [{ code: "ENOSPC" }, "DISK_FULL", /the disk is full/],
  [{ code: "EDQUOT" }, "DISK_FULL", /the disk is full/],
  [{ code: "SQLITE_IOERR", rawCode: 4874 }, "DISK_FULL", /the disk is full/],
  [{ code: "SQLITE_READONLY_DIRECTORY", rawCode: 1544 }, "DATA_DIRECTORY", /it is read-only/],
  [{ code: "SQLITE_READONLY" }, "DATA_DIRECTORY", /Cannot write log\.db: it is read-only/],
  [{ code: "SQLITE_CANTOPEN" }, "DATA_DIRECTORY", /read-only or not permitted/],
  [{ code: "EACCES" }, "DATA_DIRECTORY", /read-only or not permitted/],
  [{ code: "EROFS" }, "DATA_DIRECTORY", /read-only or not permitted/],
  [{ code: "SQLITE_CORRUPT" }, "CORRUPT", /Cannot use log\.db: it is damaged or no database;/],
  [{ code: "SQLITE_NOTADB" }, "CORRUPT", /it is damaged or no database/],
  [{ code: "SQLITE_BUSY" }, "DATA_DIRECTORY", /another program has it open; close that/],
  [{ code: "SQLITE_IOERR", rawCode: 10 }, "INTERNAL", /the disk failed \(first second\); check/],
  [{ code: "EIO" }, "INTERNAL", /the disk failed \(first second\); check the disk/],
  [{}, "INTERNAL", /Cannot use log\.db: first second$/],
];

Deno.test("toStorageError: every code has its reason and one line that names the file", () => {
  for (const [fields, reason, message] of lines) {
    const cause = Object.assign(new Error("first\n second"), fields);
    const error = toStorageError(cause, "log.db");
    assert.ok(error instanceof ChatError);
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"));
    assert.equal(error.cause, cause);
  }
});

Deno.test("toStorageError: keeps errors of ours, and takes anything thrown", () => {
  const ours = new ChatError("OVERLOADED", "ours");
  assert.equal(toStorageError(ours, "log.db"), ours);
  const broken = new InvariantError("a bug");
  assert.equal(toStorageError(broken, "log.db"), broken);
  assert.match(toStorageError("text", "log.db").message, /Cannot use log\.db: text/);
});

Deno.test("corrupt, unusable: say what to do", () => {
  assert.match(corrupt("log.db", "torn").message, /Cannot use log\.db: torn; .* join again/);
  assert.match(unusable("data", "locked", "wait").message, /data directory data: locked; wait$/);
});
