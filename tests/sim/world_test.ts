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
