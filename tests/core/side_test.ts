/**
 * Which side of a fork gives in when two meet (§9): a pure question about their partings.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { limits } from "../../src/limits.ts";
import { compareAddresses } from "../../src/raft/config.ts";
import { isOneSide, markOf, nameOf, outranks } from "../../src/raft/side.ts";
import type { Mark, Parting, Side } from "../../src/raft/types.ts";
import { testMember } from "./cluster.ts";

/** A parting in a term of its own. */
function parting(epoch: number, change: Partial<Parting> = {}): Parting {
  const term = { epoch, number: 1, nodeId: "n" };
  return { forced: false, term, size: 1, smallest: "10.0.0.2:1", ...change };
}

/** Each of these stays before all that follow it. */
function stayInOrder(order: readonly Side[]): void {
  order.forEach((left, i) =>
    order.forEach((right, j) => assert.equal(outranks(left, right), i < j, `${i} and ${j}`))
  );
}

Deno.test("sides: which one gives in, of those that parted at one place", () => {
  stayInOrder([
    [parting(1, { forced: true, size: 2 })],
    [parting(2, { forced: true })],
    [],
    [parting(3, { size: 3 })],
    [parting(4, { size: 2, smallest: "10.0.0.9:1" })],
    [parting(6, { size: 2, smallest: "10.0.0.10:1" })],
    [parting(5, { size: 2, smallest: "10.0.0.10:1" })],
  ]);
});

Deno.test("sides: they are compared by what they did where they parted, not by the newest", () => {
  const [first, second] = [parting(1, { size: 3 }), parting(2, { size: 2 })];
  const forced = parting(9, { forced: true });
  stayInOrder([
    [first],
    [first, parting(3)],
    [second],
    [second, parting(4, { size: 5, smallest: "10.0.0.1:1" })],
  ]);
  stayInOrder([[first, forced], [second, parting(8, { forced: true })], [first], [second]]);
  // The way out for one that cannot hand over: whoever had the quorum gives in to it.
  stayInOrder([[second, forced], [], [second]]);
});

Deno.test("sides: the oldest partings are forgotten, and those in common stay so", () => {
  const fork = { base: { index: 0, term: parting(0).term, checksum: "" }, configs: [] };
  let mark: Mark | null = null;
  const next = (epoch: number, nodes: readonly number[]) =>
    markOf(mark, fork, {
      voters: nodes.map(testMember),
      term: parting(epoch).term,
      forced: false,
    });
  for (let epoch = 1; epoch <= limits.partingsMax + 3; epoch++) mark = next(epoch, [2]);
  assert.equal(mark?.side.length, limits.partingsMax);
  assert.equal(nameOf(mark!.side)?.epoch, limits.partingsMax + 3);
  const [larger, smaller] = [next(90, [3, 2]), next(91, [4])];
  assert.equal(larger.side.at(-1)?.smallest, testMember(2).peerAddress);
  assert.equal(larger.side.at(-1)?.size, 2);
  stayInOrder([mark!.side, larger.side, smaller.side]);
});

Deno.test("sides: an open mark keeps its base and whom it left behind, a closed one does not", () => {
  const fork = (index: number, ...voters: readonly (readonly number[])[]) => ({
    base: { index, term: parting(0).term, checksum: "" },
    configs: voters.map((numbers) => ({ voters: numbers.map(testMember) })),
  });
  const left = (mark: Mark) => mark.baseVoters.map(({ id }) => id).sort().join();
  const who = { voters: [testMember(1)], term: parting(1).term, forced: false };
  const first = markOf(null, fork(1, [1, 2], [1, 2, 3]), who);
  assert.equal(left(first), "n1,n2,n3", "whom a config on its way names may go on by that");
  const second = markOf(first, fork(2, [1, 4]), who);
  assert.deepEqual(second.base, first.base);
  assert.equal(left(second), "n1,n2,n3,n4");
  assert.deepEqual(second.side, [...first.side, ...first.side]);
  const anew = markOf({ ...first, open: false }, fork(2, [1, 4]), who);
  assert.deepEqual(anew.base, fork(2).base);
  assert.equal(left(anew), "n1,n4");
  assert.ok(anew.open);
});

/** Sides of one tree: each grows out of another one that is there by then. */
const trees = fc.array(
  fc.record({
    from: fc.nat(),
    forced: fc.boolean(),
    size: fc.integer({ min: 1, max: 3 }),
    host: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 2, maxLength: 12 },
).map((grown) => {
  const sides: Side[] = [[]];
  grown.forEach(({ from, forced, size, host }, at) => {
    const parent = sides[from % sides.length]!;
    const own = parting(at + 1, { forced, size, smallest: `10.0.0.${host}:1` });
    sides.push([...parent, own]);
  });
  return sides;
});

Deno.test("sides: whoever meets, exactly one gives in, and none of three gives in in a ring", () => {
  fc.assert(fc.property(trees, (sides) => {
    for (const a of sides) {
      for (const b of sides) {
        if (a === b) assert.ok(isOneSide(nameOf(a), nameOf(b)) && !outranks(a, b));
        else assert.notEqual(outranks(a, b), outranks(b, a));
        for (const c of sides) {
          if (outranks(a, b) && outranks(b, c)) assert.ok(outranks(a, c));
        }
      }
    }
  }));
  assert.ok(compareAddresses("10.0.0.1:1", "10.0.0.2:1") < 0);
});
