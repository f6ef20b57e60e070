/**
 * The flags of `deno task test:mutants`. Owns their defaults and bounds; a value out of bounds is
 * refused in one line and nothing is started.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Mutant, PARTS } from "./mutant.ts";

/** What a run is told. */
export interface MutantsOptions {
  /** The mutants to try: all of a part, or those with this text in their names. */
  readonly chosen: readonly Mutant[];
  /** Schedules within which each must be caught. */
  readonly runs: number;
  /** Processes at once. */
  readonly jobs: number;
  readonly json: boolean;
}

/** Wrong usage: one line for the person. */
export class UsageError extends Error {}

const RUNS_MAX = 1_000_000;
const JOBS_MAX = 64;

export const HELP = `Usage: deno task test:mutants [options]

Plants one bug after another in a copy of the sources and runs random schedules of faults until a
property notices; then runs that schedule again without the bug, where nothing may be wrong.

  --only <text>   one part (${PARTS.join(", ")}), or mutants whose names contain the text
  --runs <n>      schedules within which a bug must be caught (default: 5000)
  --jobs <n>      bugs tried at once, each in a process of its own (default: 2)
  --json          print one line of JSON for each bug, and one at the end

Exit code 0: all caught. 1: one was not, or something was wrong without it. 2: wrong usage.

Example: deno task test:mutants --only healing --jobs 4`;

/** Reads the flags; `null` if the help was asked for. Throws {@linkcode UsageError}. */
export function parseOptions(
  args: readonly string[],
  mutants: readonly Mutant[],
): MutantsOptions | null {
  const values = parsed(args);
  if (values.help) return null;
  const { only } = values;
  const chosen = mutants.filter(({ name, part }) =>
    only === undefined || part === only || name.includes(only)
  );
  if (chosen.length === 0) throw new UsageError(`No part is ${only}, and no name contains it`);
  return {
    chosen,
    runs: wholeIn("runs", values.runs, RUNS_MAX),
    jobs: wholeIn("jobs", values.jobs, JOBS_MAX),
    json: values.json,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        runs: { type: "string", default: "5000" },
        jobs: { type: "string", default: "2" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    throw new UsageError(`Cannot read the options: ${text.split("\n")[0]}; see --help`);
  }
}

function wholeIn(name: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new UsageError(
    `--${name} must be a whole number from 1 to ${max}: current value is ${text}`,
  );
}
