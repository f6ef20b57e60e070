/**
 * What the file system says of a file that a person named as the one error that people read. Owns
 * the wording; decides by codes, never by texts.
 *
 * @module
 */

import { ChatError, type Reason } from "../errors.ts";

/** What was wrong, and what to do about it where that is not to name another place. */
type Problem = readonly [reason: Reason, what: string, remedy?: string];

/** By the code of the system's error. */
const problems: ReadonlyMap<string, Problem> = new Map<string, Problem>([
  ["ENOSPC", ["DISK_FULL", "the disk is full", "free some space"]],
  ["EDQUOT", ["DISK_FULL", "the disk is full", "free some space"]],
  ["ENOENT", ["INVALID_ARGUMENT", "there is no such file or directory"]],
  ["ENOTDIR", ["INVALID_ARGUMENT", "a part of its path is no directory"]],
  ["EISDIR", ["INVALID_ARGUMENT", "it is a directory", "give the path of a file"]],
  ["ENAMETOOLONG", ["INVALID_ARGUMENT", "its name is too long"]],
  ["ELOOP", ["INVALID_ARGUMENT", "its links lead nowhere"]],
  ["EACCES", ["DATA_DIRECTORY", "this user must not"]],
  ["EPERM", ["DATA_DIRECTORY", "this user must not"]],
  ["EROFS", ["DATA_DIRECTORY", "the disk is read-only"]],
]);

/** What failed, for the sentence. */
export interface FileAct {
  readonly verb: "read" | "write" | "make";
  /** What it is, with its path as the person gave it. */
  readonly file: string;
  /** How to name another place. */
  readonly elsewhere?: string;
}

/** The error of a file that could not be read, written or made. */
export function fileError(
  thrown: unknown,
  { verb, file, elsewhere = "give another path" }: FileAct,
): ChatError {
  if (thrown instanceof ChatError) return thrown;
  const { reason, detail } = fileProblem(thrown, elsewhere);
  return new ChatError(reason, `Cannot ${verb} ${file}: ${detail}`, { cause: thrown });
}

/** What is wrong with a file, and what to do, as the end of a sentence. */
export function fileProblem(
  thrown: unknown,
  elsewhere = "give another path",
): { readonly reason: Reason; readonly detail: string } {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const unknown: Problem = ["INTERNAL", message.replaceAll(/\s+/g, " ")];
  const [reason, what, remedy = elsewhere] = problems.get(code) ?? unknown;
  return { reason, detail: `${what}; ${remedy}` };
}
