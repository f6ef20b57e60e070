/**
 * The order of the fair queue: by turns, whoever is new first, each in order.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { FairQueue } from "./fair_queue.ts";

function drain(queue: FairQueue<string>): string[] {
  const items: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
}

Deno.test("fair queue: turns go round, and within one the next keys take turns", () => {
  const queue = new FairQueue<string>(2);
  for (const n of [1, 2, 3]) queue.push(["a", "x"], `ax${n}`);
  for (const n of [1, 2]) queue.push(["a", "y"], `ay${n}`);
  for (const n of [1, 2]) queue.push(["b", "z"], `bz${n}`);
  assert.deepEqual(drain(queue), ["ax1", "bz1", "ay1", "bz2", "ax2", "ay2", "ax3"]);
  assert.ok(queue.isEmpty);
});

Deno.test("fair queue: whoever comes with one item waits for nobody who has many", () => {
  const queue = new FairQueue<string>(1);
  for (let n = 0; n < 100; n++) for (const key of ["a", "b", "c"]) queue.push([key], key);
  for (let n = 0; n < 10; n++) queue.shift();
  queue.push(["polite"], "polite");
  assert.equal(queue.shift(), "polite");
  // It is new once a round, not each time: or nobody else would ever be served.
  queue.push(["polite"], "again");
  assert.notEqual(queue.shift(), "again");
  const next = [queue.shift(), queue.shift(), queue.shift()];
  assert.ok(next.includes("again"), `within a round: ${next}`);
});

Deno.test("fair queue: gives everything once, that of one key in order", () => {
  const key = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(fc.constant(null), fc.tuple(key, key));
  fc.assert(fc.property(fc.array(step), (steps) => {
    const queue = new FairQueue<readonly [string, number]>(2);
    const given: (readonly [string, number])[] = [];
    let count = 0;
    for (const keys of steps) {
      if (keys === null) given.push(...[queue.shift()].flatMap((one) => one ? [one] : []));
      else queue.push(keys, [keys.join(), count++]);
    }
    assert.equal(queue.isEmpty, given.length === count);
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) given.push(one);
    assert.equal(given.length, count);
    for (const name of new Set(given.map(([keys]) => keys))) {
      const numbers = given.filter(([keys]) => keys === name).map(([, number]) => number);
      assert.deepEqual(numbers, numbers.toSorted((one, two) => one - two));
    }
  }));
});
