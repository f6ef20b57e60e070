/**
 * `jmessage simulate`: random fault schedules against simulated clusters, or one schedule again.
 * Owns the flags and how a result looks; the simulation is `src/sim`'s, and sharing it among
 * processes is `simulate_jobs.ts`'s.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import process from "node:process";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Violation } from "../sim/checkers/checker.ts";
import { parseScenario, printScenario, type Scenario } from "../sim/scenario.ts";
import type { NodeParts } from "../sim/sim_node_options.ts";
import {
  judge,
  simulate,
  type SimulateResult,
  type Undecided,
  worstKind,
} from "../sim/simulate.ts";
import { ExitError, newCommand } from "./command.ts";
import { coverageTable } from "./coverage_table.ts";
import { thisProgram } from "./node_process.ts";
import { jsonOption, parseInteger, parseOnOff } from "./options.ts";
import { type Output, terminal } from "./output.ts";
import { progress } from "./progress.ts";
import { writeScenario } from "./scenario_file.ts";
import { type JobSummary, runJobs } from "./simulate_jobs.ts";

interface SimulateFlags {
  readonly runs: number;
  readonly seed?: number | undefined;
  readonly nodes: NodeRange;
  readonly quorum?: "all" | "majority" | undefined;
  readonly lastResort?: boolean | undefined;
  readonly steps: number;
  readonly jobs: number;
  readonly job?: true | undefined;
  readonly replay?: string | undefined;
  readonly coverage?: true | undefined;
  readonly json?: true | undefined;
}

interface NodeRange {
  readonly min: number;
  readonly max: number;
}

/** Largest seed: what the generator of scenarios takes. */
const SEED_MAX = 0x7fff_ffff;

/** Exit codes of a violation: what must not happen is worse than what did not happen in time. */
const EXIT_CODES = { safety: 1, liveness: 3 };

/** What the command needs from its surroundings. */
export interface SimulateSurroundings {
  readonly output: Output;
  /** Replaces parts of each node, to show what becomes of a broken one. */
  readonly parts?: NodeParts;
  /** Replaces the judgement, to show what becomes of a schedule that it cannot decide. */
  readonly judge?: typeof judge;
}

/** `jmessage simulate`. */
export function simulateCommand(
  options: SimulateSurroundings = { output: terminal },
): CommandUnknownOpts {
  return newCommand("simulate", "run random faults against simulated clusters", {
    example: "jmessage simulate --runs 500 --nodes 2-5\n" +
      "jmessage simulate --runs 20000 --jobs 4\n" +
      "jmessage simulate --replay scenario.json",
  })
    .addOption(
      new Option("--runs <count>", "schedules to run")
        .argParser(parseInteger(1, limits.simulateRunsMax)).default(200),
    )
    .addOption(
      new Option("--seed <number>", "the same seed makes the same schedules (default: any)")
        .argParser(parseInteger(0, SEED_MAX)),
    )
    .addOption(
      new Option("--nodes <range>", "voters at the start, as 3 or 2-5")
        .argParser(parseRange).default({ min: 2, max: 5 } as NodeRange, "2-5"),
    )
    .addOption(
      new Option("--quorum <policy>", "only this policy").choices(["all", "majority"] as const),
    )
    .addOption(
      new Option("--last-resort <switch>", "only with the last resort on, or off")
        .argParser(parseOnOff),
    )
    .addOption(
      new Option("--steps <count>", "operations and faults in a schedule, at most")
        .argParser(parseInteger(1, limits.simulateStepsMax)).default(24),
    )
    .addOption(
      new Option("--jobs <count>", "processes that share the schedules, seeds from --seed on")
        .argParser(parseInteger(1, limits.simulateJobsMax)).default(1),
    )
    .addOption(new Option("--job", "end when standard input does").hideHelp())
    .addOption(new Option("--replay <file>", "run the one schedule in this file"))
    .addOption(
      new Option("--coverage", "show which faults hit which states (default: on a terminal)"),
    )
    .addOption(jsonOption())
    .action((flags) => {
      if (flags.job) process.stdin.on("end", () => process.exit(1)).resume();
      if (flags.replay !== undefined) {
        return replay({ ...flags, replay: flags.replay }, options);
      }
      return flags.jobs > 1 ? shared(flags, options.output) : campaign(flags, options);
    });
}

/** A campaign in several processes. */
async function shared(flags: SimulateFlags, output: Output): Promise<void> {
  const jobs = Math.min(flags.jobs, flags.runs);
  const seed = flags.seed ?? Math.floor(Math.random() * (SEED_MAX - jobs));
  if (seed + jobs - 1 > SEED_MAX) {
    const text = `Cannot give ${jobs} jobs a seed each from ${seed} on: the largest is ${SEED_MAX}`;
    throw new ChatError("INVALID_ARGUMENT", text, { field: "seed" });
  }
  if (flags.json === undefined) output.line(`Seeds ${seed} to ${seed + jobs - 1}`);
  const began = performance.now();
  const { violations, failurePath, undecidedPaths, ...result } = await runJobs({
    program: thisProgram(),
    flags: flagsOfJob(flags),
    runs: flags.runs,
    seed,
    jobs,
    onProgress: progress(output, (done) => `${done} of ${flags.runs} schedules`),
  });
  const seconds = (performance.now() - began) / 1000;
  const printed = violations.map((one) => ({ ...one, at: one.atMs }));
  if (failurePath !== null) {
    if (flags.json === undefined) output.line(printScenario(await readScenario(failurePath)));
    printViolations(printed, { flags, output });
    printReplay(failurePath, { flags, output });
  }
  for (const path of undecidedPaths) printUndecided(path, { flags, output });
  printSummary({ ...result, violations: violations.length }, { seconds, flags, output });
  if (violations.length > 0) throw broken(printed);
}

function flagsOfJob({ nodes, quorum, lastResort, steps }: SimulateFlags): string[] {
  return [
    ...["--nodes", `${nodes.min}-${nodes.max}`, "--steps", `${steps}`],
    ...(quorum === undefined ? [] : ["--quorum", quorum]),
    ...(lastResort === undefined ? [] : ["--last-resort", lastResort ? "on" : "off"]),
  ];
}

async function campaign(flags: SimulateFlags, surroundings: SimulateSurroundings): Promise<void> {
  const { output, parts, judge } = surroundings;
  const seed = flags.seed ?? Math.floor(Math.random() * SEED_MAX);
  if (flags.json === undefined) output.line(`Seed ${seed}`);
  const { runs, nodes, quorum, lastResort, steps } = flags;
  const began = performance.now();
  const result = await simulate({
    runs,
    seed,
    nodesMin: nodes.min,
    nodesMax: nodes.max,
    quorum,
    lastResort,
    stepsMax: steps,
    onRun: progress(output, (done) => `${done} of ${runs} schedules`),
    onUndecided: undecidedKeeper({ seed, flags, output }),
    ...(judge === undefined ? {} : { judge }),
    ...(parts === undefined ? {} : { parts }),
  });
  const seconds = (performance.now() - began) / 1000;
  const { failure } = result;
  if (failure !== null) await printFailure(failure, { seed, flags, output });
  printSummary(summaryOf(result), { seconds, flags, output });
  if (failure !== null) throw broken(failure.violations);
}

async function replay(
  flags: SimulateFlags & { readonly replay: string },
  { output, parts }: SimulateSurroundings,
): Promise<void> {
  const scenario = await readScenario(flags.replay);
  if (flags.json === undefined) output.line(printScenario(scenario));
  const began = performance.now();
  const { violations, undecided, simulatedMs, faults, coverage } = await judge(scenario, parts);
  const seconds = (performance.now() - began) / 1000;
  printViolations(violations, { flags, output });
  const failure = violations.length === 0 ? null : { scenario, violations, run: 1 };
  for (const text of undecided) output.remark(`Undecided: ${text}`);
  const counts = { undecided: undecided.length, faults: Object.fromEntries(faults) };
  printSummary(summaryOf({ runs: 1, failure, simulatedMs, coverage, ...counts }), {
    seconds,
    flags,
    output,
  });
  if (failure !== null) throw broken(violations);
}

async function readScenario(path: string): Promise<Scenario> {
  try {
    return parseScenario(await readFile(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChatError("INVALID_ARGUMENT", `Cannot read a scenario from ${path}: ${why}`, {
      cause,
    });
  }
}

interface Printing {
  readonly flags: Pick<SimulateFlags, "json" | "coverage">;
  readonly output: Output;
}

async function printFailure(
  { scenario, violations, run }: NonNullable<SimulateResult["failure"]>,
  { seed, flags, output }: Printing & { readonly seed: number },
): Promise<void> {
  const path = await writeScenario(`jmessage-scenario-${seed}-${run}`, scenario);
  if (flags.json === undefined) output.line(printScenario(scenario));
  printViolations(violations, { flags, output });
  printReplay(path, { flags, output });
}

/** Writes schedules that could not be judged to files, the first ones, and says where. */
function undecidedKeeper(
  { seed, flags, output }: Printing & { readonly seed: number },
): (undecided: Undecided) => Promise<void> {
  let kept = 0;
  return async ({ scenario, undecided, run }) => {
    for (const text of undecided) output.remark(`Undecided: ${text}`);
    if (kept++ >= limits.simulateUndecidedKept) return;
    const path = await writeScenario(`jmessage-undecided-${seed}-${run}`, scenario);
    printUndecided(path, { flags, output });
  };
}

function printUndecided(path: string, { flags, output }: Printing): void {
  if (flags.json) output.json({ event: "undecided", path });
  output.remark(`It could not be decided; replay it with: jmessage simulate --replay ${path}`);
}

function printReplay(path: string, { flags, output }: Printing): void {
  if (flags.json) output.json({ event: "failure", path });
  output.remark(`Replay it with: jmessage simulate --replay ${path}`);
}

function printViolations(violations: readonly Violation[], { flags, output }: Printing): void {
  for (const { checker, kind, at, message } of violations) {
    if (flags.json) output.json({ event: "violation", checker, kind, atMs: at, message });
    else output.line(`${checker} at ${at.toFixed(0)} ms: ${message}`);
  }
}

interface Summary extends JobSummary {
  readonly violations: number;
}

function summaryOf(
  { runs, failure, undecided, simulatedMs, faults, coverage }: SimulateResult,
): Summary {
  const simulatedSeconds = Math.round(simulatedMs / 1000);
  const violations = failure?.violations.length ?? 0;
  return { runs, simulatedSeconds, faults, undecided, coverage, violations };
}

function printSummary(
  { runs, violations, undecided, simulatedSeconds, faults, coverage }: Summary,
  { seconds, flags, output }: Printing & { readonly seconds: number },
): void {
  const schedulesPerSecond = Math.round(runs / seconds * 10) / 10;
  if (flags.json) {
    const counts = { runs, violations, schedulesPerSecond, simulatedSeconds, faults };
    output.json({ ...counts, undecided, coverage });
    return;
  }
  const kinds = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`).join(", ");
  output.line(
    `${runs} schedules, ${simulatedSeconds} simulated seconds, ${schedulesPerSecond} schedules/s, ` +
      `${violations} violations, ${undecided} undecided`,
  );
  output.line(`Faults: ${kinds || "none"}`);
  if (flags.coverage !== true && !process.stdout.isTTY) return;
  output.line(coverageTable(coverage));
}

/** Which kind it is decides the exit code. */
function broken(violations: readonly Pick<Violation, "checker" | "kind">[]): ExitError {
  const names = violations.map(({ checker }) => checker).join(", ");
  const text = `A schedule breaks ${names}: see the steps above`;
  return new ExitError(EXIT_CODES[worstKind(violations)], text);
}

/** `3` or `2-5`. */
function parseRange(text: string): NodeRange {
  const [, low = "", high = low] = /^(\d+)(?:-(\d+))?$/.exec(text.trim()) ?? [];
  const [min, max] = [Number(low), Number(high)];
  if (!(low !== "" && min >= 1 && min <= max && max <= limits.simulateNodesMax)) {
    throw new InvalidArgumentError(`Must be as 3 or 2-5, at most ${limits.simulateNodesMax}.`);
  }
  return { min, max };
}
