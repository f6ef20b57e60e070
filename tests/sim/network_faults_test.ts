/**
 * Partitions in the simulator: what each shape parts, how often, and when a schedule may have one;
 * and that a cluster without the last resort is whole again afterwards.
 *
 * @module
 */

import assert from "node:assert/strict";
import { partedPairs } from "../../src/sim/partition_shapes.ts";
import type { Fault, PartitionShape } from "../../src/sim/scenario.ts";
import type { SimNode } from "../../src/sim/sim_node.ts";
import { ALL, ALL_WITHOUT, eventsOf, MAJORITY, membersOf, runFrame } from "./fault_runs.ts";

/** Whom each node hears, by the node. */
function hears(shape: PartitionShape, count: number): string[] {
  const nodes = Array.from({ length: count }, (_, place) => ({ id: `${place}` }) as SimNode);
  const parted = partedPairs(shape, nodes);
  return nodes.map((to) =>
    nodes.filter((from) =>
      from !== to && !parted.some((pair) => pair.from === from && pair.to === to)
    ).map(({ id }) => id).join("")
  );
}

Deno.test("partition: who hears whom, by its shape", () => {
  assert.deepEqual(hears("halves", 5), ["1", "0", "34", "24", "23"]);
  assert.deepEqual(hears("oneWay", 4), ["123", "023", "3", "2"]);
  assert.deepEqual(hears("alone", 4), ["", "23", "13", "12"]);
  assert.deepEqual(hears("ring", 5), ["14", "02", "13", "24", "03"]);
  assert.deepEqual(hears("bridge", 5), ["1234", "02", "01", "04", "03"]);
  assert.deepEqual(hears("ring", 3), ["12", "02", "01"], "three are a ring anyway");
});

function parted(shape: PartitionShape, fields: Partial<Fault> = {}): Fault {
  const whole = { atMs: 1_000, around: "leader", ms: 3_000, times: 1, pauseMs: 0, ...fields };
  return { ...whole, kind: "partition", shape } as Fault;
}

for (const policy of [MAJORITY, ALL_WITHOUT]) {
  for (const shape of ["halves", "oneWay", "alone", "ring", "bridge"] as const) {
    Deno.test(`partition ${shape}: safe, and whole again (${policy.quorum})`, async () => {
      const result = await runFrame({ nodes: 5, policy, faults: [parted(shape)] });
      assert.equal(result.faults.get(`partition ${shape}`), 1);
      assert.equal(eventsOf(result, "partitioned").length, 1);
      assert.ok(result.history.judgeLiveness, "everything is promised again");
      assert.deepEqual(membersOf(result), ["n0", "n1", "n2", "n3", "n4"]);
      assert.deepEqual(result.broken, []);
    });
  }
}

Deno.test("partition halves: the side without the quorum acknowledges nothing", async () => {
  const result = await runFrame({ nodes: 5, faults: [parted("halves", { ms: 4_000 })] });
  const [fault] = eventsOf(result, "fault");
  const during = eventsOf(result, "acknowledged").filter(({ at }) =>
    at > fault!.at + 1_000 && at < fault!.at + 4_000
  );
  const sides = new Set(during.map(({ node }) => node));
  assert.ok(during.length > 0, "the other side goes on");
  assert.ok(!sides.has("n0") && !sides.has("n1"), [...sides].join());
});

Deno.test("partition: with the last resort on, both sides go on and are whole again", async () => {
  const options = { policy: ALL, budget: "over", durationMs: 9_000 } as const;
  const result = await runFrame({ ...options, faults: [parted("alone", { ms: 6_000 })] });
  assert.equal(result.faults.get("partition alone"), 1);
  assert.ok(eventsOf(result, "handOver").length > 0, "the smaller side hands over");
  assert.ok(result.history.judgeLiveness, "what both acknowledged is promised again");
  assert.deepEqual(membersOf(result), ["n0", "n1", "n2"]);
  assert.deepEqual(result.broken, []);
});

Deno.test("partition: with the last resort on, none for T where its sides would not heal", async () => {
  // Within the budget nothing is promised of it; and with a short log no side has all of its own.
  for (const promised of [{ budget: "in" }, { budget: "over", logTailEntries: 12 }] as const) {
    const long = await runFrame({ policy: ALL, ...promised, faults: [parted("alone")] });
    assert.equal(long.faults.get("partition"), undefined);
    assert.deepEqual(eventsOf(long, "partitioned"), []);
  }
  const short = await runFrame({
    policy: ALL,
    budget: "in",
    faults: [parted("alone", { ms: 500, times: 3, pauseMs: 700 })],
  });
  assert.equal(short.faults.get("partition alone"), 3, "it comes and goes");
  assert.deepEqual(eventsOf(short, "partitioned"), []);
  assert.deepEqual(short.broken, []);
  const often = await runFrame({
    policy: ALL,
    budget: "in",
    faults: [parted("alone", { ms: 500, times: 3, pauseMs: 100 })],
  });
  assert.equal(often.faults.get("partition alone"), 1, "what comes again too soon adds up");
});

Deno.test("partition: within the budget nobody dies whom the side with the quorum needs", async () => {
  const result = await runFrame({
    nodes: 3,
    faults: [
      parted("alone", { around: 0, ms: 4_000 }),
      { atMs: 3_000, kind: "crash", node: 1, powerCut: false, afterCalls: 0 },
      { atMs: 3_001, kind: "crash", node: 2, powerCut: false, afterCalls: 0 },
    ],
    ending: "survivors",
  });
  assert.equal(eventsOf(result, "crashed").length, 1);
  assert.ok(result.history.judgeLiveness);
  assert.deepEqual(result.broken, []);
});

/** The side with the quorum drops whom it does not hear, and needs the damaged disk by then. */
Deno.test("partition: within the budget none is long while a disk is damaged that shows it later", async () => {
  const cut: Fault = { atMs: 1_000, kind: "isolate", nodes: [2], ms: 3_000 };
  const flip: Fault = {
    atMs: 1_000,
    kind: "flipEntry",
    node: 0,
    permille: 500,
    restartAfterMs: 2_000,
  };
  for (const [first, second] of [[cut, flip], [flip, cut]] as const) {
    const faults = [first, { ...second, atMs: 1_100 }];
    const result = await runFrame({ policy: ALL_WITHOUT, ending: "survivors", faults });
    assert.deepEqual(result.broken, []);
    assert.equal(result.faults.get(first.kind), 1);
    assert.equal(result.faults.get(second.kind), undefined, `${second.kind} is left out`);
  }
});

Deno.test("fault crash: not of a node that a config needs which is on a dead leader's disk alone", async () => {
  const result = await runFrame({
    nodes: 5,
    spares: 2,
    policy: ALL_WITHOUT,
    ending: "survivors",
    durationMs: 3_105,
    writeEveryMs: 400,
    seed: 0,
    operations: [
      { atMs: 100, kind: "send", from: 0, to: 0 },
      { atMs: 649, kind: "send", from: 2, to: 0 },
      { atMs: 993, kind: "read", user: 1, linearizable: true, node: 2 },
    ],
    faults: [
      { atMs: 100, kind: "crash", node: 2, powerCut: false, afterCalls: 0, on: "config" },
      // The leader drops one that it does not hear, and dies before anybody has that on disk.
      { atMs: 605, kind: "block", from: "follower", to: "leader", ms: 974 },
      { atMs: 2_105, kind: "crash", node: "leader", powerCut: true, afterCalls: 0 },
    ],
  });
  assert.equal(result.faults.get("crash"), 1);
  assert.deepEqual(result.broken, []);
});
