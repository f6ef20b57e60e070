/**
 * `Durability` of what only one value is left of: histories by hand, good and bad.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Outcome } from "../../chat/command.ts";
import type { FinalState, HistoryFact } from "../history.ts";
import { durability } from "./durability.ts";
import { ACCEPTED, final, finalState, findingOf, historyOf } from "./history_fixture.ts";

function answered(requestId: string, outcome: Outcome): HistoryFact {
  return { kind: "answered", operation: 0, requestId, outcome };
}

/** What is found of these facts where one member ends like this. */
function check(facts: readonly HistoryFact[], more: Partial<FinalState>): string | null {
  const outcomes = new Map(
    facts.flatMap((fact) =>
      fact.kind === "answered" ? [[fact.requestId, { outcome: fact.outcome, index: 5 }]] : []
    ),
  );
  const whole = [...facts, ACCEPTED, final("n1", 9, "d")];
  return findingOf(
    durability,
    historyOf(whole, { finals: [finalState("n1", { outcomes, ...more })] }),
  );
}

Deno.test("Durability: a session ends no sooner than its users were told", () => {
  const used = (requestId: string, expiresAtMs: number) =>
    answered(requestId, {
      ok: true,
      kind: "renewSession",
      sessionId: "s",
      usedAtMs: expiresAtMs - 30,
      expiresAtMs,
    });
  const facts = [used("u", 50), used("v", 40)];
  const ends = (atMs: number | null) => ({ sessionEnds: new Map([["s", atMs]]) });
  assert.equal(check(facts, ends(50)), null);
  assert.equal(check(facts, ends(60)), null);
  assert.match(check(facts, ends(40))!, /n1 has s end at 40, u was told 50/);
  assert.match(check(facts, ends(null))!, /s end at null/, "it was never used");
  assert.equal(check(facts, {}), null, "it was ended, or is another side's");
  assert.equal(check(facts, { ...ends(40), salvaged: new Set(["u"]) }), null);
});

const asks = (requestId: string, replaces: string | null): HistoryFact => ({
  kind: "requested",
  node: "n1",
  command: {
    kind: "setAdminToken",
    requestId,
    fingerprint: requestId,
    timeMs: 0,
    tokenHash: requestId.toUpperCase(),
    replaces,
  },
});
const isSet = (requestId: string) => answered(requestId, { ok: true, kind: "setAdminToken" });

Deno.test("Durability: the admin token is the one that was set last, or that nobody was told of", () => {
  const one = [asks("a", null), isSet("a")];
  assert.equal(check(one, { adminTokenHash: "A" }), null);
  assert.match(check(one, {})!, /n1 has lost the admin token of a, and has null/);
  const two = [...one, asks("b", "A"), isSet("b")];
  assert.equal(check(two, { adminTokenHash: "B" }), null);
  assert.match(check(two, { adminTokenHash: "A" })!, /lost the admin token of b, and has A/);
  // Nobody was told of this one, so it is there or not.
  const open = [...two, asks("c", "B")];
  for (const adminTokenHash of ["B", "C"]) assert.equal(check(open, { adminTokenHash }), null);
  // It took the place of one that was gone by then.
  const beside = [...two, asks("c", "A"), isSet("c")];
  assert.match(check(beside, { adminTokenHash: "C" })!, /lost the admin token of b/);
  assert.equal(check(beside, { adminTokenHash: "C", salvaged: new Set(["b"]) }), null);
  // The same once more, when its leader saw another one.
  assert.equal(check([...beside, asks("c", "B")], { adminTokenHash: "C" }), null);
  const refused = answered("d", { ok: false, reason: "PERMISSION_DENIED", message: "" });
  assert.equal(check([...two, asks("d", "A"), refused], { adminTokenHash: "B" }), null);
});
