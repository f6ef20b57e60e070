/**
 * The fast clock, over two clocks that the test moves.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FastClock } from "./clock.ts";

/** A source whose two clocks the test moves by hand. */
function handClock() {
  const now = { mono: 1_000, wall: 5_000_000 };
  const fast = new FastClock({ mono: () => now.mono, wall: () => Math.floor(now.wall) });
  return { now, fast };
}

Deno.test("fast clock: frequent readings do not add up the wall clock's rounding", () => {
  const { now, fast } = handClock();
  for (let step = 0; step < 10_000; step++) {
    now.mono += 0.3;
    now.wall += 0.3;
    fast.read();
  }
  assert.ok(Math.abs(fast.read() - 3_000) < 2, `read ${fast.read()}`);
});

Deno.test("fast clock: counts the time that a suspended machine's monotonic clock misses", () => {
  const { now, fast } = handClock();
  now.wall += 60_000;
  const read = fast.read();
  assert.ok(read >= 59_999 && read <= 60_000);
  now.mono += 5;
  now.wall += 5;
  assert.ok(fast.read() >= read);
});

Deno.test("fast clock: a wall clock set back neither stops it nor takes it back", () => {
  const { now, fast } = handClock();
  now.wall -= 3_600_000;
  now.mono += 100;
  assert.equal(fast.read(), 100);
  now.mono += 100;
  now.wall += 100;
  assert.equal(fast.read(), 200);
});

Deno.test("fast clock: sees a suspension right after the wall clock was set back", () => {
  const { now, fast } = handClock();
  now.wall -= 500;
  fast.read();
  now.wall += 500;
  assert.ok(fast.read() >= 499);
});
