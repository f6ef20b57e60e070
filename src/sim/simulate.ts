/**
 * Random fault schedules against simulated clusters: what `jmessage simulate` and the property
 * tests run. Owns a campaign of many scenarios, its statistics, and the shrinking of a failure;
 * prints nothing.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import fc from "fast-check";
import { CHECKERS } from "./checkers/all.ts";
import { checkHistory, type Violation } from "./checkers/checker.ts";
import { runScenario } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { type ScenarioChoices, scenarios } from "./scenario_arbitrary.ts";
import type { NodeParts } from "./sim_node_options.ts";

/** A campaign. */
export interface SimulateOptions extends ScenarioChoices {
  readonly runs: number;
  /** The same seed makes the same scenarios. */
  readonly seed: number;
  /** Replaces parts of each node, to show that the checkers notice. */
  readonly parts?: NodeParts;
  /** Scenarios tried at most to make a failing one smaller; 0 keeps it as it was found. */
  readonly shrinksMax?: number;
  /** Called after each run with how many there were. */
  readonly onRun?: (runs: number) => void;
}

/** A scenario that breaks an invariant, as small as shrinking made it. */
export interface Failure {
  readonly scenario: Scenario;
  readonly violations: readonly Violation[];
  /** Runs until it was found, shrinking not counted. */
  readonly run: number;
}

/** What came of a campaign. */
export interface SimulateResult {
  readonly runs: number;
  readonly failure: Failure | null;
  readonly simulatedMs: number;
  /** Faults carried out, by kind. */
  readonly faults: Readonly<Record<string, number>>;
}

/** So many by default. */
const SHRINKS_MAX = 400;

/** Runs one scenario and judges it. A run that ends by an error is a violation too. */
export async function judge(
  scenario: Scenario,
  parts?: NodeParts,
): Promise<{
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  readonly faults: ReadonlyMap<string, number>;
}> {
  try {
    const result = await runScenario(scenario, parts === undefined ? {} : { parts });
    const { simulatedMs, faults, history } = result;
    return { violations: checkHistory(history, CHECKERS), simulatedMs, faults };
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    const violations = [{ checker: "Simulation", at: 0, message }];
    return { violations, simulatedMs: 0, faults: new Map() };
  }
}

/** Runs scenarios until one fails or all have passed; a failing one is shrunk. */
export async function simulate(options: SimulateOptions): Promise<SimulateResult> {
  const { runs, seed, parts, onRun, shrinksMax = SHRINKS_MAX } = options;
  const faults: Record<string, number> = {};
  let simulatedMs = 0;
  let done = 0;
  let failedAt: number | null = null;
  let shrinks = 0;
  const property = fc.asyncProperty(scenarios(options), async (scenario) => {
    if (failedAt !== null && shrinks++ >= shrinksMax) return true;
    const judged = await judge(scenario, parts);
    // Native memory of objects that were collected is let go of in a turn of the event loop.
    await new Promise((next) => setImmediate(next));
    if (failedAt === null) {
      simulatedMs += judged.simulatedMs;
      for (const [kind, count] of judged.faults) faults[kind] = (faults[kind] ?? 0) + count;
      done++;
      onRun?.(done);
    }
    if (judged.violations.length > 0) failedAt ??= done;
    return judged.violations.length === 0;
  });
  const details = await fc.check(property, { seed, numRuns: runs, endOnFailure: shrinksMax === 0 });
  const [scenario] = details.counterexample ?? [];
  const failure = scenario === undefined || failedAt === null
    ? null
    : { scenario, run: failedAt, violations: (await judge(scenario, parts)).violations };
  return { runs: done, failure, simulatedMs, faults };
}
