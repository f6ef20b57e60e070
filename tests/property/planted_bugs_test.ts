/**
 * The properties can fail: each planted bug is caught by a checker within 2,000 schedules.
 *
 * @module
 */

import assert from "node:assert/strict";
import { simulate } from "../../src/sim/simulate.ts";
import { PLANTED_BUGS } from "./planted_bugs.ts";

/** Schedules within which a bug must show. */
const RUNS_MAX = 2_000;

/** Operations and faults of a schedule, at most; the same as in the search for real bugs. */
const STEPS_MAX = 24;

for (const { name, parts, choices, seed, caughtBy } of PLANTED_BUGS) {
  Deno.test(`planted bug: ${name}`, async () => {
    const options = { ...choices, stepsMax: STEPS_MAX, runs: RUNS_MAX, seed, parts };
    const { failure } = await simulate({ ...options, shrinksMax: 0 });
    assert.notEqual(failure, null, `Not caught within ${RUNS_MAX} schedules`);
    // By the property that it breaks: not by a false alarm that was there without it.
    const checkers = failure!.violations.map(({ checker }) => checker);
    assert.ok(checkers.includes(caughtBy), `Caught by ${checkers} after ${failure!.run} schedules`);
  });
}
