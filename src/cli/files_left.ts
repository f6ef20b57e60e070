/**
 * The look at how many files this process may open. Owns what a command says that could not live
 * with so few; it keeps none open.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { ChatError } from "../errors.ts";

/**
 * Throws `INTERNAL` if fewer than `count` more files could be opened now: what lacks one later may
 * be a database in the middle of a write, a peer's link or the runtime itself, and none says why.
 */
export function assertFilesLeft(count: number): void {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(devNull, "r"));
  } catch (cause) {
    // What else may be wrong with that one file is no business of a node.
    if (!(cause instanceof Error && "code" in cause && cause.code === "EMFILE")) return;
    throw new ChatError(
      "INTERNAL",
      `Cannot run a node as this process may open only ${opened.length} more files at once and ` +
        `needs ${count}; raise the limit (ulimit -n)`,
      { cause },
    );
  } finally {
    for (const file of opened) closeSync(file);
  }
}
