/**
 * Positions are texts that only this program makes: each place has one, it fits a header, and
 * any other text is refused.
 *
 * @module
 */

import fc from "fast-check";
import assert from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { formatPosition, formatTerm, parsePosition, parseTerm } from "./position.ts";

const whole = fc.maxSafeNat();
/** The same runs every time. */
const runs = { seed: 2625, numRuns: 200 };
const plain = { noNullPrototype: true };
const nodeId = fc.string({ unit: "grapheme" });
const term = fc.record({ epoch: whole, number: whole, nodeId }, plain);
const anyPlace = fc.record({ index: whole, term }, plain);

Deno.test("position: every place comes back from its text, which fits a header", () => {
  fc.assert(
    fc.property(anyPlace, (place) => {
      const text = formatPosition(place);
      assert.match(text, /^[\x21-\x7e]*$/);
      assert.deepEqual(parsePosition(text), place);
    }),
    runs,
  );
});

Deno.test("position: the text is what it was in every version", () => {
  const place = { index: 17, term: { epoch: 1, number: 3, nodeId: "node-a.example" } };
  assert.equal(formatPosition(place), "17.1.3.node-a.example");
  assert.equal(formatTerm({ epoch: 0, number: 0, nodeId: "" }), "0.0.");
});

Deno.test("position: no two texts mean the same place", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[01.]{0,4}[01]\.[a0%.~6]*$/), (text) => {
      let place;
      try {
        place = parsePosition(text);
      } catch (error) {
        assert.ok(error instanceof ChatError);
        return;
      }
      assert.equal(formatPosition(place), text);
    }),
    runs,
  );
});

const garbage = [
  "",
  "17",
  "17.1.3",
  ".1.3.a",
  "-1.1.3.a",
  "017.1.3.a",
  "1e3.1.3.a",
  "17.1.x.a",
  "17. 1.3.a",
  "9007199254740993.1.3.a",
  "17.1.3.a b",
  "17.1.3.%",
  "17.1.3.%61",
  "17.1.3.%ff",
  "17.1.3.ü",
  `17.1.3.${"a".repeat(2_000)}`,
];

for (const text of garbage) {
  Deno.test(`position: ${JSON.stringify(text.slice(0, 30))} is refused, naming the field`, () => {
    assert.throws(() => parsePosition(text), (error) => {
      assert.ok(error instanceof ChatError);
      assert.deepEqual([error.reason, error.field], ["INVALID_ARGUMENT", "position"]);
      assert.match(error.message, /^Cannot take the request as position must be .*: current value/);
      assert.ok(error.message.length < 300);
      return true;
    });
    assert.throws(() => parsePosition(text, "before"), { field: "before" });
  });
}

Deno.test("position: a term that is not one is null", () => {
  for (const text of ["", "1", "1.2", "a.2.n", "1.b.n", "1.2.%"]) {
    assert.equal(parseTerm(text), null);
  }
});
