/**
 * Tests of which address is tried next, and of what is never forgotten.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { limits } from "../limits.ts";
import { AddressBook } from "./address_book.ts";
import { ManualClock } from "./client_test_clock.ts";

Deno.test("address book: tries in the order given, then the learned, then again", () => {
  const book = new AddressBook(new ManualClock(), ["a", "b"]);
  book.learn(["c", "a"]);
  deepEqual([book.next(), book.next(), book.next(), book.next()], ["a", "b", "c", "a"]);
});

Deno.test("address book: skips a dead address for a while and never forgets it", () => {
  const clock = new ManualClock();
  const book = new AddressBook(clock, ["a", "b"]);
  book.failed("a");
  deepEqual([book.next(), book.next()], ["b", "b"]);
  clock.skip(limits.skipMs);
  equal(book.next(), "a");
  ok(book.all().includes("a"));
});

Deno.test("address book: when all are dead, the one that is due first is tried", () => {
  const clock = new ManualClock();
  const book = new AddressBook(clock, ["a", "b"]);
  book.failed("a");
  clock.skip(1);
  book.failed("b");
  equal(book.next(), "a");
});

Deno.test("address book: skips longer with each failure, up to a bound, and an answer ends it", () => {
  const clock = new ManualClock();
  const book = new AddressBook(clock, ["a", "b"]);
  for (let count = 0; count < 20; count++) book.failed("a");
  clock.skip(limits.skipMsMax - 1);
  ok(book.isSkipped("a"));
  clock.skip(1);
  ok(!book.isSkipped("a"));
  book.failed("a");
  book.answered("a");
  ok(!book.isSkipped("a"));
});

Deno.test("address book: is bounded; given addresses stay, the worst learned ones go", () => {
  const book = new AddressBook(new ManualClock(), ["a"]);
  book.learn(["dead"]);
  book.failed("dead");
  book.learn(Array.from({ length: limits.addressesKnownMax }, (_, at) => `n${at}`));
  equal(book.all().length, limits.addressesKnownMax);
  ok(book.all().includes("a"));
  ok(!book.all().includes("dead"));
});

Deno.test("address book: another cluster everywhere is told, at one address it is not", () => {
  const book = new AddressBook(new ManualClock(), ["a", "b"]);
  book.answeredForeign("a", "other");
  equal(book.foreignCluster(), null);
  deepEqual(book.all(), ["b"]);
  book.answeredForeign("b", "other");
  equal(book.foreignCluster(), "other");
});

Deno.test("address book: spreads readers over all that are not being skipped", () => {
  const book = new AddressBook(new ManualClock(), ["a", "b", "c"]);
  book.failed("b");
  const chosen = new Set(Array.from({ length: 50 }, () => book.any()));
  deepEqual([...chosen].sort(), ["a", "c"]);
});
