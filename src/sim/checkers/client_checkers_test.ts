/**
 * The checkers of what clients see, and of how a run ends: each passes a good history and
 * catches a bad one.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FinalState, HistoryFact, OperationBody } from "../history.ts";
import { convergence } from "./convergence.ts";
import { delivery } from "./delivery.ts";
import { durability } from "./durability.ts";
import { failStop } from "./fail_stop.ts";
import {
  ACCEPTED,
  ACCEPTED_THROUGH,
  acknowledged,
  applied,
  entry,
  final,
  finalState,
  findingOf,
  firstConfig,
  HEALED,
  historyOf,
  kindOf,
  sent,
  term,
  wrote,
} from "./history_fixture.ts";
import { linearizableReads } from "./linearizable_reads.ts";
import { liveness } from "./liveness.ts";
import { noResurrection } from "./no_resurrection.ts";
import { sessionReads } from "./session_reads.ts";

function invoked(operation: number, body: OperationBody): HistoryFact {
  return { kind: "invoked", operation, body };
}

function answered(operation: number): HistoryFact {
  const requestId = `request-${operation}`;
  return { kind: "answered", operation, requestId, outcome: sent(requestId, operation) };
}

function acknowledges(operation: number, acknowledged: number): HistoryFact {
  const outcome = { ok: true, kind: "acknowledge", acknowledged } as const;
  return { kind: "answered", operation, requestId: `request-${operation}`, outcome };
}

function readShows(operation: number, ...ids: string[]): HistoryFact {
  const messages = ids.map((id, index) => ({ id, index }));
  return { kind: "readAnswered", operation, node: "n1", messages };
}

function delivered(index: number, id = `m${index}`): HistoryFact {
  return { kind: "delivered", user: 0, stream: 0, message: { id, index } };
}

const read: OperationBody = { kind: "read", user: 1, accountId: "a", linearizable: true };
const send: OperationBody = { kind: "send", from: 0, to: 1, session: "s" };

Deno.test("Durability: what a client was told is stored with that outcome", () => {
  const facts = [answered(5), ACCEPTED, final("n1", 9, "d")];
  const check = (finals: FinalState) =>
    findingOf(durability, historyOf(facts, { finals: [finals] }));
  const stored = (index: number) =>
    finalState("n1", {
      outcomes: new Map([["request-5", { outcome: sent("request-5", index), index }]]),
    });
  assert.equal(check(stored(5)), null);
  assert.match(check(finalState("n1"))!, /has lost request-5/);
  assert.match(check(stored(6))!, /the client was told/);
});

Deno.test("Durability: what was acknowledged is stored, whether or not the client heard of it", () => {
  const facts = [acknowledged("n1", 5, term(1)), ACCEPTED, final("n1", 9, "d")];
  const history = historyOf(facts, { finals: [finalState("n1")] });
  assert.match(findingOf(durability, history)!, /has lost request-5/);
});

Deno.test("Durability: across a fork each side may refuse a request for a reason of its own", () => {
  const refused = (reason: "UNAUTHENTICATED" | "NO_SUCH_USER") =>
    ({ ok: false, reason, message: reason }) as const;
  const told: HistoryFact = {
    kind: "answered",
    operation: 5,
    requestId: "request-5",
    outcome: refused("UNAUTHENTICATED"),
  };
  const facts = [told, ACCEPTED, final("n1", 9, "d")];
  const outcomes = new Map([["request-5", { outcome: refused("NO_SUCH_USER"), index: 5 }]]);
  const finals = [finalState("n1", { outcomes })];
  const check = (...before: HistoryFact[]) =>
    findingOf(durability, historyOf([...before, ...facts], { finals }));
  assert.equal(check({ kind: "partitioned" }), null);
  assert.match(check()!, /the client was told/);
});

Deno.test("Durability: a message is in the database once", () => {
  const facts = [ACCEPTED, final("n1", 9, "d")];
  const twice = [{ id: "a", index: 1 }, { id: "a", index: 2 }];
  const finals = [finalState("n1", { received: [twice] })];
  assert.match(findingOf(durability, historyOf(facts, { finals }))!, /twice/);
});

Deno.test("Durability: a message is there as it was sent, and from when its outcome says", () => {
  const requestId = "request-5";
  const author = { accountId: "a", sessionId: "s" };
  const fields = { requestId, fingerprint: "", timeMs: 3 };
  const command = {
    ...fields,
    kind: "sendMessage",
    ...author,
    toAccountId: "b",
    body: "hi",
  } as const;
  const facts: HistoryFact[] = [
    { kind: "requested", node: "n1", command },
    ACCEPTED,
    final("n1", 9, "d"),
  ];
  const outcomes = new Map([[requestId, { outcome: sent(requestId, 5), index: 5 }]]);
  const good = { index: 5, fromAccountId: "a", toAccountId: "b", body: "hi", sentAtMs: 0 };
  const check = (wrong: Partial<typeof good> | null, salvaged: readonly string[] = []) => {
    const messages = new Map(wrong === null ? [] : [[requestId, { ...good, ...wrong }]]);
    const finals = [finalState("n1", { outcomes, messages, salvaged: new Set(salvaged) })];
    return findingOf(durability, historyOf(facts, { finals }));
  };
  assert.equal(check({}), null);
  assert.match(check(null)!, /has lost the message request-5/);
  assert.equal(check(null, [requestId]), null, "it has a record");
  for (
    const wrong of [
      { index: 6 },
      { fromAccountId: "b" },
      { toAccountId: "a" },
      { body: "ho" },
      { sentAtMs: 3 },
    ]
  ) {
    assert.match(check(wrong)!, /has the message request-5 as/);
  }
});

Deno.test("Durability: the time of messages does not go back", () => {
  const message = { fromAccountId: "a", toAccountId: "b", body: "hi" };
  const check = (times: readonly number[], ...before: HistoryFact[]) => {
    const messages = new Map(
      times.map((sentAtMs, index) => [`m${index}`, { ...message, index, sentAtMs }]),
    );
    const finals = [finalState("n1", { messages })];
    return findingOf(durability, historyOf([...before, ACCEPTED, final("n1", 9, "d")], { finals }));
  };
  assert.equal(check([1, 1, 2]), null);
  assert.match(check([2, 1])!, /a message of 2 at 0, then at 1 one of 1/);
  const cameOver: HistoryFact = { kind: "handOver", node: "n2", to: "n1", running: true };
  assert.equal(check([2, 1], cameOver), null, "what came over keeps its time");
});

Deno.test("Convergence: equal digests at equal indexes, equal indexes in the end", () => {
  const check = (...facts: HistoryFact[]) =>
    findingOf(convergence, historyOf([ACCEPTED, ...facts]));
  assert.equal(check(final("n1", 9, "d"), final("n2", 9, "d")), null);
  assert.match(check(final("n1", 9, "d"), final("n2", 9, "e"))!, /differ at index 9/);
  assert.match(check(final("n1", 9, "d"), final("n2", 8, "e"))!, /different indexes/);
});

Deno.test("LinearizableReads: who lacks what was acknowledged would answer none", () => {
  const [first, second] = [firstConfig("n1", "n2"), entry(2, term(1))];
  const mayRead = (appliedIndex: number): HistoryFact => (
    { kind: "mayRead", node: "n2", appliedIndex }
  );
  const before = [wrote("n1", first, second), wrote("n2", first), acknowledged("n1", 2, term(1))];
  const finding = /n2 would answer a read without request-2, which n1 had decided at 2/;
  assert.match(findingOf(linearizableReads, historyOf([...before, mayRead(2)]))!, finding);
  const written = [...before, wrote("n2", second)];
  assert.match(findingOf(linearizableReads, historyOf([...written, mayRead(1)]))!, finding);
  assert.equal(findingOf(linearizableReads, historyOf([...written, mayRead(2)])), null);
});

Deno.test("LinearizableReads: nobody would answer one once another leader has begun", () => {
  const mayRead: HistoryFact = { kind: "mayRead", node: "n1", appliedIndex: 1 };
  const [first, noop] = [firstConfig("n1", "n2"), entry(2, term(2, "n2"))];
  const before = [wrote("n1", first), wrote("n2", first, noop)];
  const begun = [...before, applied("n2", noop), mayRead];
  const finding = /n1 would answer a read without the first entry of its term, which n2 had/;
  assert.match(findingOf(linearizableReads, historyOf(begun))!, finding);
  // What a follower has applied first, its leader may be about to.
  const followed = [wrote("n3", first, noop), applied("n3", noop), mayRead];
  assert.equal(findingOf(linearizableReads, historyOf([...before, ...followed])), null);
});

Deno.test("LinearizableReads: what was confirmed before is shown, what was not begun is not", () => {
  const check = (...facts: HistoryFact[]) => findingOf(linearizableReads, historyOf(facts));
  const confirmed = [invoked(1, send), answered(1), invoked(2, read)];
  assert.equal(check(...confirmed, readShows(2, "request-1")), null);
  assert.match(check(...confirmed, readShows(2))!, /without request-1/);
  assert.match(
    check(invoked(2, read), readShows(2, "request-1"), invoked(1, send))!,
    /before it was/,
  );
});

Deno.test("LinearizableReads: a later read shows what an earlier one has shown", () => {
  const facts = [
    invoked(1, send),
    invoked(2, read),
    readShows(2, "request-1"),
    invoked(3, read),
    readShows(3),
  ];
  assert.match(findingOf(linearizableReads, historyOf(facts))!, /without request-1/);
});

Deno.test("Delivery: each message once, in order, without a gap", () => {
  const messages = [{ id: "m1", index: 1 }, { id: "m2", index: 2 }, { id: "m3", index: 3 }];
  const finals = [finalState("n1", { received: [messages] })];
  const check = (...facts: HistoryFact[]) =>
    findingOf(delivery, historyOf([...facts, ACCEPTED], { finals }));
  assert.equal(check(delivered(1), delivered(2), delivered(3)), null);
  assert.match(check(delivered(1), delivered(1))!, /m1 twice/);
  assert.match(check(delivered(2), delivered(1))!, /1 after 2/);
  assert.match(check(delivered(1), delivered(3))!, /never gets m2/);
  assert.match(check(delivered(1), delivered(2), delivered(3), delivered(4))!, /nowhere/);
});

Deno.test("Delivery: in the end a subscriber has everything, if the policy promises an end", () => {
  const finals = [finalState("n1", { received: [[{ id: "m1", index: 1 }]] })];
  const check = (judgeLiveness: boolean) =>
    findingOf(delivery, historyOf([ACCEPTED], { finals, judgeLiveness }));
  assert.match(check(true)!, /User 0 never gets m1/);
  assert.equal(check(false), null);
});

Deno.test("SessionReads: no member shows a user less than it has seen or sent to itself", () => {
  const check = (...facts: HistoryFact[]) => findingOf(sessionReads, historyOf(facts));
  const session: OperationBody = { ...read, linearizable: false };
  const toItself: OperationBody = { kind: "send", from: 1, to: 1, session: "s" };
  const before = [invoked(1, toItself), answered(1), invoked(2, session)];
  assert.equal(check(...before, readShows(2, "request-1")), null);
  assert.match(check(...before, readShows(2))!, /request-1 is missing/);
  const shown = [invoked(2, session), readShows(2, "a"), invoked(3, session)];
  assert.match(check(...shown, readShows(3))!, /a is missing/);
  assert.equal(check(...shown, readShows(3, "a", "b")), null);
  const concurrent = [invoked(2, session), invoked(3, session), readShows(2, "a"), readShows(3)];
  assert.equal(check(...concurrent), null);
});

Deno.test("NoResurrection: a revoked session stays revoked, an acknowledgement stays", () => {
  const logout: OperationBody = { kind: "logout", user: 0, session: "s" };
  const ack: OperationBody = { kind: "acknowledge", user: 0, messageIds: ["m1"] };
  const facts = [
    invoked(1, logout),
    answered(1),
    invoked(2, ack),
    acknowledges(2, 1),
    ACCEPTED,
    final("n1", 9, "d"),
  ];
  const received = [[{ id: "m1", index: 1 }]];
  const check = (more: Partial<FinalState>) =>
    findingOf(noResurrection, historyOf(facts, { finals: [finalState("n1", more)] }));
  assert.equal(check({ received, acknowledged: new Set(["m1"]) }), null);
  assert.match(check({ sessions: new Map([["s", true]]) })!, /has s open again/);
  assert.match(check({ received })!, /m1 as not acknowledged/);
});

Deno.test("NoResurrection: after a fork it holds once all have met, but for what has a record", () => {
  const logout: OperationBody = { kind: "logout", user: 0, session: "s" };
  const parted: HistoryFact = { kind: "partitioned" };
  const facts = [parted, invoked(1, logout), answered(1), ACCEPTED, final("n1", 9, "d")];
  const check = (more: Partial<FinalState>, judgeLiveness = true) => {
    const finals = [finalState("n1", { sessions: new Map([["s", true]]), ...more })];
    return findingOf(noResurrection, historyOf(facts, { finals, judgeLiveness }));
  };
  assert.match(check({})!, /has s open again/);
  assert.equal(check({ salvaged: new Set(["request-1"]) }), null);
  assert.equal(check({}, false), null);
  const ack: OperationBody = { kind: "acknowledge", user: 0, messageIds: ["m1", "m2"] };
  const received = [[{ id: "m1", index: 1 }, { id: "m2", index: 2 }]];
  const marks = (acknowledged: number) => {
    const finals = [finalState("n1", { received })];
    const told = acknowledges(1, acknowledged);
    const some = [parted, invoked(1, ack), told, ACCEPTED, final("n1", 9, "d")];
    return findingOf(noResurrection, historyOf(some, { finals }));
  };
  assert.match(marks(2)!, /m1 as not acknowledged/);
  assert.equal(marks(1), null, "the other side alone had one of them");
  const late = [parted, invoked(1, logout), answered(1), invoked(2, send), answered(2)];
  assert.equal(findingOf(noResurrection, historyOf(late)), null);
});

Deno.test("NoResurrection: a deleted account stays deleted", () => {
  const gone: OperationBody = { kind: "deleteAccount", accountId: "a" };
  const facts = [invoked(1, gone), answered(1), ACCEPTED, final("n1", 9, "d")];
  const check = (open: boolean) => {
    const finals = [finalState("n1", { accounts: new Map([["a", open]]) })];
    return findingOf(noResurrection, historyOf(facts, { finals }));
  };
  assert.equal(check(false), null);
  assert.match(check(true)!, /n1 has account a again/);
});

Deno.test("NoResurrection: nothing is done in a session that was over when it began", () => {
  const logout: OperationBody = { kind: "logout", user: 0, session: "s" };
  const check = (...facts: HistoryFact[]) => findingOf(noResurrection, historyOf(facts));
  assert.match(
    check(invoked(1, logout), answered(1), invoked(2, send), answered(2))!,
    /request-2 is done in a session that was over/,
  );
  assert.equal(check(invoked(2, send), invoked(1, logout), answered(1), answered(2)), null);
});

Deno.test("NoResurrection: a logout of all ends those that its user knew, on one side", () => {
  const logout: OperationBody = { kind: "logoutOfAll", user: 0, sessions: ["other", "s"] };
  const facts = [invoked(1, logout), answered(1), ACCEPTED, final("n1", 9, "d")];
  const check = (id: string, ...before: HistoryFact[]) => {
    const finals = [finalState("n1", { sessions: new Map([[id, true]]) })];
    return findingOf(noResurrection, historyOf([...before, ...facts], { finals }));
  };
  for (const id of ["other", "s"]) assert.match(check(id)!, new RegExp(`n1 has ${id} open again`));
  assert.equal(check("newer"), null);
  assert.equal(check("s", { kind: "partitioned" }), null, "the other side alone may have had it");
  const late = [invoked(1, logout), answered(1), invoked(2, send), answered(2)];
  assert.match(findingOf(noResurrection, historyOf(late))!, /request-2 is done/);
});

Deno.test("Liveness: writes are accepted after the faults, where that is promised", () => {
  assert.equal(findingOf(liveness, historyOf([HEALED, ACCEPTED])), null);
  assert.match(findingOf(liveness, historyOf([HEALED]))!, /No write was accepted/);
  assert.equal(findingOf(liveness, historyOf([HEALED], { judgeLiveness: false })), null);
});

Deno.test("Liveness: every operation is answered, and who lives is a member or excused", () => {
  const check = (end: Partial<HistoryFact & { kind: "final" }>, unanswered = 0) => {
    const last = { ...final("n1", 9, "d"), ...end } as HistoryFact;
    return findingOf(
      liveness,
      historyOf([HEALED, ACCEPTED, ACCEPTED_THROUGH, last], { unanswered }),
    );
  };
  assert.equal(check({}), null);
  assert.match(check({}, 2)!, /2 operations of clients have no answer/);
  assert.match(check({ member: false })!, /n1 lives and is no ready member/);
  assert.equal(check({ member: false, excused: true }), null);
});

Deno.test("Liveness: a write through every member is accepted", () => {
  const ends = [HEALED, ACCEPTED, ACCEPTED_THROUGH, final("n1", 9, "d")];
  assert.equal(findingOf(liveness, historyOf(ends)), null);
  const more = historyOf([...ends, final("n2", 9, "d")]);
  assert.match(findingOf(liveness, more)!, /No write through n2/);
});

Deno.test("what comes too late is a violation of liveness, what comes wrong one of safety", () => {
  assert.equal(kindOf(liveness, historyOf([HEALED])), "liveness");
  const apart = [ACCEPTED, final("n1", 9, "d"), final("n2", 8, "e")];
  assert.equal(kindOf(convergence, historyOf(apart)), "liveness");
  const differing = [ACCEPTED, final("n1", 9, "d"), final("n2", 9, "e")];
  assert.equal(kindOf(convergence, historyOf(differing)), "safety");
  const received = [[{ id: "m1", index: 1 }, { id: "m2", index: 2 }]];
  const finals = [finalState("n1", { received })];
  assert.equal(kindOf(delivery, historyOf([ACCEPTED, delivered(1)], { finals })), "liveness");
  assert.equal(kindOf(delivery, historyOf([ACCEPTED, delivered(2)], { finals })), "safety");
});

Deno.test("FailStop: a node that stops itself is reported with its reason", () => {
  const fatal: HistoryFact = { kind: "fatal", node: "n1", message: "two leaders" };
  assert.match(findingOf(failStop, historyOf([fatal]))!, /n1 stopped itself: two leaders/);
  assert.equal(findingOf(failStop, historyOf([])), null);
});
