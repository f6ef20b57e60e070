/**
 * Faults that wait for a state: none happens before its time, nor in the middle of a fact.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { HistoryFact } from "./history.ts";
import { FaultMoments } from "./fault_moments.ts";
import { Recorder } from "./recorder.ts";
import { World } from "./world.ts";

const candidate: HistoryFact = {
  kind: "role",
  node: "n1",
  role: "candidate",
  term: { epoch: 0, number: 1, nodeId: "n1" },
  ready: false,
  commitIndex: 0,
};
const learner: HistoryFact = { ...candidate, role: "learner" };
const leader: HistoryFact = { ...candidate, role: "leader" };

/** A world in which these facts come at their times, and when faults happened in it. */
async function happened(
  facts: readonly (readonly [atMs: number, fact: HistoryFact])[],
  faults: readonly (readonly [atMs: number, state: string | null])[],
): Promise<readonly string[]> {
  const world = new World(1);
  const recorder = new Recorder(world);
  const moments = new FaultMoments(world, recorder);
  const seen: string[] = [];
  for (const [atMs, fact] of facts) {
    world.after(atMs, () => {
      recorder.fact(fact);
      seen.push(`fact ${world.now}`);
    });
  }
  for (const [atMs, state] of faults) {
    moments.at(atMs, state, () => seen.push(`${state} ${world.now}`));
  }
  await world.run(100);
  return seen;
}

Deno.test("fault moments: a fault without a state happens at its time", async () => {
  assert.deepEqual(await happened([[1, leader]], [[5, null]]), ["fact 1", "null 5"]);
});

Deno.test("fault moments: one that waits happens once, after the fact that begins its state", async () => {
  const facts = [[1, leader], [10, learner], [20, leader], [30, learner]] as const;
  assert.deepEqual(await happened(facts, [[5, "join"]]), [
    "fact 1",
    "fact 10",
    "join 10",
    "fact 20",
    "fact 30",
  ]);
});

Deno.test("fault moments: one whose state holds does not wait, one whose state never comes never happens", async () => {
  const facts = [[1, learner]] as const;
  const faults = [[5, "join"], [5, "transfer"]] as const;
  assert.deepEqual(await happened(facts, faults), ["fact 1", "join 5"]);
});
