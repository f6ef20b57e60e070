/**
 * Linearizability: histories by hand, each with a twin that differs in the one thing that no order
 * explains.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Outcome, PlainCommand } from "../../chat/command.ts";
import type { Reason } from "../../errors.ts";
import type { HistoryFact, SeenMessage } from "../history.ts";
import { checkHistory } from "./checker.ts";
import { findingOf, historyOf, sent, term } from "./history_fixture.ts";
import { checkerWith, linearizability } from "./linearizability.ts";

/** A command without what is the same for all of them. */
type Body = PlainCommand extends infer C
  ? C extends PlainCommand ? Omit<C, "requestId" | "fingerprint" | "timeMs"> : never
  : never;

function asks(requestId: string, body: Body): HistoryFact {
  const command = { ...body, requestId, fingerprint: requestId, timeMs: 0 } as PlainCommand;
  return { kind: "requested", node: "n1", command };
}

function told(requestId: string, outcome: Outcome): HistoryFact {
  return { kind: "answered", operation: 0, requestId, outcome };
}

function refused(requestId: string, reason: Reason): HistoryFact {
  return told(requestId, { ok: false, reason, message: "" });
}

const asksAccount = (accountId: string, name = accountId) =>
  asks(accountId, { kind: "createAccount", accountId, name, passwordHash: "h" });
const account = (accountId: string, name = accountId): HistoryFact[] => [
  asksAccount(accountId, name),
  told(accountId, { ok: true, kind: "createAccount", accountId }),
];
const login = (accountId: string, sessionId: string): HistoryFact[] => [
  asks(`login ${sessionId}`, {
    kind: "login",
    accountId,
    sessionId,
    tokenHash: "t",
    passwordHash: "h",
  }),
  told(`login ${sessionId}`, { ok: true, kind: "login", sessionId }),
];
const asksSend = (id: string, from: string, to: string, sessionId = `s${from}`) =>
  asks(id, { kind: "sendMessage", accountId: from, sessionId, toAccountId: to, body: id });
const asksLogout = (id: string, accountId: string) =>
  asks(id, { kind: "logout", accountId, sessionId: `s${accountId}`, all: false });
const loggedOut = (id: string) => told(id, { ok: true, kind: "logout", revoked: 1 });
const asksDelete = (id: string, accountId: string) =>
  asks(id, { kind: "deleteAccount", accountId, sessionId: `s${accountId}` });
const deleted = (id: string) => told(id, { ok: true, kind: "deleteAccount" });
const acknowledge = (id: string, accountId: string, messageIds: string[], count: number) => [
  asks(id, { kind: "acknowledge", accountId, sessionId: `s${accountId}`, messageIds }),
  told(id, { ok: true, kind: "acknowledge", acknowledged: count }),
];

/** Operations of reads, of this file's tests. */
let operations = 0;

function begins(accountId: string, linearizable = true) {
  const operation = operations++;
  const body = { kind: "read", user: 0, accountId, linearizable } as const;
  const begun: HistoryFact = { kind: "invoked", operation, body };
  const shows = (...messages: SeenMessage[]): HistoryFact => (
    { kind: "readAnswered", operation, node: "n1", messages }
  );
  return { begun, shows };
}

function users(...accounts: string[]): HistoryFact[] {
  const operation = operations++;
  return [
    { kind: "invoked", operation, body: { kind: "users", accountId: "a", linearizable: true } },
    { kind: "usersAnswered", operation, node: "n1", accounts },
  ];
}

const read = (accountId: string, ...messages: SeenMessage[]): HistoryFact[] => {
  const { begun, shows } = begins(accountId);
  return [begun, shows(...messages)];
};

/** Two accounts, each with a session. */
const both = [...account("a"), ...account("b"), ...login("a", "sa"), ...login("b", "sb")];
const m1: SeenMessage = { id: "m1", index: 11 };
const m2: SeenMessage = { id: "m2", index: 12 };
const send = (id: string, index: number, from = "a", to = "b"): HistoryFact[] => [
  asksSend(id, from, to),
  told(id, sent(id, index)),
];

function check(...facts: HistoryFact[]): string | null {
  return findingOf(linearizability, historyOf(facts));
}

Deno.test("Linearizability: a read shows what was confirmed before it began", () => {
  assert.equal(check(...both, ...send("m1", 11), ...read("b", m1)), null);
  assert.match(check(...both, ...send("m1", 11), ...read("b"))!, /explains the 0 messages of b/);
});

Deno.test("Linearizability: what overlaps a sending may show it or not, but not take it back", () => {
  const [asked, answered] = send("m1", 11) as [HistoryFact, HistoryFact];
  const { begun, shows } = begins("b");
  for (const seen of [[], [m1]]) {
    assert.equal(check(...both, asked, begun, shows(...seen), answered), null);
  }
  assert.equal(check(...both, asked, ...read("b"), ...read("b", m1), answered), null);
  assert.match(check(...both, asked, ...read("b", m1), ...read("b"), answered)!, /0 messages/);
});

Deno.test("Linearizability: what was never answered happens at any later time, or never", () => {
  const asked = asksSend("m1", "a", "b");
  assert.equal(check(...both, asked, ...read("b"), ...read("b")), null);
  assert.equal(check(...both, asked, ...read("b"), ...read("b", m1)), null);
  assert.match(check(...both, ...read("b", m1), asked)!, /the 1 messages of b/);
  // Not yet when the read began, though it was asked long before that.
  const arrives: HistoryFact = { kind: "delivered", user: 0, stream: 0, message: m1 };
  assert.equal(check(...both, asked, ...account("c"), ...read("b"), arrives), null);
  const out = asksLogout("out", "a");
  const late = refused("m2", "UNAUTHENTICATED");
  assert.equal(check(...both, out, ...send("m1", 11), asksSend("m2", "a", "b"), late), null);
  assert.match(check(...both, asksSend("m2", "a", "b"), late, out)!, /m2/);
});

Deno.test("Linearizability: a request that is asked again is one operation, with one outcome", () => {
  const twice = [asksSend("m1", "a", "b"), ...send("m1", 11)];
  assert.equal(check(...both, ...twice, ...read("b", m1)), null);
  assert.match(check(...both, ...twice, ...read("b", m1, m1))!, /the 2 messages of b/);
  const other = refused("m1", "UNAUTHENTICATED");
  assert.match(check(...both, ...twice, other)!, /told two outcomes of m1/);
});

Deno.test("Linearizability: messages come in the order of their places in the log", () => {
  const sends = [...send("m1", 11), ...send("m2", 12)];
  assert.equal(check(...both, ...sends, ...read("b", m1, m2)), null);
  assert.notEqual(check(...both, ...sends, ...read("b", m2, m1)), null);
  assert.notEqual(check(...both, ...send("m2", 12), ...send("m1", 11)), null);
});

Deno.test("Linearizability: a name is taken by one live account at a time", () => {
  const taken = [asksAccount("c", "A"), refused("c", "NAME_TAKEN")];
  const gone = [asksDelete("gone", "a"), deleted("gone")];
  assert.equal(check(...both, ...taken), null);
  assert.equal(check(...both, ...gone, ...account("c", "A")), null);
  assert.match(check(...both, ...gone, ...taken)!, /createAccount \(c\), told NAME_TAKEN/);
  assert.match(check(...both, ...account("c", "A"))!, /createAccount \(c\), told ok/);
});

Deno.test("Linearizability: a message needs a receiver that is there", () => {
  const [asked, gone] = [asksDelete("gone", "b"), deleted("gone")];
  const refusal = [asksSend("m1", "a", "b"), refused("m1", "NO_SUCH_USER")];
  assert.equal(check(...both, asked, gone, ...refusal), null);
  assert.equal(check(...both, asked, ...send("m1", 11), gone), null);
  assert.equal(check(...both, asked, ...refusal, gone), null);
  assert.match(check(...both, ...refusal)!, /told NO_SUCH_USER/);
  assert.match(check(...both, asked, gone, ...send("m1", 11))!, /m1/);
});

Deno.test("Linearizability: nothing is done in a session that is over, nor logged in after", () => {
  const over = [asksLogout("out", "a"), loggedOut("out")];
  const late = [asksSend("m1", "a", "b"), refused("m1", "UNAUTHENTICATED")];
  assert.equal(check(...both, ...over, ...late), null);
  assert.match(check(...both, ...over, ...send("m1", 11))!, /m1/);
  const gone = [asksDelete("gone", "a"), deleted("gone")];
  assert.match(check(...both, ...gone, ...login("a", "again"))!, /login/);
});

Deno.test("Linearizability: a session that another one names is over, and no other is", () => {
  const sessions = [...both, ...login("a", "second")];
  const ends = (id: string, named: string, outcome = loggedOut(id)) => [
    asks(id, {
      kind: "logout",
      accountId: "a",
      sessionId: "second",
      all: false,
      endedSessionId: named,
    }),
    outcome,
  ];
  const sends = (id: string, index: number, from: string, session: string) => [
    asksSend(id, from, "b", session),
    told(id, sent(id, index)),
  ];
  const over = [asksSend("m1", "a", "b"), refused("m1", "UNAUTHENTICATED")];
  const out = ends("out", "sa");
  assert.equal(check(...sessions, ...out, ...over, ...sends("m2", 11, "a", "second")), null);
  // It is not over; another one of the account is; another account's is.
  assert.match(check(...sessions, ...out, ...sends("m1", 11, "a", "sa"))!, /m1/);
  const late = (from: string, session: string) => [
    asksSend("m2", from, "b", session),
    refused("m2", "UNAUTHENTICATED"),
  ];
  assert.match(check(...sessions, ...out, ...late("a", "second"))!, /m2/);
  assert.match(check(...sessions, ...out, ...late("b", "sb"))!, /m2/);
  // Once more it ends none.
  const none = told("again", { ok: true, kind: "logout", revoked: 0 });
  assert.equal(check(...sessions, ...out, ...ends("again", "sa", none)), null);
  assert.match(check(...sessions, ...out, ...ends("again", "sa"))!, /again/);
  assert.match(check(...sessions, ...ends("again", "sa", none))!, /again/);
  for (const session of ["sb", "nobody's"]) {
    const denied = ends("x", session, refused("x", "INVALID_ARGUMENT"));
    assert.equal(check(...sessions, ...denied, ...sends("m3", 12, "b", "sb")), null);
    assert.match(check(...sessions, ...ends("x", session))!, /\(x\), told ok/);
  }
});

Deno.test("Linearizability: a logout of all ends those that are known, and what attempts left", () => {
  const out = (revoked: number) => [
    asks("out", { kind: "logout", accountId: "a", sessionId: "sa", all: true }),
    told("out", { ok: true, kind: "logout", revoked }),
  ];
  const two = [...both, ...login("a", "second")];
  assert.equal(check(...two, ...out(2)), null);
  for (const count of [1, 3]) assert.match(check(...two, ...out(count))!, /logout \(out\)/);
  for (const session of ["sa", "second"]) {
    const late = [asksSend("m1", "a", "b", session), told("m1", sent("m1", 11))];
    assert.match(check(...two, ...out(2), ...late)!, /m1/);
  }
  // Of another attempt of a login nobody knows whether it opened a session.
  const attempt = (requestId: string, sessionId: string, accountId = "a") =>
    asks(requestId, { kind: "login", accountId, sessionId, tokenHash: "t", passwordHash: "h" });
  for (const requestId of ["login second", "another"]) {
    const stray = [...two, attempt(requestId, "stray")];
    for (const count of [2, 3]) assert.equal(check(...stray, ...out(count)), null);
    for (const count of [1, 4]) assert.match(check(...stray, ...out(count))!, /logout \(out\)/);
  }
  assert.match(check(...two, attempt("x", "stray", "b"), ...out(3))!, /logout \(out\)/);
  assert.match(check(...two, ...out(3), attempt("another", "late"))!, /logout \(out\)/);
});

Deno.test("Linearizability: an admin token takes the place of the one that its author saw", () => {
  const asksToken = (id: string, replaces: string | null) =>
    asks(id, { kind: "setAdminToken", tokenHash: id, replaces });
  const isSet = (id: string) => told(id, { ok: true, kind: "setAdminToken" });
  const late = (id: string) => refused(id, "PERMISSION_DENIED");
  const first = [asksToken("t", null), isSet("t")];
  assert.equal(check(...first, asksToken("u", "t"), isSet("u")), null);
  assert.match(check(...first, asksToken("u", null), isSet("u"))!, /setAdminToken \(u\)/);
  assert.equal(check(...first, asksToken("u", null), late("u")), null);
  assert.match(check(...first, asksToken("u", "t"), late("u"))!, /\(u\), told PERMISSION_DENIED/);
  // Of two at once one comes first; which, the third one saw.
  const two = [asksToken("u", "t"), asksToken("v", "t"), isSet("u"), late("v")];
  assert.equal(check(...first, ...two, asksToken("w", "u"), isSet("w")), null);
  assert.match(check(...first, ...two, asksToken("w", "v"), isSet("w"))!, /\([uvw]\)/);
  // Asked again, it may have been decided as it was seen at either attempt.
  const again = [...first, asksToken("u", null), asksToken("u", "t")];
  for (const answer of [isSet("u"), late("u")]) assert.equal(check(...again, answer), null);
  // Nobody was told of it, and the next one saw it.
  assert.equal(check(...first, asksToken("u", "t"), asksToken("v", "u"), isSet("v")), null);
});

Deno.test("Linearizability: a message is acknowledged once, and stays so", () => {
  const sends = [...both, ...send("m1", 11), ...send("m2", 12)];
  const first = acknowledge("x", "b", ["m1"], 1);
  const then = acknowledge("y", "b", ["m1", "m2"], 1);
  const shown = (acknowledged: boolean) => read("b", { ...m1, acknowledged }, m2);
  assert.equal(check(...sends, ...first, ...then), null);
  assert.match(check(...sends, ...first, ...acknowledge("y", "b", ["m1"], 1))!, /\(y\)/);
  assert.equal(check(...sends, ...shown(false), ...first, ...shown(true)), null);
  assert.match(check(...sends, ...first, ...shown(false))!, /2 messages of b/);
});

Deno.test("Linearizability: the users are those who are there", () => {
  assert.equal(check(...both, ...users("a", "b")), null);
  assert.match(check(...both, ...users("a"))!, /the users \{a\}/);
  const gone = [asksDelete("gone", "b"), deleted("gone")];
  assert.equal(check(...both, ...gone, ...users("a")), null);
  assert.match(check(...both, ...gone, ...users("a", "b"))!, /the users \{a,b\}/);
});

Deno.test("Linearizability: at session consistency a read may be old, but shows what was seen", () => {
  const session = (...messages: SeenMessage[]): HistoryFact[] => {
    const { begun, shows } = begins("b", false);
    return [begun, shows(...messages)];
  };
  const sends = [...both, ...send("m1", 11), ...send("m2", 12)];
  assert.equal(check(...sends, ...session()), null);
  assert.equal(check(...sends, ...session(m1), ...session(m1, m2)), null);
  assert.match(check(...sends, ...session(m1, m2), ...session(m1))!, /the 1 messages of b/);
  assert.match(check(...sends, ...session(m2))!, /the 1 messages of b/);
  // It has sent this itself, so it must see it.
  const own = [...sends, ...send("m3", 13, "b", "b")];
  assert.match(check(...own, ...session(m1, m2))!, /the 2 messages of b/);
});

Deno.test("Linearizability: too much work is said to be so, and each part is still judged", () => {
  // What overlaps can come in a thousand orders, and none of them explains the last read.
  const crowd = Array.from({ length: 10 }, (_, at) => asksAccount(`c${at}`));
  const made = crowd.map((_, at) =>
    told(`c${at}`, { ok: true, kind: "createAccount", accountId: `c${at}` })
  );
  const judged = (...facts: HistoryFact[]) => checkHistory(historyOf(facts), [checkerWith(300)]);
  const { begun, shows } = begins("b");
  const lost = judged(...both, ...send("m1", 11), ...crowd, begun, shows(), ...made);
  assert.match(lost.violations[0]!.message, /the 0 messages of b/);
  const few = checkHistory(historyOf([...both, ...send("m1", 11)]), [checkerWith(2)]);
  assert.deepEqual(few.violations, []);
  assert.match(few.undecided.join(), /No order found for 5 operations up to login/);
});

Deno.test("Linearizability: an answer that came of a late retry does not lead the search astray", () => {
  const acknowledged = (requestId: string, index: number): HistoryFact => (
    { kind: "acknowledged", node: "n1", requestId, index, term: term(1) }
  );
  // Decided at once, but its client heard of that only by an attempt behind all of these.
  const asked = [...account("c"), ...login("c", "sc"), asksDelete("gone", "c")];
  const ids = Array.from({ length: 30 }, (_, at) => ({ id: `m${at}`, index: 11 + at }));
  const [early, middle, ...others] = ids;
  const sends = others.map(({ id }) => asksSend(id, "a", "b"));
  const answers = others.map(({ id, index }) => told(id, sent(id, index)));
  const retried = [acknowledged("gone", 99), deleted("gone")];
  const between = [...send(early!.id, early!.index), ...users("a", "b")];
  const facts = [...both, ...asked, ...sends, ...between, ...send(middle!.id, middle!.index)];
  const history = historyOf([...facts, ...answers, ...retried]);
  assert.deepEqual(checkHistory(history, [checkerWith(1_000)]), { violations: [], undecided: [] });
});

Deno.test("Linearizability: nothing of it is asked of two sides of a partition", () => {
  const lost = [...both, ...send("m1", 11), ...read("b")];
  assert.notEqual(check(...lost), null);
  assert.equal(check({ kind: "partitioned" }, ...lost), null);
});
