/**
 * What trials look like: rows of a table for people, fields for programs. Owns the words; prints
 * nothing.
 *
 * @module
 */

import type { Mutant, Part } from "./mutant.ts";
import type { Trial } from "./trial.ts";

/** A trial as it is told. */
export interface Row {
  readonly name: string;
  readonly part: Part;
  readonly caught: boolean;
  /** The property that noticed first, and the others of the same schedule. */
  readonly property: string | null;
  readonly others: readonly string[];
  /** Schedules until then. */
  readonly schedules: number;
  readonly seconds: number;
  /** What the property says, or why it is not caught. */
  readonly detail: string;
}

export function rowOf({ mutant, verdict, schedules, seconds }: Trial): Row {
  const { name, part } = mutant;
  const place = { name, part, schedules, seconds: Math.round(seconds * 10) / 10 };
  if (verdict.kind === "caught") {
    const [property = null, ...others] = verdict.properties;
    return { ...place, caught: true, property, others, detail: verdict.message };
  }
  return { ...place, caught: false, property: null, others: [], detail: whyNot(verdict) };
}

function whyNot(verdict: Exclude<Trial["verdict"], { kind: "caught" }>): string {
  switch (verdict.kind) {
    case "missed":
      return "not caught";
    case "falseAlarm":
      return `a false alarm: without the bug it breaks ${verdict.properties.join(", ")}`;
    case "broken":
      return verdict.why;
  }
}

/** The first line of the table. */
export function header(mutants: readonly Mutant[]): string {
  return line(mutants, ["part", "what is broken", "caught by", "schedules", "seconds"]);
}

export function lineOf(row: Row, mutants: readonly Mutant[]): string {
  const more = row.others.length === 0 ? "" : ` and ${row.others.length} more`;
  const by = row.property === null ? `NOT CAUGHT: ${row.detail}` : `${row.property}${more}`;
  return line(mutants, [row.part, row.name, by, `${row.schedules}`, row.seconds.toFixed(1)]);
}

/** Columns as wide as the longest name. */
function line(
  mutants: readonly Mutant[],
  [part, name, by, schedules, seconds]: readonly [string, string, string, string, string],
): string {
  const width = Math.max(...mutants.map((mutant) => mutant.name.length), 14);
  return `${part.padEnd(8)} ${name.padEnd(width)}  ${by.padEnd(30)} ` +
    `${schedules.padStart(9)} ${seconds.padStart(8)}`;
}

/** All together. */
export function summaryOf(
  rows: readonly Row[],
): { readonly mutants: number; readonly caught: number } {
  return { mutants: rows.length, caught: rows.filter(({ caught }) => caught).length };
}
