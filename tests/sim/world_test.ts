/**
 * Virtual time: what happens in which order.
 *
 * @module
 */

import assert from "node:assert/strict";
import { World } from "../../src/sim/world.ts";

Deno.test("world: tasks of one time run in the order in which they were asked for", async () => {
  const world = new World(1);
  const order: number[] = [];
  // Neither time has a short binary fraction: sums of differences would not meet.
  const at = 7073.332139356527;
  for (let task = 0; task < 50; task++) {
    world.after(task * 0.1, () => world.at(at, () => order.push(task)));
  }
  await world.run(10_000);
  assert.deepEqual(order, Array.from({ length: 50 }, (_, task) => task));
});

Deno.test("world: a pause between two runs changes no order, and takes no cancelling away", async () => {
  const world = new World(1);
  const order: string[] = [];
  const first = world.at(10, () => order.push("first"));
  world.at(10, () => order.push("second"));
  world.at(10, () => order.push("third"));
  await world.run(5);
  assert.equal(world.now, 5);
  await world.run(6);
  first.live = false;
  await world.run(20);
  assert.deepEqual(order, ["second", "third"]);
});
