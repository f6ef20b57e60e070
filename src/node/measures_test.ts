/**
 * What a driver tells of its work, on a clock that the test moves, and what waits in it meanwhile.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../limits.ts";
import type { Effect } from "../raft/io.ts";
import { command, entryAt, fixture, LEAVE, settle, TERM } from "./driver_test_ports.ts";
import type { DriverMeasures, DriverQueues } from "./measures.ts";

const LEADS: Effect = { kind: "role", role: "leader", term: TERM, leader: "n1", ready: true };

const NOTHING: DriverQueues = {
  inputs: 0,
  proposals: 0,
  proposalBytes: 0,
  writes: 0,
  heldMessages: 0,
  applies: 0,
  indexWaits: 0,
  readWaits: 0,
  requests: 0,
};

Deno.test("driver measures: writes, applies and proposals with their times, queues as they are", async () => {
  const told: string[] = [];
  const measures: DriverMeasures = {
    appended: (entries, ms) => void told.push(`appended ${entries} in ${ms}`),
    applied: (entries, outcomes, ms) =>
      void told.push(`applied ${entries.map(({ index }) => index)} ${outcomes.size} in ${ms}`),
    checkpointed: (ms) => void told.push(`checkpointed in ${ms}`),
    committed: (ms) => void told.push(`committed in ${ms}`),
  };
  const { clock, core, disk, driver } = fixture(measures);
  let last = 0;
  core.script = (input) => {
    if (input.kind === "tick") return core.inputs.length === 1 ? [LEADS] : [];
    if (input.kind === "persisted") return [{ kind: "apply", through: input.number }];
    if (input.kind !== "propose") return [];
    const [first, second] = [++last, ++last];
    return [
      { kind: "proposed", id: input.id, firstIndex: first, term: TERM },
      persist(first),
      { kind: "send", to: "n2", message: LEAVE, after: first },
      persist(second),
    ];
  };
  await driver.start();
  assert.deepEqual(driver.queues(), NOTHING);

  const proposed = driver.propose(command("abc"));
  void driver.readIndex().catch(() => {});
  void driver.waitApplied(9, clock.wall() + 1_000).catch(() => {});
  void driver.transfer(null).catch(() => {});
  assert.deepEqual(driver.queues(), {
    ...NOTHING,
    proposals: 1,
    proposalBytes: 3,
    indexWaits: 1,
    requests: 1,
    readWaits: 1,
  });
  clock.now += 5;
  await clock.turns();
  assert.deepEqual([driver.queues().heldMessages, driver.queues().writes], [1, 0]);
  clock.now += 20;
  disk.finish();
  await settle();
  assert.deepEqual([driver.queues().heldMessages, driver.queues().applies], [0, 2]);
  await clock.turns();
  await proposed;
  assert.deepEqual(told, ["appended 2 in 20", "applied 1,2 2 in 0", "committed in 25"]);
  assert.deepEqual([driver.queues().proposals, driver.queues().applies], [0, 0]);

  told.length = 0;
  clock.now += limits.checkpointIntervalMs;
  const again = driver.propose(command("abc"));
  await clock.turns();
  disk.finish();
  await settle();
  await clock.turns();
  await again;
  const expected = ["appended 2 in 0", "applied 3,4 2 in 0", "committed in 0", "checkpointed in 0"];
  assert.deepEqual(told, expected);
  await driver.close();
});

/** Of the entry at the index of the same number. */
function persist(number: number): Effect {
  return { kind: "persist", number, entries: [entryAt(number)] };
}
