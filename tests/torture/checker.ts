/**
 * The judgement of a torture run: what clients were told against what every node has, and what
 * subscribers were handed. Owns the comparison alone; it reads from nobody, so that each kind of
 * violation can be planted and must be found.
 *
 * @module
 */

import { historyProblems, type SeenMessage } from "../cluster/history.ts";
import {
  type AccountFact,
  isParted,
  type Parting,
  type SentMessage,
  type SessionFact,
  type Stream,
} from "./record.ts";

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
  /** Requests that one side of a partition had done and the other could not take over. */
  readonly setAside: ReadonlySet<string>;
  readonly digest: string;
}

/** Everything that is known at the end. */
export interface Evidence {
  readonly sent: readonly SentMessage[];
  /** When two sides may both have gone on. */
  readonly partings: readonly Parting[];
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
    ...orderViolations(evidence),
    ...streamViolations(evidence),
    ...[...evidence.views].flatMap(([node, view]) => peopleViolations(node, { view, evidence })),
    ...digestViolations(evidence.views),
  ];
}

/** Messages that are now at another place than they were acknowledged at: a side handed them over. */
export function movedCount({ sent, views }: Pick<Evidence, "sent" | "views">): number {
  const [view] = views.values();
  const places = new Map(view?.messages.map(({ id, seq }) => [id, seq]));
  return sent.filter(({ id, outcome, seq }) =>
    outcome === "acknowledged" && places.has(id) && places.get(id) !== seq
  ).length;
}

/**
 * Each acknowledged one everywhere, once, the same; each refused one nowhere. What a side of a
 * partition acknowledged may be set aside instead, on every node.
 */
function messageViolations({ sent, partings, views }: Evidence): readonly string[] {
  const refused = new Set(sent.filter((one) => one.outcome === "refused").map(({ id }) => id));
  const parted = new Set(
    sent.filter((message) => isParted(message, partings)).map(({ id }) => id),
  );
  const setAside = sent.filter(({ id }) =>
    parted.has(id) && [...views.values()].every((view) => view.setAside.has(id))
  );
  for (const { id } of setAside) refused.add(id);
  const acknowledged = sent.filter(({ id, outcome }) =>
    outcome === "acknowledged" && !refused.has(id)
  );
  const written = {
    moved: parted,
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
      if (refused.has(id)) problems.push(`${node} has ${id}, which was refused or set aside`);
    }
  }
  for (const { id, seq, otherSeqs } of sent) {
    if (otherSeqs.length === 0 || parted.has(id)) continue;
    problems.push(`${id} was acknowledged as ${seq} and as ${otherSeqs.join(", ")}`);
  }
  return [...problems, ...historyProblems(written, histories)];
}

/** What was sent after something was acknowledged, to whomever, comes after it in the log. */
function orderViolations({ sent, partings }: Evidence): readonly string[] {
  const acknowledged = sent.filter((one) =>
    one.outcome === "acknowledged" && !isParted(one, partings)
  );
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
function streamViolations({ sent, partings, streams, views }: Evidence): readonly string[] {
  const [view] = views.values();
  if (view === undefined) return [];
  const parted = new Set(
    sent.filter((message) => isParted(message, partings)).map(({ id }) => id),
  );
  return streams.flatMap(({ receiver, received }) => {
    const expected = view.messages.filter(({ to }) => to === receiver);
    const problems: string[] = [];
    const seen = new Set<string>();
    let newest = 0;
    for (const { id, seq } of received) {
      if (seen.has(id)) {
        problems.push(`${receiver} was handed ${id} again`);
        continue;
      }
      seen.add(id);
      if (parted.has(id)) continue;
      if (seq <= newest) problems.push(`${receiver} was handed ${id} out of order`);
      newest = Math.max(newest, seq);
    }
    const known = new Set([...expected.map(({ id }) => id), ...view.setAside]);
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
