/**
 * The same seed draws the same faults; all kinds are drawn, at places that are there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { drawRounds, FAULT_KINDS, type Round } from "./plan.ts";
import { sidesOf } from "./splits.ts";

function rounds(seed: number, count: number): readonly Round[] {
  return drawRounds(seed, 3).take(count).toArray();
}

Deno.test("torture plan: the same seed draws the same faults, another one others", () => {
  assert.deepEqual(rounds(5, 50), rounds(5, 50));
  assert.notDeepEqual(rounds(5, 50), rounds(6, 50));
});

Deno.test("torture plan: every kind is drawn, and everything is within its bounds", () => {
  const faults = rounds(1, 500).flatMap((round) => round.faults);
  assert.deepEqual(new Set(faults.map(({ kind }) => kind)), new Set(FAULT_KINDS));
  for (const { afterMs, ms, target, other, dice } of faults) {
    assert.ok(afterMs >= 0 && afterMs <= 3_000, `${afterMs} ms after the one before`);
    assert.ok(ms === null || (ms >= 0 && ms <= 6_100), `${ms} ms long`);
    for (const place of [target, other]) {
      assert.ok(typeof place === "string" || (place >= 0 && place < 3), `place ${place}`);
    }
    assert.ok(dice >= 0 && dice < 1);
  }
});

Deno.test("torture plan: some rounds are a split and nothing else, after which all are whole", () => {
  const split = rounds(1, 200).filter(({ faults }) => faults.some(({ kind }) => kind === "split"));
  assert.ok(split.length >= 10 && split.length <= 60, `${split.length} of 200`);
  for (const { faults, wholeAfter } of split) {
    assert.equal(faults.length, 1);
    assert.equal(wholeAfter, true);
  }
});

Deno.test("torture plan: a split leaves nobody out, and nobody has no side", () => {
  for (let count = 2; count <= 6; count++) {
    const places = Array.from({ length: count }, (_, at) => at);
    const seen = new Set<string>();
    for (let dice = 0; dice < 1; dice += 1 / 256) {
      const [here, there] = sidesOf(places, dice);
      assert.ok(here.length > 0 && there.length > 0);
      assert.deepEqual([...here, ...there].toSorted((a, b) => a - b), places);
      seen.add(here.join());
    }
    assert.equal(seen.size, 2 ** count - 2, "each way to part them");
  }
});

Deno.test("torture plan: some rounds leave one node alone", () => {
  const lonely = rounds(1, 200).filter(({ faults }) =>
    faults.length === 2 && faults.every(({ kind, ms }) => kind === "kill" && ms === null)
  );
  assert.ok(lonely.length > 0);
  for (const { faults } of lonely) {
    assert.equal(new Set(faults.map(({ target }) => target)).size, 2, "not the same twice");
  }
});
