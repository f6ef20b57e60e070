/**
 * The checker finds each kind of violation where it is planted, and nothing where there is none.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type Evidence,
  type KeptMessage,
  movedCount,
  type NodeView,
  violations,
} from "./checker.ts";
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
    otherSeqs: [],
    answeredMs: number * 10 + 5,
    ...other,
  };
}

function kept(number: number, other: Partial<KeptMessage> = {}): KeptMessage {
  const { id, from, to, body, seq } = sent(number);
  return { id, from, to, body, seq, ...other };
}

function view(messages: readonly KeptMessage[], other: Partial<NodeView> = {}): NodeView {
  const [users, sessions] = [new Set(["cat"]), new Set(["t1"])];
  return { messages, users, sessions, setAside: new Set(), digest: "d", ...other };
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
    partings: [],
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

/**
 * Two sides were parted from 16 to 35 ms: the one acknowledged `m2` as 2, the other one `m3` as 2
 * too, and it came over as 7.
 */
function healed(change: (messages: readonly KeptMessage[]) => readonly KeptMessage[]): Evidence {
  const before = [kept(1), kept(2), kept(3, { seq: 7 }), kept(6, { seq: 9 })];
  const received = ["m1", "m3", "m2", "m6"].map((id) => ({ id, seq: id === "m6" ? 9 : 2 }));
  return {
    ...clean(),
    sent: [sent(1), sent(2), sent(3, { seq: 2, otherSeqs: [7] }), sent(6, { seq: 9 })],
    partings: [{ sinceMs: 16, untilMs: 35 }],
    streams: [{ receiver: "bob", received: [{ id: "m1", seq: 1 }, ...received.slice(1)] }],
    views: new Map([["n1", view(before)], ["n2", view(change(before))]]),
  };
}

/** What was acknowledged by the side that gave in is set aside on these nodes. */
function setAside(nodes: readonly string[]): Evidence {
  const evidence = healed((all) => all);
  const views = [...evidence.views].map(([node, before]) =>
    [
      node,
      {
        ...before,
        messages: before.messages.filter(({ id }) => id !== "m3"),
        setAside: new Set(nodes.includes(node) ? ["m3"] : []),
      },
    ] as const
  );
  return { ...evidence, views: new Map(views) };
}

Deno.test("checker: what came over in a healed partition may be at another place, in one order", () => {
  const evidence = healed((all) => all);
  assert.deepEqual(violations(evidence), []);
  assert.equal(movedCount(evidence), 1);
  assert.equal(movedCount(clean()), 0);
});

Deno.test("checker: what cannot come over is in the list of every node", () => {
  assert.deepEqual(violations(setAside(["n1", "n2"])), []);
});

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
  [
    "a message lost that the side which gave in had acknowledged",
    healed((all) => all.filter(({ id }) => id !== "m3")),
    /n2 has m3 of ann 0 times/,
  ],
  [
    "a message that came over twice",
    healed((all) => [...all, kept(3, { seq: 10 })]),
    /n2 has m3 of ann 2 times/,
  ],
  [
    "a message that came over with another text",
    healed((all) => all.map((one) => one.id === "m3" ? { ...one, body: "other" } : one)),
    /n2 has another m3 than acknowledged/,
  ],
  [
    "what came over at other places on two nodes",
    healed((
      [one, two, three, ...rest],
    ) => [one!, { ...three!, seq: 2 }, { ...two!, seq: 7 }, ...rest]),
    /n2 and n1 differ/,
  ],
  [
    "a message of before the partition at another place",
    healed(([one, ...rest]) => [{ ...one!, seq: 0 }, ...rest]),
    /n2 has another m1 than acknowledged/,
  ],
  [
    "a message of after the partition at another place",
    healed((all) => all.map((one) => one.id === "m6" ? { ...one, seq: 11 } : one)),
    /n2 has another m6 than acknowledged/,
  ],
  ["a message that is set aside on one node alone", setAside(["n1"]), /n1 has m3 of ann 0 times/],
  [
    "a message that is set aside and there",
    {
      ...setAside(["n1", "n2"]),
      views: new Map(
        [...setAside(["n1", "n2"]).views].map((
          [node, one],
        ) => [node, { ...one, messages: healed((all) => all).views.get("n1")!.messages }]),
      ),
    },
    /n1 has m3, which was refused or set aside/,
  ],
  [
    "two places for one message without a partition",
    { ...clean(), sent: [sent(1, { otherSeqs: [4] }), ...clean().sent.slice(1)] },
    /m1 was acknowledged as 1 and as 4/,
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
