/**
 * A campaign's way from a failure to a smaller one: it stays the same failure.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { LogStore } from "../node/ports.ts";
import type { Violation } from "./checkers/checker.ts";
import { SOUND_PARTS } from "./cluster.ts";
import { showsTheSame, simulate, worstKind } from "./simulate.ts";

function found(...names: readonly `${string} ${Violation["kind"]}`[]): Violation[] {
  return names.map((name) => {
    const [checker, kind] = name.split(" ") as [string, Violation["kind"]];
    return { checker, kind, at: 0, message: "" };
  });
}

Deno.test("simulate: a smaller schedule shows the same if kind and checker are", () => {
  const unsafe = found("Durability safety", "OneView safety", "Liveness liveness");
  assert.equal(showsTheSame(unsafe, found("OneView safety")), true);
  assert.equal(showsTheSame(unsafe, found("Liveness liveness")), false);
  assert.equal(showsTheSame(unsafe, found("Simulation safety")), false);
  assert.equal(showsTheSame(unsafe, []), false);
  const late = found("Liveness liveness");
  assert.equal(showsTheSame(late, late), true);
  // One that is unsafe as well is another bug.
  assert.equal(showsTheSame(late, found("Liveness liveness", "OneView safety")), false);
  assert.equal(showsTheSame(found("Delivery safety"), found("Delivery liveness")), false);
});

Deno.test("simulate: safety is the worse of two kinds", () => {
  assert.equal(worstKind(found("Liveness liveness", "OneView safety")), "safety");
  assert.equal(worstKind(found("Liveness liveness")), "liveness");
});

/** Writes after which the disk of a node in the test below hangs for ever. */
const WRITES_MAX = 50;

Deno.test("simulate: a failure is shrunk to one of its kind, and says when it was found", async () => {
  // No node writes its log for long.
  const wrapLog = (log: LogStore): LogStore => {
    let writes = 0;
    const persist: LogStore["persist"] = (batches) =>
      ++writes > WRITES_MAX ? new Promise(() => {}) : log.persist(batches);
    return { ...log, persist };
  };
  const options = { nodesMin: 2, nodesMax: 3, quorum: "all", lastResort: true } as const;
  const parts = { ...SOUND_PARTS, wrapLog };
  const campaign = { ...options, budget: "in", stepsMax: 6, runs: 60, seed: 1, parts } as const;
  const { failure, runs } = await simulate({ ...campaign, shrinksMax: 2 });
  assert.equal(failure?.run, runs);
  assert.equal(worstKind(failure!.violations), "liveness");
});
