/**
 * Hand-made histories for the tests of the checkers: short to write, one fact a line.
 *
 * @module
 */

import type { Outcome } from "../../chat/command.ts";
import type { Index, NodeId, Policy, Term } from "../../raft/types.ts";
import type { FinalState, History, HistoryFact, WrittenEntry } from "../history.ts";
import { type Checker, checkHistory, type ViolationKind } from "./checker.ts";

export const ALL_POLICY: Policy = {
  quorum: "all",
  lastResort: true,
  heartbeatMs: 100,
  failureTimeoutMs: 1_000,
  isolationGraceMs: 3_000,
};
export const MAJORITY_POLICY: Policy = { ...ALL_POLICY, quorum: "majority", lastResort: false };

/** Term number n of node `n1` unless another is named. */
export function term(number: number, nodeId: NodeId = "n1"): Term {
  return { epoch: 0, number, nodeId };
}

/** An entry whose checksum follows from its place, as all of one history do. */
export function entry(index: Index, of: Term, more: Partial<WrittenEntry> = {}): WrittenEntry {
  return { index, term: of, checksum: `${index}/${of.number}${of.nodeId}`, ...more };
}

/** The first entry: a config with these voters. */
export function firstConfig(...voters: NodeId[]): WrittenEntry {
  return entry(1, term(1), { voters });
}

export function wrote(node: NodeId, ...entries: WrittenEntry[]): HistoryFact {
  return { kind: "written", node, batches: [{ entries }] };
}

export function cut(node: NodeId, truncateFrom: Index, ...entries: WrittenEntry[]): HistoryFact {
  return { kind: "written", node, batches: [{ truncateFrom, entries }] };
}

export function acknowledged(node: NodeId, index: Index, of: Term): HistoryFact {
  return { kind: "acknowledged", node, requestId: `request-${index}`, index, term: of };
}

export function leads(node: NodeId, of: Term, commitIndex = 0): HistoryFact {
  return { kind: "role", node, role: "leader", term: of, ready: true, commitIndex };
}

export function applied(
  node: NodeId,
  one: WrittenEntry,
  { outcome = "ok", commitIndex = one.index } = {},
): HistoryFact {
  const { index, term: of, checksum } = one;
  return { kind: "applied", node, entries: [{ index, term: of, checksum, outcome }], commitIndex };
}

export function final(node: NodeId, appliedIndex: Index, digest: string): HistoryFact {
  return { kind: "final", node, appliedIndex, digest, member: true, excused: false };
}

export const ACCEPTED: HistoryFact = { kind: "accepted" };
export const ACCEPTED_THROUGH: HistoryFact = { kind: "acceptedThrough", node: "n1" };
export const HEALED: HistoryFact = { kind: "healed" };

/** What came of a sending, as a client is told. */
export function sent(id: string, index: Index): Outcome {
  return { ok: true, kind: "sendMessage", messageId: id, index, term: term(1), acceptedAtMs: 0 };
}

/** A node's state in the end with nothing in it but what is named. */
export function finalState(node: NodeId, more: Partial<FinalState> = {}): FinalState {
  return {
    node,
    outcomes: new Map(),
    messages: new Map(),
    received: [],
    sessions: new Map(),
    sessionEnds: new Map(),
    adminTokenHash: null,
    accounts: new Map(),
    salvaged: new Set(),
    acknowledged: new Set(),
    ...more,
  };
}

/** A history of these facts, a millisecond apart. */
export function historyOf(facts: readonly HistoryFact[], more: Partial<History> = {}): History {
  return {
    policy: ALL_POLICY,
    events: facts.map((fact, at) => ({ at, ...fact })),
    finals: [],
    unanswered: 0,
    judgeLiveness: true,
    ...more,
  };
}

/** What one checker finds: the text of its violation, or `null`. */
export function findingOf(checker: Checker, history: History): string | null {
  return checkHistory(history, [checker]).violations[0]?.message ?? null;
}

/** Of which kind the first violation is that one checker finds. */
export function kindOf(checker: Checker, history: History): ViolationKind | null {
  return checkHistory(history, [checker]).violations[0]?.kind ?? null;
}
