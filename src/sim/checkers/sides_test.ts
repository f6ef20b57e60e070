/**
 * The checkers where sides of a partition both went on: what is asked up to the partition, of each
 * side by itself, and of both. Each passes a good history and catches a bad one.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Outcome, PlainCommand } from "../../chat/command.ts";
import type { HistoryFact, SeenMessage, WrittenEntry } from "../history.ts";
import { commitBacked } from "./commit_backed.ts";
import {
  acknowledged,
  applied,
  cut,
  entry,
  findingOf,
  firstConfig,
  historyOf,
  leads,
  sent,
  term,
  wrote,
} from "./history_fixture.ts";
import { leaderCompleteness } from "./leader_completeness.ts";
import { linearizability } from "./linearizability.ts";
import { noTruncation } from "./no_truncation.ts";
import { oneView } from "./one_view.ts";
import { stateMachineSafety } from "./state_machine_safety.ts";

/** Of what came nothing that a client is told. */
function applies(node: string, one: WrittenEntry): HistoryFact {
  return applied(node, one, { outcome: "{}" });
}

const PARTED: HistoryFact = { kind: "partitioned" };
const HANDS_OVER: HistoryFact = { kind: "handOver", node: "n2", to: "n1", running: true };

const first = firstConfig("n1", "n2");
const nodes = ["n1", "n2"];
const founded = [
  ...nodes.map((node) => wrote(node, first)),
  ...nodes.map((node) => applies(node, first)),
];
/** The second entry of the side that has no mark, and of the one that went on by last resort. */
const [own, other] = [entry(2, term(2)), entry(2, term(3, "n2"))];
const marked = entry(3, term(3, "n2"), {
  voters: ["n2"],
  marked: true,
  side: "0.3@n2",
  sharedThrough: 1,
});

Deno.test("across forks: what is not promised from a partition on is judged up to there", () => {
  const wrong = [
    wrote("n1", own),
    wrote("n2", other),
    acknowledged("n2", 2, term(3, "n2")),
    acknowledged("n1", 2, term(2)),
  ];
  const finding = (...facts: HistoryFact[]) => findingOf(oneView, historyOf(facts));
  assert.match(finding(...founded, ...wrong, PARTED)!, /n1 acknowledges/);
  assert.equal(finding(...founded, PARTED, ...wrong), null);
});

Deno.test("LeaderCompleteness: a leader of either side has what was acknowledged before", () => {
  const two = [wrote("n1", own), acknowledged("n1", 2, term(2))];
  const leader = leads("n2", term(3, "n2"));
  const finding = (...facts: HistoryFact[]) => findingOf(leaderCompleteness, historyOf(facts));
  assert.match(finding(...founded, ...two, PARTED, leader)!, /without request-2/);
  assert.equal(finding(...founded, PARTED, ...two, leader), null);
});

Deno.test("NoTruncation: a meeting cuts nothing that was committed before the partition", () => {
  const two = [wrote("n1", own), applied("n1", own)];
  const finding = (...facts: HistoryFact[]) => findingOf(noTruncation, historyOf(facts));
  assert.match(finding(...founded, ...two, PARTED, cut("n1", 2, other))!, /n1 removes entry 2/);
  assert.equal(finding(...founded, PARTED, ...two, cut("n1", 2, other)), null);
});

Deno.test("StateMachineSafety: two sides differ at an index, one does not", () => {
  const finding = (...facts: HistoryFact[]) =>
    findingOf(stateMachineSafety, historyOf([...founded, PARTED, ...facts]));
  const unmarked = [wrote("n1", own), applied("n1", own)];
  const onOther = (...entries: WrittenEntry[]) => [wrote("n2", ...entries), applied("n2", other)];
  assert.equal(finding(...unmarked, ...onOther(other, marked)), null);
  assert.match(finding(...unmarked, ...onOther(other))!, /n2 applies another entry at 2/);
  // Nor may two nodes of one side come to different things, whatever the other side does.
  const third = [wrote("n3", first), applies("n3", first), wrote("n3", other, marked)];
  const agrees = [...unmarked, ...onOther(other, marked), ...third];
  assert.equal(finding(...agrees, applied("n3", other)), null);
  assert.match(finding(...agrees, applied("n3", other, { outcome: "no" }))!, /comes to no at 2/);
});

Deno.test("StateMachineSafety: a side differs from others only above what they had in common", () => {
  const finding = (...facts: HistoryFact[]) =>
    findingOf(stateMachineSafety, historyOf([...founded, PARTED, ...facts]));
  const unmarked = [wrote("n1", own), applied("n1", own)];
  const early = [wrote("n2", other, { ...marked, sharedThrough: 2 }), applied("n2", other)];
  assert.match(finding(...unmarked, ...early)!, /n2 applies another entry at 2/);
  // Whatever configs of one side are at the end of a log, the side is one.
  const [four, another] = [entry(4, term(3, "n2")), entry(4, term(4, "n3"))];
  const ofSide = [wrote("n2", other, marked, four), applied("n2", other), applied("n2", marked)];
  const later = entry(5, term(4, "n3"), { ...marked, index: 5, checksum: "5/4n3" });
  const third = [wrote("n3", first, other, marked, another, later), applies("n3", first)];
  const caughtUp = [applied("n3", other), applied("n3", marked)];
  const both = [...ofSide, ...third, ...caughtUp, applied("n2", four)];
  assert.equal(finding(...both), null);
  assert.match(finding(...both, applied("n3", another))!, /n3 applies another entry at 4/);
});

Deno.test("CommitBacked: one that gave in by a cut to a later epoch has backed what it had", () => {
  const later = { epoch: 1, number: 3, nodeId: "n3" };
  const before = [PARTED, ...founded, wrote("n1", own), wrote("n2", own)];
  const gaveIn = (promised: typeof later): HistoryFact => {
    const batch = { truncateFrom: 2, promised, entries: [entry(2, term(7, "n3"))] };
    return { kind: "written", node: "n2", batches: [batch] };
  };
  const finding = (promised: typeof later) =>
    findingOf(commitBacked, historyOf([...before, gaveIn(promised), applied("n1", own)]));
  assert.equal(finding(later), null);
  assert.match(finding({ ...later, epoch: 0 })!, /n1 applies 2 .* on disk at \{n1\}/);
});

Deno.test("CommitBacked: a cut within one side takes back what was backed there", () => {
  const side = "1.3@n2";
  const alone = { epoch: 1, number: 3, nodeId: "n2" };
  const config = entry(2, alone, { voters: ["n2", "n3"], marked: true, side });
  const three = entry(3, alone);
  const begins = [
    ...founded,
    PARTED,
    wrote("n3", first, config, three),
    wrote("n2", config, three),
  ];
  const later = { ...alone, number: 4 };
  const others = [wrote("n4", first, config, entry(3, later)), cut("n3", 3, entry(3, later))];
  const finding = (...facts: HistoryFact[]) =>
    findingOf(commitBacked, historyOf([...begins, ...facts, applied("n2", three)]));
  assert.equal(finding(), null);
  assert.match(finding(...others)!, /n2 applies 3 .* on disk at \{n2\}/);
  // With the config goes the side; and it goes where another one begins.
  assert.equal(finding(wrote("n1", own), cut("n3", 2, own)), null);
  const fifth = { epoch: 2, number: 5, nodeId: "n4" };
  const parts = entry(4, fifth, { voters: ["n4"], marked: true, side: "2.5@n4" });
  const goesOver = [
    wrote("n4", first, config, entry(3, fifth), parts),
    cut("n3", 3, entry(3, fifth)),
  ];
  assert.equal(finding(...goesOver), null);
});

/** The rest is Linearizability: an entry of one node's side, decided and answered there. */
function decided(node: string, at: WrittenEntry, command: Body, outcome: Outcome): HistoryFact[] {
  const { requestId } = command;
  return [
    asked(node, command),
    wrote(node, at),
    applied(node, at, { outcome: JSON.stringify(outcome) }),
    { kind: "acknowledged", node, requestId, index: at.index, term: at.term },
    { kind: "answered", operation: 0, requestId, outcome },
  ];
}

type Body = PlainCommand extends infer C
  ? C extends PlainCommand ? Omit<C, "fingerprint" | "timeMs"> : never
  : never;

function asked(node: string, command: Body): HistoryFact {
  const whole = { ...command, fingerprint: "", timeMs: 0 } as PlainCommand;
  return { kind: "requested", node, command: whole };
}

function account(node: string, at: WrittenEntry, accountId: string): HistoryFact[] {
  const command = { kind: "createAccount", accountId, name: accountId, passwordHash: "h" } as const;
  const outcome = { ok: true, kind: "createAccount", accountId } as const;
  return decided(node, at, { ...command, requestId: accountId }, outcome);
}

function login(node: string, at: WrittenEntry, accountId: string): HistoryFact[] {
  const [requestId, sessionId] = [`login ${accountId}`, `s${accountId}`];
  const command = {
    kind: "login",
    accountId,
    sessionId,
    tokenHash: "t",
    passwordHash: "h",
  } as const;
  return decided(node, at, { ...command, requestId }, { ok: true, kind: "login", sessionId });
}

function send(node: string, at: WrittenEntry, requestId: string): HistoryFact[] {
  return decided(node, at, sending(requestId), sent(requestId, at.index));
}

function sending(requestId: string): Body {
  const names = { accountId: "a", sessionId: "sa", toAccountId: "a" } as const;
  return { kind: "sendMessage", ...names, body: "", requestId };
}

let operations = 0;

function read(node: string, ...messages: SeenMessage[]): HistoryFact[] {
  return reads(node, messages, { linearizable: true });
}

function reads(
  node: string,
  messages: SeenMessage[],
  { linearizable }: { linearizable: boolean },
): HistoryFact[] {
  const operation = operations++;
  const body = { kind: "read", user: 0, accountId: "a", linearizable } as const;
  return [
    { kind: "invoked", operation, body },
    { kind: "readAnswered", operation, node, messages },
  ];
}

/** An account and its session, on both nodes; then the partition, and a mark on the side of n2. */
const [three, four] = [entry(2, term(1)), entry(3, term(1))];
const begun: HistoryFact[] = [
  ...founded,
  ...account("n1", three, "a"),
  ...login("n1", four, "a"),
  wrote("n2", three, four),
  applies("n2", three),
  applies("n2", four),
  PARTED,
];
const onOne = (index: number) => entry(index, term(2));
const onTwo = (index: number) => entry(index, term(3, "n2"), { checksum: `other ${index}` });
const mark: WrittenEntry = { ...onTwo(4), voters: ["n2"], marked: true };
const parts: HistoryFact[] = [wrote("n2", mark), applies("n2", mark)];
const m1 = { id: "m1", index: 4 };
const m2 = { id: "m2", index: 5 };

function check(...facts: HistoryFact[]): string | null {
  return findingOf(linearizability, historyOf([...begun, ...parts, ...facts]));
}

Deno.test("Linearizability: each side shows what was confirmed on it, and before they parted", () => {
  const sends = [...send("n1", onOne(4), "m1"), ...send("n2", onTwo(5), "m2")];
  assert.equal(check(...sends, ...read("n1", m1), ...read("n2", m2)), null);
  assert.match(check(...sends, ...read("n1"), ...read("n2", m2))!, /the 0 messages of a/);
  assert.match(check(...sends, ...read("n1", m1), ...read("n2"))!, /the 0 messages of a/);
});

Deno.test("Linearizability: a message that one side has counts there, whoever was told of it", () => {
  const outcome = JSON.stringify(sent("m1", 4));
  const acknowledges = { ok: true, kind: "acknowledge", acknowledged: 1 } as const;
  const names = { accountId: "a", sessionId: "sa", messageIds: ["m1"] } as const;
  const command = { kind: "acknowledge", ...names, requestId: "seen" } as const;
  const told = [...send("n2", onTwo(5), "m1")];
  const has = [wrote("n1", onOne(4)), applied("n1", onOne(4), { outcome })];
  const seen = decided("n1", onOne(5), command, acknowledges);
  assert.equal(check(...told, ...has, ...seen), null);
  const hasNot = [wrote("n1", onOne(4)), applies("n1", onOne(4))];
  assert.match(check(...told, ...hasNot, ...seen)!, /acknowledge \(seen\)/);
});

Deno.test("Linearizability: a login that both sides answer is of the side whose session it is", () => {
  const opens = (sessionId: string) => {
    const names = { accountId: "a", sessionId, tokenHash: "t", passwordHash: "h" } as const;
    return { kind: "login", ...names, requestId: "again" } as const;
  };
  const onOther = decided("n2", onTwo(5), opens("s2"), {
    ok: true,
    kind: "login",
    sessionId: "s2",
  });
  const told = decided("n1", onOne(4), opens("s1"), { ok: true, kind: "login", sessionId: "s1" });
  const ends = { kind: "logout", accountId: "a", sessionId: "s1", all: true } as const;
  const out = (revoked: number) =>
    decided("n1", onOne(5), { ...ends, requestId: "out" }, { ok: true, kind: "logout", revoked });
  // Decided on both before the client is told; and on the other one only afterwards.
  for (const both of [[...onOther.slice(0, -1), ...told], [...told, ...onOther.slice(0, -1)]]) {
    assert.equal(check(...both, ...out(2)), null);
    // Those whose answer nobody got may be open as well, on either side.
    assert.match(check(...both, ...out(0))!, /logout \(out\)/);
  }
});

Deno.test("Linearizability: nothing is asked from the first hand-over on", () => {
  const sends = [...send("n1", onOne(4), "m1"), ...send("n2", onTwo(5), "m2")];
  assert.equal(check(...sends, HANDS_OVER, ...read("n1")), null);
  // A node whose disk hung may hand over, though nobody was partitioned.
  const facts = begun.filter((fact) => fact !== PARTED);
  const after = [...send("n1", onOne(4), "m1"), HANDS_OVER, ...read("n1")];
  assert.equal(findingOf(linearizability, historyOf([...facts, ...after])), null);
  const without = after.filter((fact) => fact !== HANDS_OVER);
  assert.match(findingOf(linearizability, historyOf([...facts, ...without]))!, /the 0 messages/);
});

Deno.test("Linearizability: where nobody was parted, reads by positions count up to a hand-over", () => {
  const session = (...messages: SeenMessage[]) => reads("n1", messages, { linearizable: false });
  const whole = begun.filter((fact) => fact !== PARTED);
  const finding = (...facts: HistoryFact[]) =>
    findingOf(linearizability, historyOf([...whole, ...send("n1", onOne(4), "m1"), ...facts]));
  assert.equal(finding(...session(m1), HANDS_OVER), null);
  assert.match(finding(...session(), HANDS_OVER)!, /the 0 messages of a/);
  assert.equal(finding(HANDS_OVER, ...session()), null);
});

Deno.test("Linearizability: a read of a node that went over meanwhile is of neither side", () => {
  const sends = [...send("n1", onOne(4), "m1"), ...send("n2", onTwo(5), "m2")];
  const [asks, shows] = read("n2", m1) as [HistoryFact, HistoryFact];
  const goesOver: HistoryFact = {
    kind: "written",
    node: "n2",
    batches: [{ installed: onOne(4), entries: [] }],
  };
  assert.equal(check(...sends, asks, goesOver, shows), null);
  assert.match(check(...sends, asks, shows)!, /the 1 messages of a/);
});
