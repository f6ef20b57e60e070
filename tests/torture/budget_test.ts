/**
 * The budget allows what the policy promises to survive, and nothing beyond it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../src/node/config.ts";
import type { Policy } from "../../src/raft/types.ts";
import { Budget, type BudgetPlace } from "./budget.ts";

const LAST_RESORT: Policy = DEFAULT_POLICY;
const ALL: Policy = { ...DEFAULT_POLICY, lastResort: false };
const MAJORITY: Policy = { ...ALL, quorum: "majority" };

/** A cluster whose nodes say what the test wants. */
class Stage {
  readonly places: readonly BudgetPlace[];
  readonly budget: Budget;
  readonly dead = new Set<BudgetPlace>();
  readonly notReady = new Set<BudgetPlace>();
  /** Places that are voters of everybody's config. */
  voters: readonly BudgetPlace[];
  isConfirmed = true;
  nowMs = 1_000;

  constructor(policy: Policy, count: number) {
    this.places = Array.from({ length: count }, (_, index) => this.#place(index + 1));
    this.voters = this.places;
    const living = () => this.places.filter((place) => !this.dead.has(place));
    const nodes = {
      count,
      get running() {
        return living();
      },
    };
    const confirm = () => Promise.resolve(this.isConfirmed);
    this.budget = new Budget({ nodes, policy, confirm, now: () => this.nowMs });
  }

  at(index: number): BudgetPlace {
    const place = this.places[index];
    assert.ok(place !== undefined);
    return place;
  }

  kill(index: number): void {
    this.dead.add(this.at(index));
    this.budget.note(this.at(index), 0);
  }

  /** The cluster has dropped who is dead. */
  drop(): void {
    this.voters = this.voters.filter((place) => !this.dead.has(place));
  }

  #place(number: number): BudgetPlace {
    const place: BudgetPlace = {
      name: `n${number}`,
      id: `node${number}`,
      mayEnd: null,
      ready: () => Promise.resolve(!this.notReady.has(place)),
      status: () => Promise.resolve({ members: this.voters.map((one) => this.#member(one)) }),
    };
    return place;
  }

  #member({ id, name }: BudgetPlace) {
    return {
      id,
      voter: true,
      role: "follower" as const,
      clientAddress: "",
      peerAddress: `127.0.0.1:100${name.slice(1)}`,
      term: "",
      lastIndex: 0,
      commitIndex: 0,
      appliedIndex: 0,
      reachable: true,
      incarnation: 0,
    };
  }
}

function ways(stage: Stage, from: number, to: number) {
  return [{ from: stage.at(from), to: stage.at(to) }];
}

Deno.test("torture budget: with the last resort on, all but one that is ready", async () => {
  const stage = new Stage(LAST_RESORT, 3);
  stage.kill(0);
  assert.equal(await stage.budget.allows(stage.at(1)), true, "two of three at once");
  stage.notReady.add(stage.at(2));
  assert.equal(await stage.budget.allows(stage.at(1)), false, "the other one is not ready");
  stage.notReady.clear();
  stage.kill(1);
  assert.equal(await stage.budget.allows(stage.at(2)), false, "the last one");
});

Deno.test("torture budget: who is back counts only after a while", async () => {
  const stage = new Stage(LAST_RESORT, 2);
  stage.budget.note(stage.at(0), 500);
  stage.nowMs += 1_900;
  assert.equal(await stage.budget.allows(stage.at(1)), false);
  stage.nowMs += 100;
  assert.equal(await stage.budget.allows(stage.at(1)), true);
});

Deno.test("torture budget: what is on damaged files counts for nothing", async () => {
  const stage = new Stage(LAST_RESORT, 2);
  assert.equal(await stage.budget.allows(stage.at(1)), true);
  stage.at(0).mayEnd = "damaged";
  assert.equal(await stage.budget.allows(stage.at(1)), false);
});

Deno.test("torture budget: without it, fewer than half at once, then one after another", async () => {
  const stage = new Stage(ALL, 3);
  assert.equal(await stage.budget.allows(stage.at(2)), true);
  stage.kill(2);
  assert.equal(await stage.budget.allows(stage.at(1)), false, "two of three at once");
  stage.drop();
  assert.equal(await stage.budget.allows(stage.at(1)), true, "one of two; the smallest stays");
  assert.equal(await stage.budget.allows(stage.at(0)), false, "one of two; the smallest goes");
});

Deno.test("torture budget: a config counts only once a write after it is acknowledged", async () => {
  const stage = new Stage(ALL, 3);
  stage.isConfirmed = false;
  assert.equal(await stage.budget.allows(stage.at(2)), false);
});

Deno.test("torture budget: under majority fewer than half", async () => {
  const stage = new Stage(MAJORITY, 5);
  stage.kill(0);
  assert.equal(await stage.budget.allows(stage.at(1)), true);
  stage.kill(1);
  assert.equal(await stage.budget.allows(stage.at(2)), false);
});

Deno.test("torture budget: no data is lost while somebody is cut off", async () => {
  const stage = new Stage(MAJORITY, 3);
  assert.equal(await stage.budget.allowsLoss(stage.at(0)), true);
  assert.equal(await stage.budget.takesSilence(ways(stage, 1, 2), 3_000), true);
  assert.equal(await stage.budget.allowsLoss(stage.at(0)), false);
});

Deno.test("torture budget: a partition only where a quorum decides, or alone and short", async () => {
  const majority = new Stage(MAJORITY, 3);
  assert.equal(await majority.budget.takesSilence(ways(majority, 0, 1), 6_000), true);
  assert.equal(majority.budget.takePartitioned(), true);
  assert.equal(majority.budget.takePartitioned(), false, "it is told once");
  const stage = new Stage(LAST_RESORT, 3);
  assert.equal(await stage.budget.takesSilence(ways(stage, 0, 1), 6_000), false, "too long");
  assert.equal(await stage.budget.takesSilence(ways(stage, 0, 1), 2_000), true);
  assert.equal(await stage.budget.allows(stage.at(2)), false, "nothing beside it");
  stage.notReady.add(stage.at(1));
  stage.nowMs += 5_000;
  assert.equal(await stage.budget.allows(stage.at(2)), false, "nor before everybody is back");
  stage.notReady.clear();
  assert.equal(await stage.budget.allows(stage.at(2)), true);
});

Deno.test("torture budget: both sides go on where the last resort is on, and nothing else happens", async () => {
  for (const policy of [ALL, MAJORITY]) {
    assert.equal(await new Stage(policy, 3).budget.takesSplit(20_000), false);
  }
  const stage = new Stage(LAST_RESORT, 3);
  stage.notReady.add(stage.at(1));
  assert.equal(await stage.budget.takesSplit(20_000), false, "not everybody is well");
  stage.notReady.clear();
  assert.equal(await stage.budget.takesSplit(20_000), true);
  assert.equal(stage.budget.takePartitioned(), true);
  // Each side is ready by itself as long as they are parted.
  stage.nowMs += 10_000;
  assert.equal(await stage.budget.allows(stage.at(0)), false);
  for (const place of stage.places) stage.budget.recovers(place);
  assert.equal(await stage.budget.allows(stage.at(0)), false, "they only begin to meet");
  stage.nowMs += 2_000;
  assert.equal(await stage.budget.allows(stage.at(0)), true);
});

Deno.test("torture budget: no long silence beside another fault, and short ones add up", async () => {
  const stage = new Stage(LAST_RESORT, 3);
  stage.kill(2);
  assert.equal(await stage.budget.takesSilence(ways(stage, 0, 1), 2_000), false);
  assert.equal(await stage.budget.takesSilence(ways(stage, 0, 1), 300), true);
  assert.equal(await stage.budget.takesSilence(ways(stage, 0, 1), 300), false);
  assert.equal(await stage.budget.takesSilence(ways(stage, 1, 0), 300), true, "the other way");
});

Deno.test("torture budget: a short stall is no fault, a long one is", async () => {
  const stage = new Stage(LAST_RESORT, 2);
  stage.kill(0);
  assert.equal(await stage.budget.takesPause(stage.at(1), 200), true);
  assert.equal(await stage.budget.takesPause(stage.at(1), 600), false);
});
