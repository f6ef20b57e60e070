/**
 * The search for an order: against the plain trial of all orders, on small random histories, and
 * its bound.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { linearize, type SearchedModel, type SearchedOperation } from "./linearize.ts";

/** A register with a counter of its writes: reads show both. */
type RegisterOperation = SearchedOperation & { readonly write?: number; readonly read?: string };

class Register implements SearchedModel<RegisterOperation> {
  #value = 0;
  #writes = 0;

  get key(): string {
    return `${this.#value}`;
  }

  step({ write, read }: RegisterOperation): (() => void) | null {
    if (write === undefined) return read === `${this.#value}/${this.#writes}` ? () => {} : null;
    const before = this.#value;
    this.#value = write;
    this.#writes++;
    return () => {
      this.#value = before;
      this.#writes--;
    };
  }
}

/** Whether any order of all that ended, and of any of the others, explains what was read. */
function anyOrder(operations: readonly RegisterOperation[]): boolean {
  const done = new Set<number>();
  const model = new Register();
  const search = (): boolean => {
    const open = operations.flatMap((_, place) => done.has(place) ? [] : [place]);
    const endsFirst = Math.min(...open.map((place) => operations[place]!.end));
    if (endsFirst === Infinity) return true;
    return open.some((place) => {
      const one = operations[place]!;
      if (one.start > endsFirst || one.after.some((other) => !done.has(other))) return false;
      const undo = model.step(one);
      if (undo === null) return false;
      done.add(place);
      const found = search();
      done.delete(place);
      undo();
      return found;
    });
  };
  return search();
}

const operation = fc.tuple(
  fc.nat(9),
  fc.integer({ min: 1, max: 6 }),
  fc.boolean(),
  fc.record({ value: fc.integer({ min: 0, max: 2 }), writes: fc.nat(3) }),
  fc.nat(4),
  fc.option(fc.nat(4), { nil: null, freq: 5 }),
).map(([start, length, writes, shown, hint, after]): RegisterOperation => {
  const pure = !writes;
  const what = writes ? { write: shown.value } : { read: `${shown.value}/${shown.writes}` };
  // What changes something may be without an answer; a read without one would say nothing.
  const end = writes && length === 6 ? Infinity : start + length;
  return { ...what, start, end, pure, hint, after: after === null ? [] : [after] };
});

/** One after another at one time would be no overlap: instants are told apart. */
const histories = fc.array(operation, { minLength: 1, maxLength: 6 }).map((operations) =>
  operations.map((one, place): RegisterOperation => ({
    ...one,
    start: one.start + place / 100,
    end: one.end + place / 100 + 0.001,
    after: one.after.filter((other) => other < place),
  }))
);

Deno.test("linearize: finds an order exactly where there is one", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(histories, (operations) => {
      const { kind } = linearize(operations, new Register(), { stepsMax: 100_000 });
      seen.add(kind);
      assert.equal(kind, anyOrder(operations) ? "linearizable" : "impossible");
    }),
    { numRuns: 2_000, seed: 7 },
  );
  assert.deepEqual([...seen].sort(), ["impossible", "linearizable"]);
});

Deno.test("linearize: sets that led nowhere are not tried again in another order", () => {
  const write = (): RegisterOperation => (
    { start: 0, end: 10, after: [], pure: false, hint: 0, write: 1 }
  );
  const wrong: RegisterOperation = { ...write(), pure: true, read: "7/7" };
  const { write: _, ...read } = wrong;
  const twelve = Array.from({ length: 12 }, write);
  const verdict = linearize([...twelve, read], new Register(), { stepsMax: 100_000 });
  // Orders of twelve are half a billion, sets are four thousand.
  assert.equal(verdict.kind, "impossible");
  assert.ok(verdict.steps < 60_000, `${verdict.steps} steps`);
});

Deno.test("linearize: beyond its bound it says that it does not know", () => {
  const twelve = Array.from({ length: 12 }, (): RegisterOperation => (
    { start: 0, end: 10, after: [], pure: false, hint: 0, write: 1 }
  ));
  const read: RegisterOperation = {
    start: 0,
    end: 10,
    after: [],
    pure: true,
    hint: 0,
    read: "7/7",
  };
  assert.equal(linearize([...twelve, read], new Register(), { stepsMax: 100 }).kind, "undecided");
});
