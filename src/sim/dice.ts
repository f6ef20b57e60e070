/**
 * Small distributions that scenarios are made from. Owns the scale of time: T, and how long a
 * schedule is.
 *
 * @module
 */

import fc from "fast-check";

/** How long operations and faults go on at most, ms: T + G, and what a last resort then does. */
export const DURATION_MS = 6_000;

/** The same where nobody goes on by last resort: a few failure timeouts, ms. */
export const SHORT_DURATION_MS = 3_000;

export const FAILURE_TIMEOUT_MS = 1_000;

export type Weighted<T> = readonly [weight: number, arbitrary: fc.Arbitrary<T>];

export function weighted<T>(...choices: readonly Weighted<T>[]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

/** A little less, or more, than one of the values. */
export function around(values: readonly number[]): fc.Arbitrary<number> {
  return fc.tuple(fc.constantFrom(...values), fc.integer({ min: -20, max: 20 }))
    .map(([value, off]) => value + off);
}

export function instant(): fc.Arbitrary<number> {
  return fc.nat(DURATION_MS - 1);
}
