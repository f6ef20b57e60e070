/**
 * Tests of the belief about the leader: which word about it counts, and how a search goes.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { AddressBook } from "./address_book.ts";
import { ManualClock } from "./client_test_clock.ts";
import { LeaderTracker } from "./leader_tracker.ts";

function setUp(addresses = ["a", "b", "c"]) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const changes: (string | null)[] = [];
  const needs = { wanted: true };
  const book = new AddressBook(clock, addresses);
  const tracker = new LeaderTracker({
    clock,
    book,
    ask: (address) => {
      asked.push(address);
      return Promise.resolve();
    },
    wanted: () => needs.wanted,
    onChange: (leader) => void changes.push(leader),
  });
  return { clock, tracker, asked, changes, needs, book };
}

Deno.test("leader tracker: a newer term counts, an older one or the same does not", () => {
  const { tracker } = setUp();
  tracker.hint("a", "0.5@a", "c");
  tracker.hint("b", "0.4@b", "b");
  equal(tracker.current(), "a");
  tracker.hint("b", "0.5@a", "b");
  equal(tracker.current(), "a");
  tracker.hint("b", "0.6@b", "c");
  equal(tracker.current(), "b");
  tracker.hint("a", "1.1@a", "c");
  equal(tracker.current(), "a", "a higher epoch comes before the number");
  tracker.hint("b", "0.900@b", "b");
  equal(tracker.current(), "a");
});

Deno.test("leader tracker: an older term does not come back through doubt", () => {
  const { tracker } = setUp();
  tracker.hint("a", "0.5@a", "c");
  tracker.doubt("a");
  tracker.hint("b", "0.4@b", "b");
  equal(tracker.current(), null);
});

Deno.test("leader tracker: a leader in doubt is restored by its own word or a newer term", () => {
  const { tracker, changes } = setUp();
  tracker.hint("a", "0.5@a", "c");
  tracker.doubt("a");
  tracker.hint("a", "0.5@a", "b");
  equal(tracker.current(), null);
  tracker.hint("a", "0.5@a", "a");
  equal(tracker.current(), "a");
  tracker.doubt("a");
  tracker.hint("b", "0.6@b", "c");
  equal(tracker.current(), "b");
  deepEqual(changes, ["a", null, "a", null, "b"]);
});

Deno.test("leader tracker: doubt about somebody else changes nothing", () => {
  const { tracker, asked } = setUp();
  tracker.hint("a", "0.5@a", "c");
  tracker.doubt("b");
  equal(tracker.current(), "a");
  deepEqual(asked, []);
});

Deno.test("leader tracker: texts that are no terms are older than all, and no name is no hint", () => {
  const { tracker } = setUp();
  tracker.hint("", "0.9@x", "a");
  equal(tracker.current(), null);
  tracker.hint("b", "nonsense", "a");
  equal(tracker.current(), "b");
  tracker.hint("a", "0.1@a", "c");
  equal(tracker.current(), "a");
});

Deno.test("leader tracker: searches while somebody waits, ever more slowly, and then stops", async () => {
  const { clock, tracker, asked, needs } = setUp();
  tracker.search();
  await clock.advance(1_000);
  const first = asked.length;
  deepEqual([...new Set(asked)].sort(), ["a", "b", "c"]);
  ok(first >= 20 && first <= 100, `${first} in the first second`);
  await clock.advance(29_000);
  asked.length = 0;
  await clock.advance(1_000);
  ok(asked.length < 10, `${asked.length} in the 31st second`);
  needs.wanted = false;
  await clock.advance(1_000);
  equal(clock.timers, 0);
});

Deno.test("leader tracker: one search at a time, ended by the leader that is found", async () => {
  const { clock, tracker, asked } = setUp();
  tracker.search();
  tracker.search();
  equal(asked.length, 2);
  tracker.hint("b", "0.1@b", "c");
  await clock.advance(1_000);
  equal(asked.length, 2);
  equal(clock.timers, 0);
});
