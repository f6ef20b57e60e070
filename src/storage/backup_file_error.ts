/**
 * What the file system says of a backup file as the one error that people read. Owns the wording;
 * decides by codes, never by texts.
 *
 * @module
 */

import { ChatError, type Reason } from "../errors.ts";

/** What was wrong, and what to do about it, by the code of the system's error. */
const problems: ReadonlyMap<string, readonly [Reason, string]> = new Map([
  ["ENOSPC", ["DISK_FULL", "the disk is full; free some space"]],
  ["EDQUOT", ["DISK_FULL", "the disk is full; free some space"]],
  ["ENOENT", ["INVALID_ARGUMENT", "there is no such file or directory; give another path"]],
  ["ENOTDIR", ["INVALID_ARGUMENT", "a part of its path is no directory; give another path"]],
  ["EISDIR", ["INVALID_ARGUMENT", "it is a directory; give the path of a file"]],
  ["EACCES", ["DATA_DIRECTORY", "this user must not; give another path"]],
  ["EPERM", ["DATA_DIRECTORY", "this user must not; give another path"]],
  ["EROFS", ["DATA_DIRECTORY", "the disk is read-only; give another path"]],
]);

/** The error of a file that could not be read or written. */
export function backupFileError(
  thrown: unknown,
  path: string,
  verb: "read" | "write",
): ChatError {
  if (thrown instanceof ChatError) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const [reason, detail] = problems.get(code) ??
    (["INTERNAL", message.replaceAll(/\s+/g, " ")] as const);
  const text = `Cannot ${verb} the backup ${path}: ${detail}`;
  return new ChatError(reason, text, { cause: thrown });
}
