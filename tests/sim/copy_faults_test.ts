/**
 * A copied data directory in the simulator: the copy ends, the original goes on, wherever somebody
 * can tell them apart.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ALL, ALL_WITHOUT, eventsOf, MAJORITY, membersOf, runFrame } from "./fault_runs.ts";

Deno.test("fault copy: a second node with the same data directory ends, the first goes on", async () => {
  for (const policy of [ALL, ALL_WITHOUT, MAJORITY]) {
    const result = await runFrame({
      policy,
      spares: 1,
      faults: [{ atMs: 2_000, kind: "copy", node: 1 }],
    });
    const [stopped, ...more] = eventsOf(result, "stopped");
    assert.equal(stopped!.node, "copy of n1 at n3");
    assert.match(stopped!.reason, /copied or restored data directory/);
    assert.deepEqual(more, []);
    assert.equal(eventsOf(result, "started", "n1").length, 1, "the original is not touched");
    assert.deepEqual(membersOf(result), ["n0", "n1", "n2"]);
    assert.deepEqual(result.broken, []);
  }
});

Deno.test("fault copy: the original goes on though its own link to somebody is not up yet", async () => {
  const options = { policy: ALL_WITHOUT, seed: 0, ending: "survivors" } as const;
  // Right after a power cut one end is through at once, and the other dials for a second.
  const afterCut = await runFrame({
    ...options,
    ...{ nodes: 2, spares: 1, durationMs: 3_268, writeEveryMs: 400, logTailEntries: 12 },
    faults: [
      { atMs: 8, kind: "blackout", downMs: 1, gapMs: 1, lateMs: 0, order: 17_196 },
      { atMs: 68, kind: "copy", node: "follower" },
    ],
  });
  // One that has just started has seen nobody's start, and is called by the copy first.
  const atStart = await runFrame({
    ...options,
    ...{ spares: 2, budget: "over", durationMs: 3_054, writeEveryMs: 40, logTailEntries: null },
    faults: [
      { atMs: 100, kind: "crash", node: 0, powerCut: true, afterCalls: 0, restartAfterMs: 2_124 },
      { atMs: 132, kind: "rollingRestart", orderly: false, gapMs: 0 },
      { atMs: 3_053, kind: "copy", node: "leader" },
      { atMs: 100, kind: "join" },
    ],
  });
  for (const result of [afterCut, atStart]) {
    const [stopped, ...more] = eventsOf(result, "stopped");
    assert.match(stopped!.node, /^copy of n\d at n\d$/);
    assert.match(stopped!.reason, /another start of it answers at/);
    assert.deepEqual(more, []);
    assert.deepEqual(result.broken, []);
  }
});

Deno.test("fault copy: nobody is copied whom no other is left to tell from the copy", async () => {
  const copied = async (atMs: number) => {
    const result = await runFrame({
      ...{ policy: ALL, nodes: 2, spares: 2, ending: "survivors" },
      faults: [
        { atMs: 1_000, kind: "flipEntry", node: "leader", permille: 0, restartAfterMs: 1 },
        {
          atMs: 1_467,
          kind: "crash",
          node: 2,
          powerCut: false,
          afterCalls: 0,
          restartAfterMs: null,
        },
        { atMs, kind: "copy", node: "follower" },
      ],
    });
    assert.deepEqual(result.broken, []);
    return result.faults.get("copy") ?? 0;
  };
  assert.equal(await copied(900), 1);
  assert.equal(await copied(1_467), 0);
});

Deno.test("fault copy: no copy of a node is started before the others can know of its start", async () => {
  for (const [copiedMs, copies] of [[2_100.1, 0], [2_800, 1]] as const) {
    const result = await runFrame({
      nodes: 4,
      spares: 1,
      faults: [
        {
          atMs: 1_000,
          kind: "crash",
          node: 0,
          powerCut: false,
          afterCalls: 0,
          restartAfterMs: 1_100,
        },
        { atMs: copiedMs, kind: "copy", node: 0 },
      ],
    });
    assert.equal(eventsOf(result, "started", "copy of n0 at n4").length, copies);
    assert.equal(eventsOf(result, "stopped", "copy of n0 at n4").length, copies);
    assert.deepEqual(result.broken, []);
  }
});
