/**
 * Faults that belong together around whoever leads: it lags, sleeps, is cut off, comes back, or dies
 * just as the next one takes over. Owns these stories; how often each is told is
 * `fault_arbitrary.ts`'s.
 *
 * @module
 */

import fc from "fast-check";
import { around, DURATION_MS, FAILURE_TIMEOUT_MS } from "./dice.ts";
import type { Fault, Target } from "./scenario.ts";

/** Port calls after which a planned crash comes, at most: a few writes and what they bring. */
export const CALLS_MAX = 40;

/** All of them, in a cluster of so many; `node` is whoever else is hit, at about `atMs`. */
export function leaderStories(
  nodes: number,
  node: fc.Arbitrary<number>,
  atMs: fc.Arbitrary<number>,
): readonly fc.Arbitrary<Fault[]>[] {
  // What comes last of a long one must not come when the schedule is over.
  const early = fc.nat(0.5 * FAILURE_TIMEOUT_MS);
  const mostlyEarly = fc.oneof({ weight: 2, arbitrary: early }, { weight: 1, arbitrary: atMs });
  return [
    lagAndCrash(node, atMs),
    returnWithTail(node, mostlyEarly),
    returnWithSharedTail(nodes, mostlyEarly),
    outlivedLease(node, mostlyEarly),
    absenceAndCrash(node, early),
  ];
}

/** The leader dies while one of the others lacks its newest entries. */
function lagAndCrash(node: fc.Arbitrary<number>, atMs: fc.Arbitrary<number>) {
  const later = fc.integer({ min: 20, max: 0.6 * FAILURE_TIMEOUT_MS });
  return fc.record({ atMs, to: node, later, afterCalls: fc.nat(CALLS_MAX) })
    .map(({ atMs, to, later, afterCalls }): Fault[] => [
      { atMs, kind: "block", from: "leader", to, ms: later + 50 },
      {
        atMs: Math.min(atMs + later, DURATION_MS - 1),
        kind: "crash",
        node: "leader",
        powerCut: false,
        afterCalls,
      },
    ]);
}

/**
 * The leader is cut off while it takes writes, and comes back with what is to be cut; the one that
 * leads then is hindered just as it counts who has what, or dies.
 */
function returnWithTail(node: fc.Arbitrary<number>, atMs: fc.Arbitrary<number>) {
  const away = fc.integer({ min: 1_100, max: 2.5 * FAILURE_TIMEOUT_MS });
  const ms = fc.integer({ min: 50, max: 0.6 * FAILURE_TIMEOUT_MS });
  const crashes = fc.option(fc.nat(CALLS_MAX));
  return fc.record({ atMs, away, before: fc.nat(100), other: node, ms, crashes })
    .map(({ atMs, away, before, other, ms, crashes }): Fault[] => {
      const later = Math.min(atMs + away - before, DURATION_MS - 1);
      const then = { atMs: later, node: "leader", powerCut: false } as const;
      return [
        { atMs, kind: "isolate", nodes: ["leader"], ms: away },
        { atMs: later, kind: "block", from: "leader", to: other, ms: ms + before },
        { atMs: later, kind: "hang", node: other, ms },
        ...(crashes === null ? [] : [{ ...then, kind: "crash", afterCalls: crashes } as const]),
      ];
    });
}

/**
 * The leader is deaf while the others take what it writes, and then cut off: it comes back with
 * entries that it has in common with them and does not know to be committed, and with some to be cut.
 */
function returnWithSharedTail(nodes: number, atMs: fc.Arbitrary<number>) {
  const deaf = fc.integer({ min: 20, max: 0.5 * FAILURE_TIMEOUT_MS });
  const away = fc.integer({ min: 1_100, max: 2.5 * FAILURE_TIMEOUT_MS });
  return fc.record({ atMs, deaf, away }).map(({ atMs, deaf, away }): Fault[] => [
    ...Array.from({ length: nodes }, (_, from): Fault => (
      { atMs, kind: "block", from, to: "leader", ms: deaf + away }
    )),
    {
      atMs: Math.min(atMs + deaf, DURATION_MS - 1),
      kind: "isolate",
      nodes: ["leader"],
      ms: away,
    },
  ]);
}

/**
 * One that does not hear the leader wants to lead; then whoever has kept it from that starts anew,
 * and the leader hears nobody, while it still holds leases.
 */
function outlivedLease(node: fc.Arbitrary<number>, atMs: fc.Arbitrary<number>) {
  const deaf = fc.integer({ min: 1_050, max: 2 * FAILURE_TIMEOUT_MS });
  const restartAfterMs = fc.integer({ min: 1, max: 100 });
  return fc.record({ atMs, candidate: node, voter: node, deaf, restartAfterMs })
    .map(({ atMs, candidate, voter, deaf, restartAfterMs }): Fault[] => {
      const then = Math.min(atMs + deaf, DURATION_MS - 1);
      const ms = deaf + FAILURE_TIMEOUT_MS;
      return [
        { atMs, kind: "block", from: "leader", to: candidate, ms },
        { atMs, kind: "block", from: candidate, to: "leader", ms },
        { atMs: then, kind: "isolate", nodes: ["leader"], ms: FAILURE_TIMEOUT_MS },
        {
          atMs: then,
          kind: "crash",
          node: voter,
          powerCut: false,
          afterCalls: 0,
          restartAfterMs,
        },
      ];
    });
}

/** Whoever went on without one that stood still for long dies as that one wakes up. */
function absenceAndCrash(node: fc.Arbitrary<number>, atMs: fc.Arbitrary<number>) {
  const absence = around([4.5, 5, 5.5].map((part) => part * FAILURE_TIMEOUT_MS));
  const pair = { sleeper: fc.oneof(fc.constant<Target>("leader"), node), other: node };
  return fc.record({ ...pair, atMs, absence, before: fc.nat(300) })
    .map(({ sleeper, other, atMs, absence, before }): Fault[] => [
      { atMs, kind: "stall", node: sleeper, ms: absence },
      {
        atMs: Math.min(atMs + absence - before, DURATION_MS - 1),
        kind: "crash",
        node: other,
        powerCut: false,
        afterCalls: 0,
      },
    ]);
}
