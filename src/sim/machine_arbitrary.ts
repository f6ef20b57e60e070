/**
 * Faults of machines made by fast-check: clocks, disks, power, and operators. Owns their
 * distributions.
 *
 * @module
 */

import fc from "fast-check";
import { FAILURE_TIMEOUT_MS, type Weighted, weighted } from "./dice.ts";
import type { MachineFault } from "./machine_faults.ts";
import type { Target } from "./scenario.ts";

/** Most that a clock's rate is off, in percent: far more than any that still is a clock. */
const DRIFT_PERCENT_MAX = 10;

/** The kinds, at the moments and nodes that are asked for. */
export function machineFaultKinds(
  atMs: fc.Arbitrary<number>,
  node: fc.Arbitrary<Target>,
): Weighted<MachineFault>[] {
  const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);
  const ms = fc.integer({ min: 50, max: 3 * FAILURE_TIMEOUT_MS });
  const soon = fc.integer({ min: 1, max: FAILURE_TIMEOUT_MS });
  const gapMs = fc.oneof(fc.nat(20), fc.nat(FAILURE_TIMEOUT_MS));
  const delayMs = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 21, max: 450 }));
  const permille = fc.nat(999);
  return [
    [2, drifts(atMs, node)],
    [2, fc.record({ atMs, kind: kind("writeError"), node, restartAfterMs: ms })],
    [1, fc.record({ atMs, kind: kind("diskFull"), node, ms })],
    [1, fc.record({ atMs, kind: kind("slowDisk"), node, delayMs, ms })],
    [1, fc.record({ atMs, kind: kind("flipEntry"), node, permille, restartAfterMs: soon })],
    [1, fc.record({ atMs, kind: kind("flipChunk"), node, bit: fc.nat(100_000) })],
    [1, blackouts(atMs, gapMs)],
    [1, fc.record({ atMs, kind: kind("replace"), node })],
    [1, fc.record({ atMs, kind: kind("copy"), node })],
    [1, fc.record({ atMs, kind: kind("rollingRestart"), orderly: fc.boolean(), gapMs })],
  ];
}

/** As far off as grants allow: no monotonic clock fast, no faster clock of a machine slow (§2). */
function drifts(
  atMs: fc.Arbitrary<number>,
  node: fc.Arbitrary<Target>,
): fc.Arbitrary<MachineFault> {
  const off = fc.integer({ min: -DRIFT_PERCENT_MAX, max: DRIFT_PERCENT_MAX });
  const ahead = fc.nat(DRIFT_PERCENT_MAX);
  const rates = fc.oneof(
    fc.record({ monoPercent: fc.constant(0), wallPercent: off }),
    fc.record({ monoPercent: ahead.map((percent) => -percent), wallPercent: ahead }),
  );
  const ms = fc.integer({ min: FAILURE_TIMEOUT_MS, max: 6 * FAILURE_TIMEOUT_MS });
  return fc.tuple(fc.record({ atMs, kind: fc.constant<"drift">("drift"), node, ms }), rates)
    .map(([fault, rate]) => ({ ...fault, ...rate }));
}

function blackouts(
  atMs: fc.Arbitrary<number>,
  gapMs: fc.Arbitrary<number>,
): fc.Arbitrary<MachineFault> {
  return fc.record({
    atMs,
    kind: fc.constant<"blackout">("blackout"),
    downMs: fc.integer({ min: 1, max: FAILURE_TIMEOUT_MS }),
    gapMs,
    lateMs: weighted<number>([2, fc.constant(0)], [1, fc.nat(3 * FAILURE_TIMEOUT_MS)]),
    order: fc.nat(0xffff),
  });
}
