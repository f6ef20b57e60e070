/**
 * Random fault schedules against simulated clusters: what `jmessage simulate` and the property
 * tests run. Owns a campaign of many scenarios, its statistics, and the shrinking of a failure;
 * prints nothing.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import fc from "fast-check";
import { machineCollector } from "../collector.ts";
import { CHECKERS } from "./checkers/all.ts";
import { checkHistory, type Violation, type ViolationKind } from "./checkers/checker.ts";
import { addCoverage, type Coverage, coverageOf, type CoverageSum } from "./coverage.ts";
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
  /** Called with each scenario of which not everything could be judged; waited for. */
  readonly onUndecided?: (undecided: Undecided) => Promise<void>;
  /** Instead of {@linkcode judge}. */
  readonly judge?: typeof judge;
}

/** A scenario whose judgement would have taken too much work. */
export interface Undecided {
  readonly scenario: Scenario;
  /** A line each. */
  readonly undecided: readonly string[];
  /** Which run it was. */
  readonly run: number;
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
  /** Judgements that would have taken too much work. */
  readonly undecided: number;
  readonly simulatedMs: number;
  /** Faults carried out, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly coverage: Coverage;
}

/** What came of one scenario. */
export interface Judged {
  readonly violations: readonly Violation[];
  /** What would have taken too much work to judge, one line each. */
  readonly undecided: readonly string[];
  readonly simulatedMs: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly coverage: Coverage;
}

/** So many by default. */
const SHRINKS_MAX = 400;

/**
 * Schedules on libSQL after which garbage is collected: a database in memory lives on in what was
 * prepared on it, of which the runtime sees a few bytes. Without, a campaign took 1 MB for each.
 */
const COLLECT_AFTER = 32;

/** Runs one scenario and judges it. A run that ends by an error is a violation too. */
export async function judge(scenario: Scenario, parts?: NodeParts): Promise<Judged> {
  try {
    const options = parts === undefined ? { bare: true } : { bare: true, parts };
    const result = await runScenario(scenario, options);
    const { simulatedMs, faults, history } = result;
    const coverage = coverageOf(history.events);
    return { ...checkHistory(history, CHECKERS), simulatedMs, faults, coverage };
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    const violation: Violation = { checker: "Simulation", kind: "safety", at: 0, message };
    const nothing = { undecided: [], simulatedMs: 0, faults: new Map(), coverage: {} };
    return { violations: [violation], ...nothing };
  }
}

/** Of violations of both kinds, safety is what counts. */
export function worstKind(violations: readonly Pick<Violation, "kind">[]): ViolationKind {
  return violations.some(({ kind }) => kind === "safety") ? "safety" : "liveness";
}

/**
 * Whether a smaller scenario still shows what the first one showed: a violation of that kind, by
 * one of the checkers that noticed. Another one may be another bug, or none.
 */
export function showsTheSame(
  first: readonly Violation[],
  smaller: readonly Violation[],
): boolean {
  const kind = worstKind(first);
  const noticed = new Set(first.flatMap((one) => one.kind === kind ? [one.checker] : []));
  return smaller.some((one) => one.kind === kind && noticed.has(one.checker)) &&
    worstKind(smaller) === kind;
}

/** Runs scenarios until one fails or all have passed; a failing one is shrunk. */
export async function simulate(options: SimulateOptions): Promise<SimulateResult> {
  const { runs, seed, parts, onRun, onUndecided, shrinksMax = SHRINKS_MAX } = options;
  const judgeOne = options.judge ?? judge;
  const faults: Record<string, number> = {};
  const coverage: CoverageSum = {};
  let [done, simulatedMs, undecided, shrinks] = [0, 0, 0, 0];
  let found: Pick<Failure, "violations" | "run"> | null = null;
  const collect = machineCollector();
  let uncollected = 0;
  const property = fc.asyncProperty(scenarios(options), async (scenario) => {
    if (found !== null && shrinks++ >= shrinksMax) return true;
    const judged = await judgeOne(scenario, parts);
    // Native memory of objects that were collected is let go of in a turn of the event loop.
    await new Promise((next) => setImmediate(next));
    if (scenario.config.state === "libsql" && ++uncollected % COLLECT_AFTER === 0) collect();
    if (found !== null) return !showsTheSame(found.violations, judged.violations);
    simulatedMs += judged.simulatedMs;
    undecided += judged.undecided.length;
    addCoverage(coverage, judged.coverage);
    for (const [kind, count] of judged.faults) faults[kind] = (faults[kind] ?? 0) + count;
    done++;
    onRun?.(done);
    const { violations, undecided: open } = judged;
    if (open.length > 0) await onUndecided?.({ scenario, undecided: open, run: done });
    if (violations.length > 0) found = { violations, run: done };
    return violations.length === 0;
  });
  const details = await fc.check(property, { seed, numRuns: runs, endOnFailure: shrinksMax === 0 });
  const [scenario] = details.counterexample ?? [];
  const failure = scenario === undefined
    ? null
    : { scenario, run: done, violations: (await judgeOne(scenario, parts)).violations };
  return { runs: done, failure, undecided, simulatedMs, faults, coverage };
}
