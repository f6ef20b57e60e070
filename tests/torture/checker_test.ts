/**
 * The checker finds each kind of violation where it is planted, and nothing where there is none.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Evidence, type KeptMessage, type NodeView, violations } from "./checker.ts";
import type { SentMessage } from "./record.ts";

/** Message `m<number>` to one receiver; sent and acknowledged one after another. */
function sent(number: number, other: Partial<SentMessage> = {}): SentMessage {
  return {
    id: `m${number}`,
    from: "ann",
    to: "bob",
    body: `text ${number}`,
    sentMs: number * 10,
    outcome: "acknowledged",
    seq: number,
    answeredMs: number * 10 + 5,
    ...other,
  };
}

function kept(number: number, other: Partial<KeptMessage> = {}): KeptMessage {
  const { id, from, to, body, seq } = sent(number);
  return { id, from, to, body, seq, ...other };
}

function view(messages: readonly KeptMessage[], other: Partial<NodeView> = {}): NodeView {
  return { messages, users: new Set(["cat"]), sessions: new Set(["t1"]), digest: "d", ...other };
}

/** A run without any fault, in which `m4` had no answer and `m5` was refused. */
function clean(): Evidence {
  const messages = [kept(1), kept(2), kept(3), kept(4)];
  return {
    sent: [
      sent(1),
      sent(2),
      sent(3),
      sent(4, { outcome: "indefinite", seq: 0, answeredMs: 0 }),
      sent(5, { outcome: "refused", seq: 0, answeredMs: 0 }),
    ],
    streams: [{ receiver: "bob", received: messages.map(({ id, seq }) => ({ id, seq })) }],
    accounts: [{ name: "cat", state: "there" }, { name: "dan", state: "gone" }],
    sessions: [
      { user: "cat", token: "t1", state: "open" },
      { user: "cat", token: "t2", state: "ended" },
    ],
    views: new Map([["n1", view(messages)], ["n2", view(messages)]]),
  };
}

function withView(node: string, change: (view: NodeView) => NodeView): Evidence {
  const evidence = clean();
  const before = evidence.views.get(node);
  assert.ok(before !== undefined);
  return { ...evidence, views: new Map([...evidence.views, [node, change(before)]]) };
}

function withMessages(change: (messages: readonly KeptMessage[]) => readonly KeptMessage[]) {
  return withView("n2", (before) => ({ ...before, messages: change(before.messages) }));
}

function withReceived(ids: readonly number[]): Evidence {
  const received = ids.map((number) => ({ id: `m${number}`, seq: number }));
  return { ...clean(), streams: [{ receiver: "bob", received }] };
}

Deno.test("checker: a run without violations has none", () => {
  assert.deepEqual(violations(clean()), []);
});

Deno.test("checker: what had no answer may be nowhere, but then nobody is handed it", () => {
  const messages = [kept(1), kept(2), kept(3)];
  const views = new Map([["n1", view(messages)], ["n2", view(messages)]]);
  const { streams } = withReceived([1, 2, 3]);
  assert.deepEqual(violations({ ...clean(), views, streams }), []);
});

/** What is planted, and what has to be said of it. */
const PLANTED: readonly (readonly [string, Evidence, RegExp])[] = [
  ["a lost message", withMessages((all) => all.slice(1)), /n2 has m1 of ann 0 times/],
  ["a doubled message", withMessages((all) => [kept(1, { seq: 0 }), ...all]), /m1 of ann 2 times/],
  [
    "a doubled message that had no answer",
    withMessages((all) => [...all, kept(4, { seq: 9 })]),
    /the unanswered m4 2 times/,
  ],
  [
    "another text",
    withMessages(([, ...rest]) => [kept(1, { body: "other" }), ...rest]),
    /n2 has another m1 than acknowledged/,
  ],
  [
    "another order on one node",
    withMessages(([one, two, ...rest]) => [two!, one!, ...rest]),
    /n1 differ|n2 has .* out of order/,
  ],
  ["a refused message", withMessages((all) => [...all, kept(5)]), /n2 has m5, which was refused/],
  ["a message of nobody", withMessages((all) => [...all, kept(6)]), /m6, which nobody sent/],
  [
    "an unanswered message on one node alone",
    withMessages((all) => all.slice(0, 3)),
    /n2 and n1 differ/,
  ],
  [
    "an order against what was known when it was sent",
    {
      ...clean(),
      sent: [...clean().sent.slice(1), sent(1, { sentMs: 100, answeredMs: 105 })],
    },
    /m1 is number 1, but it was sent after m3 had been acknowledged as 3/,
  ],
  ["a gap in a stream", withReceived([1, 2, 4]), /bob was never handed m3/],
  ["a stream that ends early", withReceived([1, 2, 3]), /bob was never handed m4/],
  ["a repeat in a stream", withReceived([1, 2, 2, 3, 4]), /bob was handed m2 again/],
  ["a stream out of order", withReceived([2, 1, 3, 4]), /bob was handed m1 out of order/],
  ["a message handed over and lost", withReceived([1, 2, 3, 4, 5]), /m5, which is not there/],
  [
    "a lost account",
    withView("n2", (before) => ({ ...before, users: new Set() })),
    /n2 lacks the account cat/,
  ],
  [
    "an account that came back",
    withView("n2", (before) => ({ ...before, users: new Set(["cat", "dan"]) })),
    /n2 has dan, which is gone/,
  ],
  [
    "a lost session",
    withView("n2", (before) => ({ ...before, sessions: new Set() })),
    /n2 refuses a session of cat/,
  ],
  [
    "a session that came back",
    withView("n2", (before) => ({ ...before, sessions: new Set(["t1", "t2"]) })),
    /n2 takes an ended session of cat/,
  ],
  [
    "another digest",
    withView("n2", (before) => ({ ...before, digest: "e" })),
    /digests differ: n1 d, n2 e/,
  ],
];

for (const [what, evidence, expected] of PLANTED) {
  Deno.test(`checker: finds ${what}`, () => {
    const found = violations(evidence);
    assert.ok(found.some((text) => expected.test(text)), found.join("\n") || "nothing was found");
  });
}
