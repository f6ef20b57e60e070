/**
 * What people read when the file system refuses a file that they named.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError, REASONS } from "../errors.ts";
import { fileError } from "./file_error.ts";

Deno.test("file error: what failed, why, and what to do; nothing of the system's own text", () => {
  const elsewhere = "set TMPDIR";
  const cases = [
    ["EROFS", 1, "Cannot make it: the disk is read-only; set TMPDIR"],
    ["ENOENT", 2, "Cannot make it: there is no such file or directory; set TMPDIR"],
    ["ENAMETOOLONG", 2, "Cannot make it: its name is too long; set TMPDIR"],
    ["ENOSPC", 1, "Cannot make it: the disk is full; free some space"],
  ] as const;
  for (const [code, exitCode, text] of cases) {
    const system = Object.assign(new Error(`${code}: something, open '.it.tmp'`), { code });
    const error = fileError(system, { verb: "make", file: "it", elsewhere });
    assert.deepEqual([error.message, REASONS[error.reason].exitCode], [text, exitCode]);
  }
});

Deno.test("file error: what is not known is told as it is, and what was told stays", () => {
  const unknown = fileError(new Error("EIO: i/o\n error"), { verb: "read", file: "a.txt" });
  assert.equal(unknown.message, "Cannot read a.txt: EIO: i/o error; give another path");
  const told = new ChatError("NO_ANSWER", "Nobody is there");
  assert.equal(fileError(told, { verb: "write", file: "a.txt" }), told);
});
