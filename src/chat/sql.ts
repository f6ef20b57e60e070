/**
 * Small helpers for statements with the right number of arguments, and for their rows. They come
 * to few different texts, since each is prepared when it is first seen, which takes longer than
 * running it.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { SqlValue } from "./port.ts";

/** Rows that one `INSERT` may have, most first: any number of them is a few statements. */
const blockRows = [16, 4, 1] as const;

/** A fragment of SQL with its arguments. */
export interface Fragment {
  readonly sql: string;
  readonly args: readonly SqlValue[];
}

/** The right side of an `IN`. One value is the rule, and quicker as an argument of its own. */
export function inList(values: readonly (string | number)[]): Fragment {
  if (values.length === 1) return { sql: "(?)", args: values };
  return { sql: "(SELECT value FROM json_each(?))", args: [JSON.stringify(values)] };
}

/** `INSERT`s of all rows, in order; `into` is the table, with its columns or without. */
export function insertsOf(into: string, rows: readonly (readonly SqlValue[])[]): Fragment[] {
  const inserts: Fragment[] = [];
  for (let from = 0; from < rows.length;) {
    const count = blockRows.find((most) => most <= rows.length - from) ?? 1;
    const block = rows.slice(from, from + count);
    const values = block.map((row) => `(${row.map(() => "?").join(",")})`).join(",");
    inserts.push({ sql: `INSERT INTO ${into} VALUES ${values}`, args: block.flat() });
    from += count;
  }
  return inserts;
}

/** A column that the schema declares as text, never null. */
export function textOf(value: SqlValue | undefined): string {
  assert(typeof value === "string", `Cannot read a row as a text must be one: ${typeof value}`);
  return value;
}
