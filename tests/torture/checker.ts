/**
 * The judgement of a torture run: what clients were told against what every node has, and what
 * subscribers were handed. Owns the comparison alone; it reads from nobody, so that each kind of
 * violation can be planted and must be found.
 *
 * @module
 */

import { historyProblems, type SeenMessage } from "../cluster/history.ts";
import type { AccountFact, SentMessage, SessionFact, Stream } from "./record.ts";

/** A message as a node has it. */
export interface KeptMessage extends SeenMessage {
  readonly to: string;
}

/** What one node says, asked through its own client port. */
export interface NodeView {
  /** All messages of the writers, in the order of the log. */
  readonly messages: readonly KeptMessage[];
  /** Names of all accounts. */
  readonly users: ReadonlySet<string>;
  /** Tokens that it takes. */
  readonly sessions: ReadonlySet<string>;
  readonly digest: string;
}

/** Everything that is known at the end. */
export interface Evidence {
  readonly sent: readonly SentMessage[];
  readonly streams: readonly Stream[];
  readonly accounts: readonly AccountFact[];
  readonly sessions: readonly SessionFact[];
  /** By the node's id. */
  readonly views: ReadonlyMap<string, NodeView>;
}

/** Everything that breaks a promise, in words; empty if nothing does. */
export function violations(evidence: Evidence): readonly string[] {
  return [
    ...messageViolations(evidence),
    ...orderViolations(evidence.sent),
    ...streamViolations(evidence),
    ...[...evidence.views].flatMap(([node, view]) => peopleViolations(node, { view, evidence })),
    ...digestViolations(evidence.views),
  ];
}

/** Each acknowledged one everywhere, once, the same; each refused one nowhere. */
function messageViolations({ sent, views }: Evidence): readonly string[] {
  const refused = new Set(sent.filter((one) => one.outcome === "refused").map(({ id }) => id));
  const acknowledged = sent.filter((one) => one.outcome === "acknowledged");
  const written = {
    // By number: a message that was asked for again may be acknowledged long after the next one.
    acknowledged: acknowledged.toSorted((left, right) => left.seq - right.seq),
    unanswered: sent
      .filter(({ outcome }) => outcome === "indefinite" || outcome === "open")
      .map(({ id }) => id),
  };
  const histories = new Map<string, readonly SeenMessage[]>();
  const problems: string[] = [];
  for (const [node, { messages }] of views) {
    histories.set(node, messages.filter(({ id }) => !refused.has(id)));
    for (const { id } of messages) {
      if (refused.has(id)) problems.push(`${node} has ${id}, which was refused`);
    }
  }
  return [...problems, ...historyProblems(written, histories)];
}

/** What was sent after something was acknowledged, to whomever, comes after it in the log. */
function orderViolations(sent: readonly SentMessage[]): readonly string[] {
  const acknowledged = sent.filter((one) => one.outcome === "acknowledged");
  const answered = acknowledged.toSorted((left, right) => left.answeredMs - right.answeredMs);
  const problems: string[] = [];
  let place = 0;
  let newest: SentMessage | undefined;
  for (const message of acknowledged.toSorted((left, right) => left.sentMs - right.sentMs)) {
    for (let next = answered[place]; next !== undefined && next.answeredMs < message.sentMs;) {
      if (newest === undefined || next.seq > newest.seq) newest = next;
      next = answered[++place];
    }
    if (newest === undefined || newest.seq < message.seq) continue;
    problems.push(
      `${message.id} is number ${message.seq}, but it was sent after ${newest.id} had been ` +
        `acknowledged as ${newest.seq}`,
    );
  }
  return problems;
}

/** Each message to a receiver once, in the order of the log, none left out. */
function streamViolations({ streams, views }: Evidence): readonly string[] {
  const [view] = views.values();
  if (view === undefined) return [];
  return streams.flatMap(({ receiver, received }) => {
    const expected = view.messages.filter(({ to }) => to === receiver);
    const problems: string[] = [];
    const seen = new Set<string>();
    let newest = 0;
    for (const { id, seq } of received) {
      if (seen.has(id)) problems.push(`${receiver} was handed ${id} again`);
      else if (seq <= newest) problems.push(`${receiver} was handed ${id} out of order`);
      seen.add(id);
      newest = Math.max(newest, seq);
    }
    const known = new Set(expected.map(({ id }) => id));
    for (const { id } of expected) {
      if (!seen.has(id)) problems.push(`${receiver} was never handed ${id}`);
    }
    for (const id of seen) {
      if (!known.has(id)) problems.push(`${receiver} was handed ${id}, which is not there`);
    }
    return problems;
  });
}

/** Accounts and sessions are there, or gone, as their owners were told. */
function peopleViolations(
  node: string,
  { view, evidence }: { readonly view: NodeView; readonly evidence: Evidence },
): readonly string[] {
  const problems: string[] = [];
  for (const { name, state } of evidence.accounts) {
    const isThere = view.users.has(name);
    if (state === "there" && !isThere) problems.push(`${node} lacks the account ${name}`);
    if (state === "gone" && isThere) problems.push(`${node} has ${name}, which is gone`);
  }
  for (const { user, token, state } of evidence.sessions) {
    const isOpen = view.sessions.has(token);
    if (state === "open" && !isOpen) problems.push(`${node} refuses a session of ${user}`);
    if (state === "ended" && isOpen) problems.push(`${node} takes an ended session of ${user}`);
  }
  return problems;
}

function digestViolations(views: Evidence["views"]): readonly string[] {
  const digests = new Set([...views.values()].map(({ digest }) => digest));
  if (digests.size <= 1) return [];
  const told = [...views].map(([node, { digest }]) => `${node} ${digest.slice(0, 12)}`);
  return [`digests differ: ${told.join(", ")}`];
}
