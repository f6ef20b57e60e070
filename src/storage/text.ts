/**
 * Reading text that may be damaged. libSQL ends the whole process at a text that is no UTF-8, so
 * what comes from a file and was not checked before is read as bytes, and turned into text here.
 *
 * @module
 */

import type { SqlValue } from "../chat/port.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text columns for a `SELECT`, as bytes under their own names. */
export function textColumns(...names: readonly string[]): string {
  return names.map((name) => `CAST(${name} AS BLOB) AS ${name}`).join(", ");
}

/** What a column of {@linkcode textColumns} says; `null` if it is no text. */
export function textFrom(value: SqlValue | undefined): string | null {
  if (!(value instanceof Uint8Array)) return null;
  try {
    return decoder.decode(value);
  } catch {
    return null;
  }
}
