/**
 * Random schedules of faults against simulated clusters of the production node: every invariant
 * of §11, over all policies and two to five voters. The same seeds each time, so that a red test
 * stays red; `deno task simulate` looks further.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { writeScenario } from "../../src/cli/scenario_file.ts";
import type { Core } from "../../src/raft/core_api.ts";
import type { CoreOptions } from "../../src/raft/io.ts";
import { SOUND_PARTS } from "../../src/sim/cluster.ts";
import { runScenario } from "../../src/sim/run.ts";
import { printScenario, type Scenario } from "../../src/sim/scenario.ts";
import { type ScenarioChoices, scenarios } from "../../src/sim/scenario_arbitrary.ts";
import { addCoverage, type CoverageSum } from "../../src/sim/coverage.ts";
import { STATE_NAMES } from "../../src/sim/protocol_states.ts";
import { judge, simulate, type SimulateResult } from "../../src/sim/simulate.ts";
import { QUIET_TURNS } from "../../src/sim/world.ts";

/** Operations and faults of a schedule, at most. */
const STEPS_MAX = 24;

/** First of all: a scenario is worth something only if it is the same every time. */
Deno.test("schedules: the same scenario twice gives the identical trace", async () => {
  const choices = { nodesMin: 2, nodesMax: 5, stepsMax: STEPS_MAX };
  const some = fc.sample(scenarios(choices), { seed: 1, numRuns: 12 });
  const onLibsql = some.slice(0, 6).map((scenario): Scenario => ({
    ...scenario,
    config: { ...scenario.config, state: "libsql" },
  }));
  for (const scenario of [...some, ...onLibsql]) {
    const first = await runScenario(scenario, { traced: true });
    const second = await runScenario(scenario, { traced: true });
    assert.deepEqual(second.lines, first.lines);
    assert.equal(second.fingerprint, first.fingerprint);
  }
});

/** An event is over when nothing waits for it any more: to wait longer must change nothing. */
Deno.test("schedules: more turns for each event change nothing", async () => {
  const choices = { nodesMin: 2, nodesMax: 5, stepsMax: STEPS_MAX };
  for (const scenario of fc.sample(scenarios(choices), { seed: 2, numRuns: 24 })) {
    const usual = await runScenario(scenario);
    const slow = await runScenario(scenario, { quietTurns: 4 * QUIET_TURNS });
    assert.equal(slow.fingerprint, usual.fingerprint);
  }
});

/** People and machines look at it as often as they like; so does a call that is refused. */
Deno.test("schedules: a node that is asked for its status at every step does the same", async () => {
  const createCore = (options: CoreOptions): Core => {
    const core = SOUND_PARTS.createCore(options);
    const sound = core.step.bind(core);
    const step: Core["step"] = (input, clocks) => {
      core.status();
      return sound(input, clocks);
    };
    return Object.assign(core, { step });
  };
  const parts = { ...SOUND_PARTS, createCore };
  const choices = { nodesMin: 2, nodesMax: 5, stepsMax: STEPS_MAX };
  for (const scenario of fc.sample(scenarios(choices), { seed: 3, numRuns: 48 })) {
    const usual = await runScenario(scenario);
    const asked = await runScenario(scenario, { parts });
    assert.equal(asked.fingerprint, usual.fingerprint);
  }
});

Deno.test("schedules: another seed gives another trace", async () => {
  const choices = { nodesMin: 3, nodesMax: 3, stepsMax: STEPS_MAX };
  const [scenario] = fc.sample(scenarios(choices), { seed: 1, numRuns: 1 }) as [Scenario];
  const first = await runScenario(scenario);
  const second = await runScenario({ ...scenario, seed: scenario.seed + 1 });
  assert.notEqual(second.fingerprint, first.fingerprint);
});

/**
 * A learner hears of a new term's entries, and that they are committed, while those of the old
 * leader that they replace, a config among them, still lie on its disk: none of these is committed.
 */
Deno.test("schedules: what a follower is about to cut is not taken for committed", async () => {
  const scenario: Scenario = {
    seed: 635914604,
    config: {
      nodes: 3,
      spares: 2,
      policy: {
        quorum: "majority",
        lastResort: false,
        heartbeatMs: 100,
        failureTimeoutMs: 1_000,
        isolationGraceMs: 3_000,
      },
      budget: "over",
      ending: "everyone",
      users: 3,
      durationMs: 6_000,
      writeEveryMs: null,
      logTailEntries: 12,
      state: "libsql",
    },
    operations: [{ atMs: 5_999, kind: "visit" }],
    faults: [
      { atMs: 5_995, kind: "hang", node: "leader", ms: 1_502 },
      { atMs: 3_141, kind: "join" },
      { atMs: 5_999, kind: "join" },
    ],
  };
  assert.deepEqual((await judge(scenario)).violations, []);
});

interface Campaign {
  readonly title: string;
  readonly runs: number;
  readonly seed: number;
  readonly choices: Omit<ScenarioChoices, "nodesMin" | "nodesMax" | "stepsMax">;
}

const CAMPAIGNS: readonly Campaign[] = [
  {
    title: "all with the last resort, faults within its promise: safe and live",
    runs: 200,
    seed: 301,
    choices: { quorum: "all", lastResort: true, budget: "in" },
  },
  {
    title: "all with the last resort, faults beyond its promise: safe",
    runs: 100,
    seed: 302,
    choices: { quorum: "all", lastResort: true, budget: "over" },
  },
  {
    title: "all without the last resort: safe, in partitions too, and live within its promise",
    runs: 120,
    seed: 303,
    choices: { quorum: "all", lastResort: false },
  },
  {
    title: "majority: safe, in partitions too, and live within its promise",
    runs: 120,
    seed: 304,
    choices: { quorum: "majority" },
  },
  {
    title: "everything goes wrong in the midst of something else: safe",
    runs: 250,
    seed: 305,
    choices: { budget: "over", amidst: true },
  },
  {
    title: "on libSQL, which must come to what the model comes to: safe and live",
    runs: 40,
    seed: 306,
    choices: { state: "libsql" },
  },
];

/** Each campaign once, for whichever tests ask for it. */
const results = new Map<Campaign, Promise<SimulateResult>>();

function resultOf(campaign: Campaign): Promise<SimulateResult> {
  const { choices, runs, seed } = campaign;
  const bounds = { nodesMin: 2, nodesMax: 5, stepsMax: STEPS_MAX };
  const result = results.get(campaign) ?? simulate({ ...bounds, ...choices, runs, seed });
  results.set(campaign, result);
  return result;
}

for (const campaign of CAMPAIGNS) {
  const { title, seed } = campaign;
  Deno.test(`schedules: ${title}`, async () => {
    const { failure, undecided } = await resultOf(campaign);
    assert.equal(undecided, 0, "Every schedule is judged to the end");
    if (failure === null) return;
    const file = await writeScenario(`jmessage-scenario-${seed}-${failure.run}`, failure.scenario);
    const violations = failure.violations.map((one) => `${one.checker}: ${one.message}`);
    assert.fail(
      `${violations.join("\n")}\n${printScenario(failure.scenario)}\n` +
        `Run ${failure.run} of seed ${seed}; again: deno task simulate --replay ${file}`,
    );
  });
}

/**
 * States that each kind of fault must have hit in the campaigns above, all together. Left out is
 * what cannot be: without a leader nobody is removed and nothing handed over (beside a candidate
 * it can, for moments); who is cut off neither gives nor takes a snapshot; and what is over at once
 * meets a snapshot or a transfer, which are over in milliseconds, by chance alone; so is a hand-over
 * between sides that both went on.
 */
const MATTERS: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    ["crash", "stall", "hang", "slow", "lose", "duplicate", "reorder", "block"]
      .map((kind) => [kind, STATE_NAMES.filter((state) => state !== "healing")]),
  ),
  isolate: ["steady", "election", "join", "config", "transfer", "leaving"],
  reset: ["steady", "election", "join", "config", "leaving"],
  restart: ["steady", "election", "join", "config"],
  clockJump: ["steady", "election", "join"],
  join: ["steady", "election", "join", "config", "leaving"],
  leave: ["steady", "election", "join", "leaving"],
  remove: ["steady", "join"],
  transfer: ["steady", "join"],
};

Deno.test("schedules: no fault misses a state in which it matters", async () => {
  const coverage: CoverageSum = {};
  for (const campaign of CAMPAIGNS) {
    addCoverage(coverage, (await resultOf(campaign)).coverage);
  }
  const empty = Object.entries(MATTERS).flatMap(([kind, states]) =>
    states.filter((state) => !coverage[kind]?.[state]).map((state) => `${kind} in ${state}`)
  );
  assert.deepEqual(empty, []);
});
