/**
 * Tests of what a cursor takes as new, across terms, merges and runs.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { limits } from "../limits.ts";
import { Cursor } from "./cursor.ts";

const at = (index: number, term: number) => `${index}.0.${term}.n`;
const message = (id: string, index: number, term: number) => ({ id, position: at(index, term) });

Deno.test("cursor: keeps the last position of each term, newest first", () => {
  const cursor = new Cursor();
  for (const [index, term] of [[3, 1], [5, 1], [6, 2], [9, 2], [10, 4]] as const) {
    cursor.advance(at(index, term));
  }
  deepEqual(cursor.positions(), [at(10, 4), at(9, 2), at(5, 1)]);
});

Deno.test("cursor: within a term never goes back, and unknown texts change nothing", () => {
  const cursor = new Cursor();
  cursor.advance(at(9, 2));
  cursor.advance(at(4, 2));
  cursor.advance("no position");
  deepEqual(cursor.positions(), [at(9, 2)]);
});

Deno.test("cursor: keeps at most 16 terms", () => {
  const cursor = new Cursor();
  for (let term = 1; term <= 40; term++) cursor.advance(at(term, term));
  equal(cursor.positions().length, limits.positionsMax);
  equal(cursor.positions()[0], at(40, 40));
});

Deno.test("cursor: a replay of the same term is dropped by its place", () => {
  const cursor = new Cursor();
  ok(cursor.take(message("a", 7, 1)));
  ok(!cursor.take(message("a", 7, 1)));
  ok(!cursor.take(message("z", 6, 1)));
  ok(cursor.take(message("b", 8, 1)));
});

Deno.test("cursor: a message that a merge moved to another term is dropped by its id", () => {
  const cursor = new Cursor();
  ok(cursor.take(message("a", 7, 1)));
  ok(cursor.take(message("b", 8, 2)));
  ok(!cursor.take(message("b", 12, 3)));
  ok(cursor.take(message("c", 13, 3)));
});

Deno.test("cursor: survives being kept as data", () => {
  const cursor = new Cursor();
  cursor.take(message("a", 7, 1));
  cursor.take(message("b", 8, 2));
  const again = new Cursor(JSON.parse(JSON.stringify(cursor.state())));
  deepEqual(again.positions(), cursor.positions());
  ok(!again.take(message("a", 20, 3)));
});

Deno.test("cursor: remembers a bounded number of ids, the newest", () => {
  const cursor = new Cursor();
  for (let index = 1; index <= limits.seenIdsMax + 5; index++) {
    cursor.take(message(`m${index}`, index, 1));
  }
  equal(cursor.state().recentIds.length, limits.seenIdsMax);
  equal(cursor.state(3).recentIds.at(-1), `m${limits.seenIdsMax + 5}`);
});
