/**
 * Shows that the checker of the cluster tests finds each way in which a promise can be broken.
 *
 * @module
 */

import assert from "node:assert/strict";
import { historyProblems, type SeenMessage, type Written } from "./history.ts";

const message = (seq: number, changes: Partial<SeenMessage> = {}): SeenMessage => ({
  id: `m${seq}`,
  seq,
  from: "ada",
  body: `text ${seq}`,
  ...changes,
});

const [one, two, three] = [message(1), message(2), message(3)];
const written: Written = { acknowledged: [one, two, three], unanswered: ["maybe"] };
const whole = [one, two, three];

function problems(b: readonly SeenMessage[], facts: Written = written): string {
  return historyProblems(facts, new Map([["a", whole], ["b", b]])).join("; ");
}

Deno.test("history checker: two nodes with everything once and in order are fine", () => {
  assert.equal(problems(whole), "");
  const both = new Map([["a", [...whole, message(4, { id: "maybe" })]]]);
  assert.deepEqual(historyProblems(written, both), []);
});

Deno.test("history checker: finds a lost message", () => {
  assert.match(problems([one, three]), /b has m2 of ada 0 times/);
});

Deno.test("history checker: finds a repeated message", () => {
  assert.match(problems([one, two, message(3, { id: "m2" }), three]), /b has m2 of ada 2 times/);
  const maybe = [message(4, { id: "maybe" }), message(5, { id: "maybe" })];
  assert.match(problems([...whole, ...maybe]), /b has the unanswered maybe 2 times/);
});

Deno.test("history checker: finds a changed message", () => {
  assert.match(problems([one, message(2, { body: "else" }), three]), /b has another m2/);
  assert.match(problems([one, two, message(4, { id: "m3" })]), /b has another m3/);
});

Deno.test("history checker: finds what nobody sent", () => {
  assert.match(problems([...whole, message(4)]), /b has m4, which nobody sent/);
});

Deno.test("history checker: finds another order, on one node or between two", () => {
  assert.match(problems([two, one, three]), /b has m1 out of order/);
  const other = [one, message(2, { id: "m3" }), message(3, { id: "m2" })];
  assert.match(problems(other), /b and a differ/);
  assert.match(problems([...whole, message(4, { id: "maybe" })]), /b and a differ/);
});

Deno.test("history checker: finds a sender's message that overtook an earlier one", () => {
  const facts = { acknowledged: [two, one, three], unanswered: [] };
  assert.match(problems(whole, facts), /m1 of ada overtook an earlier one/);
});

Deno.test("history checker: does not take silence for success", () => {
  assert.deepEqual(historyProblems(written, new Map()), ["no node was read"]);
});
