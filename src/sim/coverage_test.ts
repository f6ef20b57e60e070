/**
 * Coverage: which states the facts of a history show, and what is counted as hit.
 *
 * @module
 */

import assert from "node:assert/strict";
import { addCoverage, type Coverage, coverageOf, type CoverageSum } from "./coverage.ts";
import {
  applied,
  entry,
  firstConfig,
  HEALED,
  leads,
  term,
  wrote,
} from "./checkers/history_fixture.ts";
import type { HistoryFact, InjectedFault } from "./history.ts";

const started = (node: string): HistoryFact => ({ kind: "started", node });
const crashed = (node: string): HistoryFact => ({ kind: "crashed", node, during: null });
const follows = (node: string): HistoryFact => (
  { kind: "role", node, role: "follower", term: term(1), ready: true, commitIndex: 0 }
);
const learns = (node: string): HistoryFact => (
  { kind: "role", node, role: "learner", term: term(1), ready: false, commitIndex: 0 }
);
const campaigns = (node: string): HistoryFact => (
  { kind: "role", node, role: "candidate", term: term(2, node), ready: false, commitIndex: 0 }
);
const snapshot = (node: string, from: string, running: boolean): HistoryFact => (
  { kind: "snapshot", node, from, running }
);
function fault(kind: string, nodes: string[] = [], ms = 0): HistoryFact {
  const injected: InjectedFault = { kind, nodes, ms };
  return { kind: "fault", text: "", node: null, injected };
}

/** Two nodes, one of which leads, and nothing going on. */
const steady = [
  started("n1"),
  started("n2"),
  wrote("n1", firstConfig("n1", "n2")),
  wrote("n2", firstConfig("n1", "n2")),
  applied("n1", firstConfig("n1", "n2")),
  leads("n1", term(1)),
  follows("n2"),
];

/** Of these facts, one ms apart: kind, state, and how often in the cluster and at the node. */
function cells(...facts: HistoryFact[]): string[] {
  const coverage = coverageOf(facts.map((fact, at) => ({ at, ...fact })));
  return Object.entries(coverage).flatMap(([kind, row]) =>
    Object.entries(row).map(([state, { cluster, node }]) => `${kind} ${state} ${cluster}/${node}`)
  );
}

Deno.test("coverage: a fault hits the state that was before it, of the cluster and of its node", () => {
  assert.deepEqual(cells(...steady, fault("reset", ["n2"])), ["reset steady 1/1"]);
  assert.deepEqual(cells(...steady, crashed("n2")), ["crash steady 1/1"]);
  const learning = [...steady, started("n3"), learns("n3")];
  assert.deepEqual(cells(...learning, crashed("n3")), ["crash join 1/1"]);
  assert.deepEqual(cells(...learning, crashed("n2")), ["crash join 1/0"]);
});

Deno.test("coverage: what a fault brings about at its own moment is not what it hit", () => {
  const facts = [...steady, started("n3"), fault("join", ["n3"])];
  const events = facts.map((fact, at) => ({ at: Math.min(at, steady.length), ...fact }));
  assert.deepEqual(coverageOf(events), { join: { steady: { cluster: 1, node: 0 } } });
});

Deno.test("coverage: without a leader there is an election, and candidates are in it", () => {
  const gone = [...steady, crashed("n1")];
  assert.deepEqual(cells(...gone, fault("reset", ["n2"])).slice(1), ["reset election 1/0"]);
  const facts = [...gone, campaigns("n2"), fault("reset", ["n2"])];
  assert.deepEqual(cells(...facts).slice(1), ["reset election 1/1"]);
});

Deno.test("coverage: a config is pending until anybody knows it to be committed", () => {
  const config = entry(2, term(1), { voters: ["n1"] });
  const pending = [...steady, wrote("n1", config)];
  assert.deepEqual(cells(...pending, fault("reset", ["n1"])), ["reset config 1/1"]);
  assert.deepEqual(cells(...pending, fault("reset", ["n2"])), ["reset config 1/0"]);
  const committed = [...pending, applied("n1", config)];
  assert.deepEqual(cells(...committed, fault("reset", ["n1"])), ["reset steady 1/1"]);
  const cut: HistoryFact = {
    kind: "written",
    node: "n1",
    batches: [{ truncateFrom: 2, entries: [] }],
  };
  assert.deepEqual(cells(...pending, cut, fault("reset", ["n1"])), ["reset steady 1/1"]);
});

Deno.test("coverage: a snapshot is of who takes it in and of who gives it", () => {
  const fetching = [...steady, snapshot("n2", "n1", true)];
  assert.deepEqual(cells(...fetching, crashed("n1")), ["crash snapshot 1/1"]);
  assert.deepEqual(cells(...fetching, crashed("n2")), ["crash snapshot 1/1"]);
  const over = [...fetching, snapshot("n2", "n1", false)];
  assert.deepEqual(cells(...over, crashed("n2")), ["crash steady 1/1"]);
});

Deno.test("coverage: a hand-over is of who gives in and of whom it gives in to", () => {
  const handOver = (running: boolean): HistoryFact => (
    { kind: "handOver", node: "n2", to: "n1", running }
  );
  const healing = [...steady, handOver(true)];
  assert.deepEqual(cells(...healing, crashed("n1")), ["crash healing 1/1"]);
  assert.deepEqual(cells(...healing, crashed("n2")), ["crash healing 1/1"]);
  assert.deepEqual(cells(...healing, handOver(false), crashed("n2")), ["crash steady 1/1"]);
  const dead = [...healing, crashed("n2"), fault("reset", ["n1"])];
  assert.deepEqual(cells(...dead).slice(1), ["reset steady 1/1"]);
});

Deno.test("coverage: a transfer and a removal last until they are settled, a leave until its end", () => {
  const settled = (what: "transfer" | "remove"): HistoryFact => ({
    kind: "settled",
    what,
    node: "n2",
  });
  for (const [what, state] of [["transfer", "transfer"], ["remove", "leaving"]] as const) {
    const asked = [...steady, fault(what, ["n2"])];
    assert.deepEqual(cells(...asked, crashed("n2")).slice(1), [`crash ${state} 1/1`]);
    assert.deepEqual(cells(...asked, settled(what), crashed("n2")).slice(1), ["crash steady 1/1"]);
  }
  const leaving = [...steady, fault("leave", ["n2"])];
  assert.deepEqual(cells(...leaving, fault("reset", ["n1"])).slice(1), ["reset leaving 1/0"]);
  const left: HistoryFact = { kind: "left", node: "n2" };
  assert.deepEqual(cells(...leaving, left, fault("reset", ["n1"])).slice(1), ["reset steady 1/1"]);
});

Deno.test("coverage: a fault that lasts hits each state that it meets, once", () => {
  const facts = [
    ...steady,
    fault("slow", ["n2"], 3),
    campaigns("n2"),
    follows("n2"),
    campaigns("n2"),
  ];
  assert.deepEqual(cells(...facts), ["slow steady 1/1", "slow election 1/1"]);
  const late = [...steady, fault("slow", ["n2"], 3), follows("n2"), HEALED, campaigns("n2")];
  assert.deepEqual(cells(...late), ["slow steady 1/1"]);
  const over = [...steady, fault("slow", ["n2"], 1), follows("n2"), campaigns("n2")];
  assert.deepEqual(cells(...over), ["slow steady 1/1"]);
  const jump = [...steady, fault("clockJump", ["n2"], 9), campaigns("n2")];
  assert.deepEqual(cells(...jump), ["clockJump steady 1/1"]);
});

Deno.test("coverage: what was left out, and a node that stops itself, hit nothing", () => {
  const leftOut: HistoryFact = { kind: "fault", text: "", node: null, injected: null };
  assert.deepEqual(cells(...steady, leftOut), []);
  const events = [...steady, { kind: "fatal", node: "n1", message: "" } as const, crashed("n1")]
    .map((fact, at) => ({ at: Math.min(at, steady.length), ...fact }));
  assert.deepEqual(coverageOf(events), {});
});

Deno.test("coverage: one is added to a sum cell by cell", () => {
  const sum: CoverageSum = { crash: { join: { cluster: 2, node: 1 } } };
  const other: Coverage = {
    crash: { join: { cluster: 3, node: 0 }, steady: { cluster: 1, node: 1 } },
    slow: { config: { cluster: 1, node: 0 } },
  };
  addCoverage(sum, other);
  assert.deepEqual(sum, {
    crash: { join: { cluster: 5, node: 1 }, steady: { cluster: 1, node: 1 } },
    slow: { config: { cluster: 1, node: 0 } },
  });
});
