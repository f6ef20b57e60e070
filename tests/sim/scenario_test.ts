/**
 * Every kind of step that scenarios know is drawn, is readable, survives its JSON, and is what a
 * failure shrinks to.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Fault,
  type Operation,
  parseScenario,
  printScenario,
  type Scenario,
} from "../../src/sim/scenario.ts";
import { scenarios } from "../../src/sim/scenario_arbitrary.ts";

const CHOICES = { nodesMin: 2, nodesMax: 7, stepsMax: 24 };

/** All kinds: the compiler asks for those that are missing. */
const FAULTS: Record<Fault["kind"], true> = {
  crash: true,
  restart: true,
  stall: true,
  hang: true,
  slow: true,
  lose: true,
  duplicate: true,
  reorder: true,
  block: true,
  isolate: true,
  partition: true,
  reset: true,
  clockJump: true,
  drift: true,
  writeError: true,
  diskFull: true,
  slowDisk: true,
  flipEntry: true,
  flipChunk: true,
  blackout: true,
  replace: true,
  copy: true,
  rollingRestart: true,
  join: true,
  leave: true,
  remove: true,
  transfer: true,
};

const OPERATIONS: Record<Operation["kind"], true> = {
  send: true,
  acknowledge: true,
  renewSession: true,
  loseSession: true,
  endAllSessions: true,
  endAnothers: true,
  useSession: true,
  setAdminToken: true,
  visit: true,
  read: true,
  moveSubscriber: true,
  burst: true,
  crowd: true,
  sendTwice: true,
  deleteRace: true,
  logoutRace: true,
  stallSubscriber: true,
};

/** What is told as one story (`leader_stories.ts`) stays whole: it has so many steps at most. */
const STORY_STEPS_MAX = 4;

function kindsOf({ faults, operations }: Scenario): Set<string> {
  return new Set([...faults, ...operations].map(({ kind }) => kind));
}

Deno.test("scenarios: what is drawn has every kind, reads as steps, and survives its JSON", () => {
  const drawn = new Set<string>();
  for (const scenario of fc.sample(scenarios(CHOICES), { seed: 5, numRuns: 400 })) {
    const text = JSON.stringify(scenario, null, 2);
    const again = parseScenario(text);
    assert.equal(JSON.stringify(again, null, 2), text);
    const steps = printScenario(again);
    assert.equal(steps.split("\n").length, 1 + scenario.faults.length + scenario.operations.length);
    for (const kind of kindsOf(scenario)) {
      assert.ok(steps.includes(` ms: ${kind}`), kind);
      drawn.add(kind);
    }
  }
  const all = [...Object.keys(FAULTS), ...Object.keys(OPERATIONS)];
  assert.deepEqual(all.filter((kind) => !drawn.has(kind)), []);
});

Deno.test("scenarios: all numbers of voters from two to seven are drawn", () => {
  const some = fc.sample(scenarios(CHOICES), { seed: 5, numRuns: 100 });
  const counts = new Set(some.map(({ config }) => config.nodes));
  assert.deepEqual([...counts].sort(), [2, 3, 4, 5, 6, 7]);
});

for (const kind of [...Object.keys(FAULTS), ...Object.keys(OPERATIONS)]) {
  Deno.test(`scenarios: a failure that needs a ${kind} shrinks to hardly more`, () => {
    const property = fc.property(scenarios(CHOICES), (scenario) => !kindsOf(scenario).has(kind));
    const { counterexample } = fc.check(property, { seed: 3, numRuns: 2_000 });
    const [scenario] = counterexample ?? [];
    assert.notEqual(scenario, undefined, "it is drawn");
    assert.ok(kindsOf(scenario!).has(kind));
    const steps = scenario!.faults.length + scenario!.operations.length;
    assert.ok(steps <= STORY_STEPS_MAX, `${steps} steps:\n${printScenario(scenario!)}`);
  });
}
