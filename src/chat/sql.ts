/**
 * Small helpers for statements with the right number of arguments, and for their rows.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { SqlValue } from "./port.ts";

/** Above this a list travels as one JSON argument: SQLite takes 32,766 arguments at most. */
const argumentsMax = 32;

/** A fragment of SQL with its arguments. */
export interface Fragment {
  readonly sql: string;
  readonly args: readonly SqlValue[];
}

/** The right side of an `IN`. Few values are arguments each, which is quicker than a JSON list. */
export function inList(values: readonly (string | number)[]): Fragment {
  if (values.length > argumentsMax) {
    return { sql: "(SELECT value FROM json_each(?))", args: [JSON.stringify(values)] };
  }
  return { sql: `(${values.map(() => "?").join(",")})`, args: values };
}

/** `(?,?),(?,?)`: rows of `columns` arguments each, for a `VALUES`. */
export function valueRows(rows: number, columns: number): string {
  const row = `(${new Array(columns).fill("?").join(",")})`;
  return new Array(rows).fill(row).join(",");
}

/** A column that the schema declares as text, never null. */
export function textOf(value: SqlValue | undefined): string {
  assert(typeof value === "string", `Cannot read a row as a text must be one: ${typeof value}`);
  return value;
}
