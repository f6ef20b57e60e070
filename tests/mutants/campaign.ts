/**
 * One campaign, or one schedule of it again, in a process of its own: it runs in a copy of the
 * sources, in which a bug is planted or not. Owns what is said about it, one line of JSON; what is
 * planted is `main.ts`'s business.
 *
 * @module
 */

import { judgeClient, simulateClients } from "../../src/client/client_test_schedules.ts";
import { judge, simulate } from "../../src/sim/simulate.ts";
import { PLANTED_BUGS } from "../property/planted_bugs.ts";
import type { Campaign } from "./mutant.ts";

/** Operations and faults of a schedule, at most; the same as in the search for real bugs. */
const STEPS_MAX = 24;

/** What a process is told, as JSON in its only argument. */
export type Request = {
  readonly campaign: Campaign;
  /** Of `planted_bugs.ts`. */
  readonly plantedBug: string | null;
} & ({ readonly runs: number } | { readonly again: unknown });

/** What it answers, as one line of JSON on stdout. */
export interface Answer {
  /** Schedules that were run. */
  readonly runs: number;
  /** What the last of them broke; empty if nothing. */
  readonly violations: readonly { readonly checker: string; readonly message: string }[];
  /** That schedule, to be run again; `null` if nothing broke. */
  readonly schedule: unknown;
}

async function run(request: Request): Promise<Answer> {
  const { campaign, plantedBug } = request;
  const bug = PLANTED_BUGS.find(({ name }) => name === plantedBug);
  const parts = bug === undefined ? {} : { parts: bug.parts };
  if ("again" in request) {
    // deno-lint-ignore no-explicit-any
    const schedule = request.again as any;
    const { violations } = campaign.of === "clients"
      ? await judgeClient(schedule)
      : await judge(schedule, bug?.parts);
    return { runs: 1, violations, schedule: null };
  }
  const { runs } = request;
  const { seed } = campaign;
  const result = campaign.of === "clients"
    ? await simulateClients({ runs, seed })
    : await simulate({
      ...campaign.choices,
      stepsMax: STEPS_MAX,
      runs,
      seed,
      shrinksMax: 0,
      ...parts,
    });
  const { failure } = result;
  return {
    runs: failure?.run ?? result.runs,
    violations: failure?.violations ?? [],
    schedule: failure?.scenario ?? null,
  };
}

const answer = await run(JSON.parse(Deno.args[0] ?? ""));
console.log(JSON.stringify(answer));
// What a bug left waiting must not keep the process.
Deno.exit(0);
