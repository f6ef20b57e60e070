/**
 * Random faults against a client: whatever happens to the nodes, each acknowledged message is
 * in the log once, posts keep their order, a read shows what was acknowledged before it, and a
 * subscriber sees each message once, in order.
 *
 * @module
 */

import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  clientSchedules,
  type ClientStep,
  judgeClient,
  runClientSchedule,
} from "./client_test_schedules.ts";

Deno.test("failover: the same faults with the same seed give the same calls", async () => {
  const steps: ClientStep[] = [
    { kind: "post" },
    { kind: "lose", node: 0 },
    { kind: "send" },
    { kind: "kill", node: 0 },
    { kind: "wait", ms: 1_500 },
    { kind: "elect", node: 1 },
    { kind: "read" },
    { kind: "post" },
  ];
  const schedule = { steps, ending: "everyone", seed: 7 } as const;
  const first = await runClientSchedule(schedule);
  const second = await runClientSchedule(schedule);
  deepEqual(first.calls, second.calls);
  equal(first.log.length, 3);
});

Deno.test("failover: who led before and lags makes no reader forget what it has seen", async () => {
  const before: ClientStep[] = [
    { kind: "post" },
    { kind: "wait", ms: 200 },
    { kind: "read" },
    { kind: "wait", ms: 200 },
  ];
  const after: ClientStep[] = [
    { kind: "elect", node: 1 },
    { kind: "lag", node: 0 },
    { kind: "lag", node: 2 },
    { kind: "post" },
    { kind: "wait", ms: 1_500 },
    { kind: "read" },
    { kind: "wait", ms: 500 },
    { kind: "read" },
    { kind: "wait", ms: 500 },
  ];
  // Which member is asked first is chance.
  for (let seed = 0; seed < 20; seed++) {
    const schedule = { steps: [...before, ...after], ending: "everyone", seed } as const;
    deepEqual((await judgeClient(schedule)).violations, []);
  }
});

Deno.test("failover: who only reads, and has seen what no history has any more, finds the leader", async () => {
  const steps: ClientStep[] = [
    { kind: "hang", node: 2 },
    { kind: "send" },
    { kind: "read" },
    { kind: "wait", ms: 1_500 },
    { kind: "post" },
    { kind: "merge", node: 0 },
    { kind: "wait", ms: 2_000 },
    { kind: "merge", node: 0 },
    { kind: "hang", node: 0 },
    { kind: "wait", ms: 85_000 },
    { kind: "read" },
    { kind: "wait", ms: 25_000 },
  ];
  for (let seed = 0; seed < 20; seed++) {
    deepEqual((await judgeClient({ steps, ending: "survivors", seed })).violations, []);
  }
});

Deno.test("failover: under random faults nothing is lost, repeated or reordered", async () => {
  const property = fc.asyncProperty(clientSchedules(), async (schedule) => {
    deepEqual((await judgeClient(schedule)).violations, []);
  });
  await fc.assert(property, { numRuns: 60 });
});
