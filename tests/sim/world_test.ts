/**
 * Virtual time: what is due at once runs in the order in which it was asked for, also where a
 * run ends in between.
 *
 * @module
 */

import assert from "node:assert/strict";
import { World } from "../../src/sim/world.ts";

Deno.test("world: events of one time keep their order across the end of a run", async () => {
  const world = new World(1);
  const seen: string[] = [];
  for (const name of ["first", "second", "third"]) world.at(10, () => seen.push(name));
  await world.run(5);
  assert.equal(world.now, 5);
  await world.run(20);
  assert.deepEqual(seen, ["first", "second", "third"]);
});

Deno.test("world: an event that the end of a run left standing can still be cancelled", async () => {
  const world = new World(1);
  let ran = false;
  const event = world.after(10, () => ran = true);
  await world.run(5);
  event.live = false;
  await world.run(20);
  assert.equal(ran, false);
});

Deno.test("world: what goes on as fast as it can ends the run", async () => {
  const world = new World(1);
  const again = () => void world.after(0.001, again);
  again();
  await assert.rejects(world.run(1_000), /repeated as fast as it can be/);
  const calm = new World(1);
  const later = () => void calm.after(0.02, later);
  later();
  await calm.run(3_000);
});
