/**
 * Time and chance as the client needs them. Owns the one place where the client touches the
 * machine's clocks; tests pass a clock that they move by hand.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { clearTimeout, setTimeout } from "node:timers";

/** Where a client takes time, timers and randomness from. */
export interface ClientClock {
  /** Monotonic ms: all waiting is measured with it. */
  mono(): number;
  /** Wall clock, ms since the epoch: only for request ids and the deadlines of calls. */
  wall(): number;
  /** Runs `task` once after `ms`; the result cancels it. */
  after(ms: number, task: () => void): () => void;
  /** In [0, 1): jitter and choices. */
  random(): number;
  /** Unguessable bytes, for request ids. */
  randomBytes(count: number): Uint8Array;
}

/** A timer for longer than that fires at once, ms: 25 days are as good as for ever. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clocks. */
export function systemClock(): ClientClock {
  return {
    mono: () => performance.now(),
    wall: () => Date.now(),
    after: (ms, task) => {
      const timer = setTimeout(task, Math.min(ms, TIMER_MS_MAX));
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    randomBytes: (count) => randomBytes(count),
  };
}

/** Full jitter: anything between 0 and a bound that doubles with each attempt, ms. */
export function backoffMs(
  clock: ClientClock,
  attempt: number,
  options: { baseMs: number; maxMs: number },
): number {
  const bound = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt, 16));
  return clock.random() * bound;
}
