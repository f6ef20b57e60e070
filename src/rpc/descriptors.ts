/**
 * How many files and connections this process may have open: without a descriptor left nothing is
 * accepted, and a database that must open a file fails, which stops the node. Owns only the
 * question; no runtime answers it otherwise.
 *
 * @module
 */

import { readFileSync } from "node:fs";

/** The bound that the system sets; more than any port takes where the system does not tell. */
export function descriptorsMax(): number {
  let text: string;
  try {
    text = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? Number.MAX_SAFE_INTEGER : Number(soft);
}
