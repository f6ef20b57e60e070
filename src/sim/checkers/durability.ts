/**
 * `Durability`: every command that a client was told of is in every member's database exactly
 * once, with the outcome that the client was told; and a message whose sending is accepted there
 * is, from whom it is, to whom it was sent, with its text and the time that its outcome names. A
 * session that is open ends no sooner than its users were told, and the admin token is the one that
 * was set last (`kept.ts`).
 *
 * @module
 */

import type { Outcome, PlainCommand } from "../../chat/command.ts";
import type { FinalState, History } from "../history.ts";
import { type Checker, isForked, type Report } from "./checker.ts";
import { compareAdminToken, compareSessionEnds } from "./kept.ts";

export const durability: Checker = {
  name: "Durability",
  holdsAcrossForks: true,
  begin(whole) {
    const forked = isForked(whole);
    return {
      onEnd(history, report) {
        // Until writes are accepted a member may have yet to learn what was committed.
        if (!history.events.some(({ kind }) => kind === "accepted")) return;
        // What one side has acknowledged is there on both once they have met.
        if (forked && !history.judgeLiveness) return;
        const members = new Set(
          history.events.flatMap((event) =>
            event.kind === "final" && event.member ? [event.node] : []
          ),
        );
        // Also where nobody was parted: a leader may sleep until the others go on by last resort.
        const cameOver = forked || history.events.some(({ kind }) => kind === "handOver");
        const sent = sentMessages(history);
        const told = toldOf(history);
        for (const final of history.finals) {
          if (!members.has(final.node)) continue;
          compare(told, { final, forked }, report);
          for (const command of sent) compareMessage(final, command, report);
          compareSessionEnds(final, told, report);
          compareAdminToken(final, history, report);
          if (!cameOver) compareTimes(final, report);
        }
      },
    };
  },
};

/** What clients were told, or may have been. */
interface Told {
  /** A request that was repeated may have been answered twice: both answers hold. */
  readonly answers: readonly (readonly [requestId: string, outcome: Outcome])[];
  /** The answer may have been lost on its way: it was acknowledged all the same. */
  readonly acknowledged: ReadonlySet<string>;
}

function toldOf({ events }: History): Told {
  const answers: (readonly [string, Outcome])[] = [];
  const acknowledged = new Set<string>();
  for (const event of events) {
    if (event.kind === "answered") answers.push([event.requestId, event.outcome]);
    if (event.kind === "acknowledged") acknowledged.add(event.requestId);
  }
  return { answers, acknowledged };
}

function compare(
  { answers, acknowledged }: Told,
  { final, forked }: { readonly final: FinalState; readonly forked: boolean },
  report: Report,
): void {
  for (const requestId of acknowledged) {
    const there = final.outcomes.has(requestId) || final.salvaged.has(requestId);
    if (!there) report(`${final.node} has lost ${requestId}`);
  }
  for (const [requestId, outcome] of answers) {
    const stored = final.outcomes.get(requestId)?.outcome;
    if (final.salvaged.has(requestId)) continue;
    if (stored === undefined) {
      report(`${final.node} has lost ${requestId}`);
    } else if (!(forked ? sameKind(stored, outcome) : same(stored, outcome))) {
      report(
        `${final.node} has ${JSON.stringify(stored)} for ${requestId}, the client was told ` +
          JSON.stringify(outcome),
      );
    }
  }
  for (const messages of final.received) {
    const ids = messages.map(({ id }) => id);
    if (new Set(ids).size !== ids.length) report(`${final.node} has a message twice: ${ids}`);
  }
}

type Sending = Extract<PlainCommand, { kind: "sendMessage" }>;

/** Every message that a client asked a node to send. */
function sentMessages({ events }: History): readonly Sending[] {
  return events.flatMap((event) =>
    event.kind === "requested" && event.command.kind === "sendMessage" ? [event.command] : []
  );
}

/** The message of a sending that is accepted there; not of one that came over and has a record. */
function compareMessage(final: FinalState, sending: Sending, report: Report): void {
  const { requestId, accountId, toAccountId, body } = sending;
  const outcome = final.outcomes.get(requestId)?.outcome;
  if (!outcome?.ok || outcome.kind !== "sendMessage" || final.salvaged.has(requestId)) return;
  const message = final.messages.get(requestId);
  if (message === undefined) return report(`${final.node} has lost the message ${requestId}`);
  const { index, acceptedAtMs } = outcome;
  const { fromAccountId, sentAtMs } = message;
  const told = [index, accountId, toAccountId, body, acceptedAtMs];
  const stored = [message.index, fromAccountId, message.toAccountId, message.body, sentAtMs];
  if (told.every((value, at) => value === stored[at])) return;
  report(`${final.node} has the message ${requestId} as ${stored}, and not as ${told}`);
}

/** The time of an entry is never before that of one before it; what came over keeps its own. */
function compareTimes({ node, messages }: FinalState, report: Report): void {
  const inOrder = [...messages.values()].sort((one, other) => one.index - other.index);
  for (const [at, { index, sentAtMs }] of inOrder.entries()) {
    const before = inOrder[at - 1];
    if (before === undefined || before.sentAtMs <= sentAtMs) continue;
    report(
      `${node} has a message of ${before.sentAtMs} at ${before.index}, then at ${index} one of ${sentAtMs}`,
    );
  }
}

/** A repeated login may have opened another session than the first one, which is stored (§8). */
function same(stored: Outcome, told: Outcome): boolean {
  // Where it was told from the very memory that it is stored in, as texts they are the same.
  if (stored === told) return true;
  if (stored.ok && told.ok && stored.kind === "login") return told.kind === "login";
  return JSON.stringify(stored) === JSON.stringify(told);
}

/**
 * What came over from another side has its place here, and was counted anew. A refusal may have
 * answered a retry, of which the other side had accepted an earlier attempt.
 */
function sameKind(stored: Outcome, told: Outcome): boolean {
  if (stored.ok && !told.ok) return true;
  // Each side may have refused it, for what it knows: one as the session was over there, the other
  // as nobody has that name.
  if (!stored.ok && !told.ok) return true;
  return stored.ok && told.ok ? stored.kind === told.kind : same(stored, told);
}
