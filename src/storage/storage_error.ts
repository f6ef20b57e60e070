/**
 * From what the library or the file system throws to the one error that people read: what
 * failed, why, what to do. Owns the wording for full, read-only and damaged storage; decides by
 * codes, never by texts.
 *
 * @module
 */

import { InvariantError } from "../assert.ts";
import { ChatError } from "../errors.ts";

const fullCodes = new Set(["SQLITE_FULL", "ENOSPC", "EDQUOT"]);
const deniedCodes = new Set([
  "SQLITE_READONLY",
  "SQLITE_CANTOPEN",
  "SQLITE_PERM",
  "EROFS",
  "EACCES",
  "EPERM",
]);
const corruptCodes = new Set(["SQLITE_CORRUPT", "SQLITE_NOTADB"]);
const failedCodes = new Set(["SQLITE_IOERR", "EIO"]);
const busyCodes = new Set(["SQLITE_BUSY", "SQLITE_LOCKED"]);

/** SQLite's codes by number: the low byte of a more exact one. */
const sqliteCodes: ReadonlyMap<number, string> = new Map([
  [3, "SQLITE_PERM"],
  [5, "SQLITE_BUSY"],
  [6, "SQLITE_LOCKED"],
  [8, "SQLITE_READONLY"],
  [10, "SQLITE_IOERR"],
  [11, "SQLITE_CORRUPT"],
  [13, "SQLITE_FULL"],
  [14, "SQLITE_CANTOPEN"],
  [18, "SQLITE_TOOBIG"],
  [26, "SQLITE_NOTADB"],
]);

/** SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not grow. */
const shmSizeCode = 4874;

/** A thrown value as a `ChatError` that names `file`; a broken invariant stays what it is. */
export function toStorageError(thrown: unknown, file: string): ChatError | InvariantError {
  if (thrown instanceof ChatError || thrown instanceof InvariantError) return thrown;
  const { code, rawCode, message } = describe(thrown);
  const options = { cause: thrown };
  if (fullCodes.has(code) || rawCode === shmSizeCode) {
    const text = `Cannot write ${file}: the disk is full; free some space and start the node again`;
    return new ChatError("DISK_FULL", text, options);
  }
  if (deniedCodes.has(code)) return denied(file, options);
  if (corruptCodes.has(code)) return corrupt(file, "it is damaged or no database", options);
  // What a statement that meets a row with a broken seal fails with: see `sound` in src/chat.
  if (code === "SQLITE_TOOBIG") return corrupt(file, "a row in it has a bad checksum", options);
  if (busyCodes.has(code)) return inUse(file, options);
  if (failedCodes.has(code)) {
    const text = `Cannot use ${file}: the disk failed (${oneLine(message)}); check the disk and ` +
      "start the node again";
    return new ChatError("INTERNAL", text, options);
  }
  return new ChatError("INTERNAL", `Cannot use ${file}: ${oneLine(message)}`, options);
}

/** Whether it is the disk or the directory that refuses, whatever is written to it. */
export function isDiskFailure(thrown: unknown): boolean {
  const { cause, reason } = toStorageError(thrown, "") as Partial<ChatError>;
  return reason === "DISK_FULL" || reason === "DATA_DIRECTORY" ||
    failedCodes.has(describe(cause).code);
}

/** Whether this user may not do it, or nobody may as the file system is read-only. */
export function isDenied(thrown: unknown): boolean {
  return deniedCodes.has(describe(thrown).code);
}

/** The file can be neither written nor made. */
export function denied(file: string, options: { readonly cause?: unknown } = {}): ChatError {
  const text = `Cannot write ${file}: it is read-only or not permitted for this user; ` +
    "make its directory writable";
  return new ChatError("DATA_DIRECTORY", text, options);
}

/** Somebody else holds a lock on it, who knows nothing of a data directory's. */
export function inUse(file: string, options: { readonly cause?: unknown } = {}): ChatError {
  const text = `Cannot use ${file}: another program has it open; close that program`;
  return new ChatError("DATA_DIRECTORY", text, options);
}

/** Something was asked of it after it was closed. */
export function closed(file: string): ChatError {
  return new ChatError("SHUTTING_DOWN", `Cannot use ${file}: it is closed already`);
}

/** Damage that was found: where, and what to do. */
export function corrupt(
  file: string,
  detail: string,
  options: { readonly cause?: unknown } = {},
): ChatError {
  return new ChatError("CORRUPT", `Cannot use ${file}: ${detail}; ${corruptAdvice}`, options);
}

const corruptAdvice =
  "keep a copy of the data directory for inquiry, and let this node join again " +
  "with an empty one";

/** What an error of {@linkcode corrupt} found, without what to do: that depends on who reads it. */
export function damageIn({ message }: Error): string {
  return message.replace(`; ${corruptAdvice}`, "");
}

/** The data directory is not usable as it is, though nothing in it is damaged. */
export function unusable(path: string, detail: string, advice: string): ChatError {
  const text = `Cannot use the data directory ${path}: ${detail}; ${advice}`;
  return new ChatError("DATA_DIRECTORY", text);
}

function describe(thrown: unknown): { code: string; rawCode: number; message: string } {
  if (!(thrown instanceof Error)) return { code: "", rawCode: 0, message: String(thrown) };
  const { code, rawCode } = thrown as { code?: unknown; rawCode?: unknown };
  const number = typeof rawCode === "number" ? rawCode : 0;
  const name = typeof code === "string" ? code : "";
  return {
    code: sqliteCodes.get(number & 0xff) ?? name,
    rawCode: number,
    message: thrown.message,
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
