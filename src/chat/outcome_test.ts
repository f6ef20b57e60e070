/**
 * Outcomes come back from their stored text as they were, for ever.
 *
 * @module
 */

import assert from "node:assert/strict";
import { InvariantError } from "../assert.ts";
import type { Outcome } from "./command.ts";
import { decodeOutcome, encodeOutcome } from "./outcome.ts";
import { refusals } from "./refusals.ts";

const place = { requestId: "r", index: 17, acceptedAtMs: 1_700_000_000_000 };
const term = { epoch: 1, number: 2, nodeId: "node.a" };

const cases: readonly (readonly [Outcome, string])[] = [
  [{ ok: true, kind: "createAccount", accountId: "r" }, '["createAccount","r"]'],
  [{ ok: true, kind: "login", sessionId: "s" }, '["login","s"]'],
  [{ ok: true, kind: "logout", revoked: 2 }, '["logout",2]'],
  [{ ok: true, kind: "deleteAccount" }, '["deleteAccount"]'],
  [
    { ok: true, kind: "renewSession", sessionId: "s", usedAtMs: 5, expiresAtMs: 9 },
    '["renewSession","s",5,9]',
  ],
  [{ ok: true, kind: "setAdminToken" }, '["setAdminToken"]'],
  [
    {
      ok: true,
      kind: "sendMessage",
      messageId: "r",
      index: 17,
      term,
      acceptedAtMs: place.acceptedAtMs,
    },
    '["sendMessage","1.2.node.a"]',
  ],
  [
    { ok: true, kind: "sendMessage", messageId: "r", index: 17, term, acceptedAtMs: 1_700 },
    '["sendMessage","1.2.node.a",1700]',
  ],
  [{ ok: true, kind: "acknowledge", acknowledged: 0 }, '["acknowledge",0]'],
  [{ ok: false, reason: "NAME_TAKEN", message: 'is "x"' }, '["NAME_TAKEN","is \\"x\\""]'],
];

for (const [outcome, text] of cases) {
  Deno.test(`outcome: ${text} is what it was`, () => {
    assert.equal(encodeOutcome(outcome, place), text);
    assert.deepEqual(decodeOutcome(text, place), outcome);
  });
}

Deno.test("outcome: every refusal comes back and says in one line what must be", () => {
  for (const outcome of Object.values(refusals)) {
    assert.deepEqual(decodeOutcome(encodeOutcome(outcome, place), place), outcome);
    assert.ok(!outcome.ok);
    assert.match(outcome.message, /^Cannot [^\n]+ as [^\n]+ must [^\n]+$/);
  }
});

Deno.test("outcome: a text that is none stops the node", () => {
  for (const text of ['["later"]', '["sendMessage","x"]']) {
    assert.throws(() => decodeOutcome(text, place), InvariantError);
  }
});
