/**
 * Random forks: partitions of any shape, crashes and pauses, also in the middle of the healing, by
 * cores alone. Whatever a leader applied is on every log in the end, once. Schedules of the whole
 * node are the business of `src/sim`; these reach deeper into §9 for the same time.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { TestCluster } from "./cluster.ts";
import { meets } from "./scenario.ts";

/** Time for all of them to meet, once everybody is there, ms. */
const MEETING_MS = 60_000;

/** A quarter of them hand something over. */
const RUNS = 60;

/** A node that joins somewhere in the middle; the smallest address, so that it counts most. */
const SPARE = "n0";
/** How often that asks to be taken in, ms. */
const ASKS_MS = 200;

type Disturbance =
  | { readonly kind: "kill" | "start"; readonly node: number }
  | { readonly kind: "pause" | "hang"; readonly node: number; readonly ms: number };

type Step =
  | { readonly kind: "part"; readonly groups: readonly number[] }
  | { readonly kind: "heal" }
  | { readonly kind: "join" }
  | { readonly kind: "write" }
  | { readonly kind: "refuse" }
  | { readonly kind: "run"; readonly ms: number }
  | Disturbance;

const nodes = fc.nat(5);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("part" as const),
      groups: fc.array(fc.nat(2), { minLength: 6, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "heal" as const }) },
  { weight: 6, arbitrary: fc.constant({ kind: "write" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "refuse" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "join" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("kill", "start"), node: nodes }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("pause", "hang"),
      node: nodes,
      ms: fc.integer({ min: 300, max: 6_000 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("run" as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 2_000, max: 7_000 })),
    }),
  },
);

/** The writes that any leader applied while it led: their clients were told so. */
function forked(c: TestCluster, ids: readonly string[], taken: readonly Step[]): readonly string[] {
  const acknowledged = new Set<string>();
  const waiting = new Map<string, string>();
  let writes = 0;
  const look = () => {
    for (const [text, id] of waiting) {
      if (c.node(id).core === null || !c.leads(id)) waiting.delete(text);
      else if (c.applied(text, id)) acknowledged.add(text);
    }
  };
  const run = (ms: number) => {
    for (let ran = 0; ran < ms; ran += 5) {
      c.run(5);
      look();
      if (c.now % ASKS_MS === 0) asks(c);
    }
  };
  for (const step of taken) {
    if (step.kind === "run") run(step.ms);
    else if (step.kind === "join") joins(c);
    else if (step.kind === "heal") c.heal();
    else if (step.kind === "refuse") c.snapshotsRefused += 1;
    else if (step.kind === "part") {
      c.heal();
      const members = [0, 1, 2].map((group) => ids.filter((_, at) => step.groups[at] === group));
      members.forEach((some, at) => c.partition(some, members.slice(at + 1).flat()));
    } else if (step.kind === "write") {
      for (const id of ids.filter((one) => c.node(one).core !== null && c.leads(one))) {
        const text = `write ${++writes}`;
        c.proposeAt(id, text);
        waiting.set(text, id);
      }
      run(50);
    } else disturb(c, ids[step.node % ids.length]!, step);
  }
  return [...acknowledged];
}

/** The spare is started, if there is one that nobody has taken in yet. */
function joins(c: TestCluster): void {
  if (c.nodes.get(SPARE)?.core === null) c.start(SPARE);
}

/** A spare without a config asks whoever leads and can hear it. */
function asks(c: TestCluster): void {
  const spare = c.nodes.get(SPARE);
  if (spare === undefined || spare.core === null || spare.stored.configs.length > 0) return;
  for (const id of c.nodes.keys()) {
    if (id === SPARE || !c.leads(id) || c.cut.has(`${SPARE}>${id}`)) continue;
    c.feed(id, { kind: "join", id: 1, member: spare.member });
  }
}

function disturb(c: TestCluster, id: string, step: Disturbance): void {
  const lives = c.node(id).core !== null;
  if (step.kind === "start" && !lives) c.start(id);
  if (step.kind === "kill" && lives) c.kill(id);
  if (step.kind === "pause") c.pause(id, step.ms);
  if (step.kind === "hang") c.hangDisk(id, step.ms);
}

/** Runs the steps, brings everybody back, and fails unless all that was acknowledged is there. */
function heals(c: TestCluster, taken: readonly Step[]): void {
  const ids = [...c.nodes.keys()].sort();
  const acknowledged = forked(c, ids, taken);
  c.heal();
  c.snapshotsRefused = 0;
  for (const id of ids) if (c.node(id).core === null) c.start(id);
  for (let ms = 0; ms < MEETING_MS && c.nodes.get(SPARE)?.stored.configs.length === 0; ms += 5) {
    c.run(5);
    if (c.now % ASKS_MS === 0) asks(c);
  }
  meets(c, ids, acknowledged, MEETING_MS);
  assert.equal(new Set(c.commands(ids[0]!)).size, c.commands(ids[0]!).length);
}

for (const [count, joined] of [[2, false], [3, false], [5, false], [2, true], [4, true]] as const) {
  const who = joined ? `${count} and one who joins` : `${count}`;
  Deno.test(`forks: what any of ${who} acknowledged on any side is there once they met`, () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 6, maxLength: 24 }), (taken) => {
        const c = TestCluster.of(count);
        if (joined) c.add(0);
        heals(c, taken);
      }),
      { seed: 12, numRuns: RUNS },
    );
  });
}
