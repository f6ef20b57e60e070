/**
 * The checkers of logs and elections: each passes a good history and catches a bad one.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Term } from "../../raft/types.ts";
import type { HistoryFact, WrittenEntry } from "../history.ts";
import { commitBacked } from "./commit_backed.ts";
import { electionSafety } from "./election_safety.ts";
import {
  acknowledged,
  applied,
  cut,
  entry,
  findingOf,
  firstConfig,
  historyOf,
  leads,
  MAJORITY_POLICY,
  term,
  wrote,
} from "./history_fixture.ts";
import { leaderCompleteness } from "./leader_completeness.ts";
import { leaseSafety } from "./lease_safety.ts";
import { logMatching } from "./log_matching.ts";
import { noTruncation } from "./no_truncation.ts";
import { oneView } from "./one_view.ts";
import { persistOrder } from "./persist_order.ts";
import { stateMachineSafety } from "./state_machine_safety.ts";

const two = entry(2, term(1));

function founded(...nodes: string[]): HistoryFact[] {
  return nodes.map((node) => wrote(node, firstConfig(...nodes)));
}

Deno.test("CommitBacked: an acknowledgement needs the entry on every voter's disk", () => {
  const good = [
    ...founded("n1", "n2"),
    wrote("n1", two),
    wrote("n2", two),
    acknowledged("n1", 2, term(1)),
  ];
  assert.equal(findingOf(commitBacked, historyOf(good)), null);
  const bad = [...founded("n1", "n2"), wrote("n1", two), acknowledged("n1", 2, term(1))];
  assert.match(findingOf(commitBacked, historyOf(bad))!, /on disk at \{n1\}/);
});

Deno.test("CommitBacked: under majority more than half is needed, and enough", () => {
  const three = founded("n1", "n2", "n3");
  const history = (facts: HistoryFact[]) => historyOf(facts, { policy: MAJORITY_POLICY });
  const good = [...three, wrote("n1", two), wrote("n3", two), acknowledged("n1", 2, term(1))];
  assert.equal(findingOf(commitBacked, history(good)), null);
  const bad = [...three, wrote("n1", two), acknowledged("n1", 2, term(1))];
  assert.notEqual(findingOf(commitBacked, history(bad)), null);
});

Deno.test("CommitBacked: a config that its voters do not have backs nothing", () => {
  const drop = entry(3, term(1), { voters: ["n1"] });
  const bad = [
    ...founded("n1", "n2"),
    wrote("n1", two),
    acknowledged("n1", 2, term(1)),
    wrote("n1", drop),
  ];
  assert.notEqual(findingOf(commitBacked, historyOf(bad)), null);
  const good = [...founded("n1", "n2"), wrote("n1", two, drop), acknowledged("n1", 2, term(1))];
  assert.equal(findingOf(commitBacked, historyOf(good)), null);
});

Deno.test("CommitBacked: a pending config needs a quorum of the one committed before it", () => {
  const first = firstConfig("n1", "n2");
  const left = entry(2, term(2, "n2"), { voters: ["n2"] });
  const before = [...founded("n1", "n2"), applied("n2", first), wrote("n2", left)];
  const bad = [...before, applied("n2", left)];
  assert.match(findingOf(commitBacked, historyOf(bad))!, /no quorum of \{n1,n2\} at 1/);
  const good = [...before, wrote("n1", left), applied("n2", left)];
  assert.equal(findingOf(commitBacked, historyOf(good)), null);
});

Deno.test("CommitBacked: what commits at once is applied one batch after the other", () => {
  const first = firstConfig("n1", "n2", "n3", "n4");
  const [two, three] = [
    entry(2, term(1), { voters: ["n1", "n2", "n3"] }),
    entry(3, term(1), { voters: ["n1", "n4"] }),
  ];
  const logs = ["n1", "n4"].flatMap((id) => [wrote(id, first), wrote(id, two, three)]);
  const parts = [applied("n1", two, { commitIndex: 3 }), applied("n1", three)];
  const good = [...logs, applied("n1", first), ...parts];
  assert.equal(findingOf(commitBacked, historyOf(good)), null);
  const bad = [...logs, applied("n1", first), applied("n1", two), applied("n1", three)];
  assert.match(findingOf(commitBacked, historyOf(bad))!, /no quorum of \{n1,n2,n3\} at 2/);
});

Deno.test("CommitBacked: a last resort needs no quorum of the config before it", () => {
  const first = firstConfig("n1", "n2");
  const alone = entry(2, term(2, "n2"), { voters: ["n2"], marked: true });
  const good = [...founded("n1", "n2"), applied("n2", first), wrote("n2", alone)];
  assert.equal(findingOf(commitBacked, historyOf([...good, applied("n2", alone)])), null);
});

Deno.test("CommitBacked: a config of another side of a fork was not before one of this side", () => {
  const first = firstConfig("n1", "n2");
  const alone = entry(2, term(2, "n2"), { voters: ["n2"], marked: true });
  const here = entry(3, term(2, "n2"), { voters: ["n2", "n3"] });
  const there = entry(2, term(1), { voters: ["n1", "n4"] });
  const sides = [
    ...founded("n1", "n2"),
    applied("n2", first),
    wrote("n1", there),
    wrote("n4", first, there),
    applied("n1", there),
    wrote("n2", alone),
    wrote("n2", here),
    wrote("n3", first, alone, here),
  ];
  const parted: HistoryFact = { kind: "partitioned" };
  assert.equal(findingOf(commitBacked, historyOf([parted, ...sides, applied("n2", here)])), null);
  // Without a fork there is one history.
  const whole = historyOf([...sides, applied("n2", here)]);
  assert.match(findingOf(commitBacked, whole)!, /no quorum of \{n1,n4\} at 2/);
});

Deno.test("CommitBacked: what was committed may be applied after the other voter gave in to a side", () => {
  const committed: HistoryFact = {
    kind: "written",
    node: "n1",
    batches: [{ entries: [], commitIndex: 2 }],
  };
  // Of what was no command, it had not been told yet that it is committed.
  const gaveIn = cut("n2", 2, entry(2, term(7, "n3")));
  const before: HistoryFact[] = [
    { kind: "partitioned" },
    ...founded("n1", "n2"),
    wrote("n1", two),
    wrote("n2", two),
  ];
  const good = [...before, committed, gaveIn, applied("n1", two)];
  assert.equal(findingOf(commitBacked, historyOf(good)), null);
  const bad = [...before, gaveIn, committed, applied("n1", two)];
  assert.match(findingOf(commitBacked, historyOf(bad))!, /n1 applies 2 .* on disk at \{n1\}/);
});

Deno.test("CommitBacked: what is applied is on a commit set's disks before anybody is told", () => {
  const three = founded("n1", "n2", "n3");
  const history = (facts: HistoryFact[]) => historyOf(facts, { policy: MAJORITY_POLICY });
  const good = [...three, wrote("n1", two), wrote("n3", two), applied("n1", two)];
  assert.equal(findingOf(commitBacked, history(good)), null);
  const bad = [...three, wrote("n1", two), applied("n1", two)];
  assert.match(findingOf(commitBacked, history(bad))!, /n1 applies 2 .* on disk at \{n1\}/);
});

Deno.test("CommitBacked: a leader counts no entry of an older term without one of its own", () => {
  const noop = entry(3, term(2, "n2"));
  const before = [
    ...founded("n1", "n2", "n3"),
    wrote("n1", two),
    wrote("n2", two, noop),
    leads("n2", term(2, "n2"), 1),
    wrote("n3", two),
  ];
  const history = (facts: HistoryFact[]) => historyOf(facts, { policy: MAJORITY_POLICY });
  const bad = history([...before, applied("n2", two)]);
  assert.match(findingOf(commitBacked, bad)!, /n2 applies 2 .*may have told of it \(0\.2@n2\)/);
  const good = history([...before, wrote("n3", noop), applied("n2", two)]);
  assert.equal(findingOf(commitBacked, good), null);
  // What it was told before it led was counted by another.
  const told = before.map((fact) => fact.kind === "role" ? { ...fact, commitIndex: 2 } : fact);
  const follows = {
    kind: "role",
    node: "n2",
    role: "follower",
    ready: true,
    commitIndex: 1,
  } as const;
  const earlier = { ...follows, term: term(1) };
  assert.equal(findingOf(commitBacked, history([earlier, ...told, applied("n2", two)])), null);
});

Deno.test("PersistOrder: a commit that passes a config is on disk before it is applied", () => {
  const first = firstConfig("n1");
  const drop = entry(2, term(1), { voters: ["n1"] });
  const commits: HistoryFact = {
    kind: "written",
    node: "n1",
    batches: [{ entries: [], commitIndex: 2 }],
  };
  const founding: HistoryFact = {
    kind: "written",
    node: "n1",
    batches: [{ entries: [first, drop], commitIndex: 1 }],
  };
  assert.match(
    findingOf(persistOrder, historyOf([founding, applied("n1", drop)]))!,
    /n1 applies the config at 2, and its disk says that 1 is committed/,
  );
  assert.equal(findingOf(persistOrder, historyOf([founding, commits, applied("n1", drop)])), null);
});

Deno.test("PersistOrder: a vote is told when its promise is on the disk", () => {
  const granted: HistoryFact = { kind: "granted", node: "n1", term: term(2, "n2") };
  const promises = (of: Term): HistoryFact => ({
    kind: "written",
    node: "n1",
    batches: [{ entries: [], promised: of }],
  });
  assert.notEqual(findingOf(persistOrder, historyOf([granted])), null);
  const old = historyOf([promises(term(1)), granted]);
  assert.match(findingOf(persistOrder, old)!, /does not promise/);
  assert.equal(findingOf(persistOrder, historyOf([promises(term(2, "n2")), granted])), null);
});

Deno.test("PersistOrder: a config is on its leader's disk before it is on another", () => {
  const config = entry(2, term(1), { voters: ["n1", "n2"] });
  const good = [...founded("n1", "n2"), wrote("n1", config), wrote("n2", config)];
  assert.equal(findingOf(persistOrder, historyOf(good)), null);
  const bad = [...founded("n1", "n2"), wrote("n2", config)];
  assert.match(findingOf(persistOrder, historyOf(bad))!, /before its leader/);
});

Deno.test("ElectionSafety: a term is led by its candidate, in one start", () => {
  const good = [leads("n1", term(1)), leads("n2", term(2, "n2")), leads("n1", term(3))];
  assert.equal(findingOf(electionSafety, historyOf(good)), null);
  assert.match(findingOf(electionSafety, historyOf([leads("n2", term(1))]))!, /n2 leads/);
  const twice: HistoryFact[] = [
    { kind: "started", node: "n1" },
    leads("n1", term(2)),
    { kind: "started", node: "n1" },
    leads("n1", term(2)),
  ];
  assert.match(findingOf(electionSafety, historyOf(twice))!, /start 1 and n1, start 2/);
});

Deno.test("LeaderCompleteness: a leader has what was acknowledged in earlier terms", () => {
  const before = [wrote("n1", firstConfig("n1"), two), acknowledged("n1", 2, term(1))];
  const bad = [...before, wrote("n2", firstConfig("n1")), leads("n2", term(2, "n2"))];
  assert.match(findingOf(leaderCompleteness, historyOf(bad))!, /without request-2/);
  const good = [...before, wrote("n2", firstConfig("n1"), two), leads("n2", term(2, "n2"))];
  assert.equal(findingOf(leaderCompleteness, historyOf(good)), null);
});

Deno.test("OneView: an old leader acknowledges late only what the new one has", () => {
  const other = entry(2, term(2, "n2"));
  const both = [wrote("n1", firstConfig("n1"), two), wrote("n2", firstConfig("n1"), other)];
  const bad = [...both, acknowledged("n2", 2, term(2, "n2")), acknowledged("n1", 2, term(1))];
  assert.match(findingOf(oneView, historyOf(bad))!, /after n2/);
  const late = [
    wrote("n1", firstConfig("n1"), two),
    wrote("n2", firstConfig("n1"), two, entry(3, term(2, "n2"))),
    acknowledged("n2", 3, term(2, "n2")),
    acknowledged("n1", 2, term(1)),
  ];
  assert.equal(findingOf(oneView, historyOf(late)), null);
});

Deno.test("OneView: a new leader acknowledges nothing before it has what an older one has", () => {
  const other = entry(2, term(2, "n2"));
  const both = [wrote("n1", firstConfig("n1"), two), wrote("n2", firstConfig("n1"), other)];
  const bad = [...both, acknowledged("n1", 2, term(1)), acknowledged("n2", 2, term(2, "n2"))];
  assert.match(findingOf(oneView, historyOf(bad))!, /without request-2, which n1/);
});

Deno.test("LogMatching: one place, one entry; one entry, one past", () => {
  const good = [wrote("n1", firstConfig("n1"), two), wrote("n2", firstConfig("n1"), two)];
  assert.equal(findingOf(logMatching, historyOf(good)), null);
  const other = { ...two, checksum: "other" };
  const place = [wrote("n1", firstConfig("n1"), two), wrote("n2", firstConfig("n1"), other)];
  assert.match(findingOf(logMatching, historyOf(place))!, /n2 has another entry/);
  const past = [
    wrote("n1", firstConfig("n1"), two),
    wrote("n2", { ...firstConfig("n1"), term: term(0), checksum: "other" }, two),
  ];
  assert.match(findingOf(logMatching, historyOf(past))!, /what precedes/);
});

Deno.test("LogMatching: a snapshot's place has the config that is in force there", () => {
  const drop = entry(3, term(1), { voters: ["n1"] });
  const log = wrote("n1", firstConfig("n1", "n2"), two, drop);
  const installs = (voters: string[]): HistoryFact => ({
    kind: "written",
    node: "n2",
    batches: [{ installed: { ...two, voters }, entries: [] }],
  });
  assert.equal(findingOf(logMatching, historyOf([log, installs(["n1", "n2"])])), null);
  const early = historyOf([log, installs(["n1"])]);
  assert.match(findingOf(logMatching, early)!, /n2 begins at 2 .* with another config/);
});

Deno.test("NoTruncation: what follows a snapshot's place on the same history stays", () => {
  const three = entry(3, term(1));
  const before = [wrote("n1", firstConfig("n1"), two, three), applied("n1", three)];
  const installs = (...kept: WrittenEntry[]): HistoryFact => ({
    kind: "written",
    node: "n1",
    batches: [{ installed: { ...two, voters: ["n1"] }, entries: kept }],
  });
  assert.equal(findingOf(noTruncation, historyOf([...before, installs(three)])), null);
  assert.match(findingOf(noTruncation, historyOf([...before, installs()]))!, /removes entry 3/);
});

Deno.test("NoTruncation: what anybody has applied is never removed", () => {
  const before = [wrote("n1", firstConfig("n1"), two), wrote("n2", firstConfig("n1"), two)];
  const bad = [...before, applied("n1", two), cut("n2", 2)];
  assert.match(findingOf(noTruncation, historyOf(bad))!, /n2 removes entry 2/);
  assert.equal(findingOf(noTruncation, historyOf([...before, cut("n2", 2)])), null);
});

Deno.test("StateMachineSafety: one entry and one outcome an index, from one's own disk", () => {
  const before = [wrote("n1", firstConfig("n1"), two), wrote("n2", firstConfig("n1"), two)];
  const first = ["n1", "n2"].map((node) => applied(node, firstConfig("n1")));
  const check = (...facts: HistoryFact[]) =>
    findingOf(stateMachineSafety, historyOf([...before, ...first, ...facts]));
  assert.equal(check(applied("n1", two), applied("n2", two)), null);
  assert.match(
    check(applied("n1", two), applied("n2", two, { outcome: "refused" }))!,
    /comes to refused/,
  );
  assert.match(
    check(applied("n1", two), applied("n2", { ...two, checksum: "x" }))!,
    /another entry/,
  );
  assert.match(check(applied("n1", entry(3, term(1))))!, /not on its disk/);
});

Deno.test("StateMachineSafety: one entry after the other, but for a start and a snapshot", () => {
  const at = (index: number) => entry(index, term(1));
  const before = [wrote("n1", firstConfig("n1"), at(2), at(3), at(4))];
  const check = (...facts: HistoryFact[]) =>
    findingOf(stateMachineSafety, historyOf([...before, ...facts]));
  const some = [1, 2, 3].map((index) => applied("n1", at(index)));
  assert.equal(check(...some, applied("n1", at(4))), null);
  assert.match(check(...some, applied("n1", at(3)))!, /applies 3 where 4 is next/);
  assert.match(check(applied("n1", at(2)))!, /applies 2 where 1 is next/);
  assert.equal(check(...some, { kind: "started", node: "n1" }, applied("n1", at(2))), null);
  const installed: HistoryFact = {
    kind: "written",
    node: "n1",
    batches: [{ installed: firstConfig("n1"), entries: [at(2)] }],
  };
  assert.equal(check(installed, applied("n1", at(2))), null);
});

Deno.test("LeaseSafety: nobody is certain who lacks an acknowledged entry", () => {
  const before = [wrote("n1", firstConfig("n1"), two), acknowledged("n1", 2, term(1))];
  const certain: HistoryFact = { kind: "certain", node: "n2" };
  const bad = [...before, wrote("n2", firstConfig("n1")), certain];
  assert.match(findingOf(leaseSafety, historyOf(bad))!, /n2 is certain without request-2/);
  const good = [...before, wrote("n2", firstConfig("n1"), two), certain];
  assert.equal(findingOf(leaseSafety, historyOf(good)), null);
});
