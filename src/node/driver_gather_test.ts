/**
 * When a node applies what is committed: at once if somebody waits for it, else some entries
 * together.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../limits.ts";
import type { Effect } from "../raft/io.ts";
import { entryAt, fixture, LEAVE, TERM } from "./driver_test_ports.ts";

const FOLLOWS: Effect = { kind: "role", role: "follower", term: TERM, leader: "n2", ready: true };
const LEADS: Effect = { kind: "role", role: "leader", term: TERM, leader: "n1", ready: true };

/** A driver that follows, to which each message of the leader commits one more entry. */
async function following() {
  const made = fixture();
  const { clock, core, disk, driver, events } = made;
  disk.stored = Array.from({ length: limits.applyEntriesMax }, (_, index) => entryAt(index + 1));
  let through = 0;
  core.script = (input) => {
    if (input.kind === "tick") return core.inputs.length === 1 ? [FOLLOWS] : [];
    return input.kind === "message" ? [{ kind: "apply", through: ++through }] : [];
  };
  await driver.start();
  const commit = async () => {
    driver.receive("n2", 1, LEAVE);
    await clock.turns();
  };
  const applied = () => events.filter((event) => event.startsWith("apply"));
  return { ...made, commit, applied };
}

Deno.test("driver: a follower applies together what is committed within some ms", async () => {
  const { clock, commit, applied } = await following();
  await commit();
  await clock.advance(limits.applyGatherMs - 1);
  await commit();
  assert.deepEqual(applied(), []);
  await clock.advance(1);
  assert.deepEqual(applied(), ["apply 1,2"]);
  await commit();
  await clock.advance(limits.applyGatherMs);
  assert.deepEqual(applied(), ["apply 1,2", "apply 3"]);
});

Deno.test("driver: a follower applies at once what somebody waits for", async () => {
  const { clock, driver, commit, applied } = await following();
  await commit();
  const soon = driver.waitApplied(1, 10_000);
  await clock.turns();
  await soon;
  const next = driver.waitApplied(2, 10_000);
  await commit();
  await next;
  assert.deepEqual(applied(), ["apply 1", "apply 2"]);
});

Deno.test("driver: a follower that comes to lead applies at once", async () => {
  const { clock, core, driver, commit, applied } = await following();
  await commit();
  core.script = () => [LEADS];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  assert.deepEqual(applied(), ["apply 1"]);
});

Deno.test("driver: a full batch does not wait", async () => {
  const { clock, core, driver, applied } = await following();
  const through = limits.applyEntriesMax;
  core.script = (input) => input.kind === "message" ? [{ kind: "apply", through }] : [];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  assert.equal(applied().length, 1);
});
