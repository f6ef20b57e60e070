/**
 * `Durability`: every command that a client was told of is in every member's database exactly
 * once, with the outcome that the client was told.
 *
 * @module
 */

import type { Outcome } from "../../chat/command.ts";
import type { FinalState, History } from "../history.ts";
import { type Checker, isForked, type Report } from "./checker.ts";

export const durability: Checker = {
  name: "Durability",
  holdsAcrossForks: true,
  begin() {
    return {
      onEnd(history, report) {
        // Until writes are accepted a member may have yet to learn what was committed.
        if (!history.events.some(({ kind }) => kind === "accepted")) return;
        // What one side has acknowledged is there on both once they have met.
        if (isForked(history) && !history.judgeLiveness) return;
        const members = new Set(
          history.events.flatMap((event) =>
            event.kind === "final" && event.member ? [event.node] : []
          ),
        );
        for (const final of history.finals) {
          if (members.has(final.node)) compare(history, final, report);
        }
      },
    };
  },
};

function compare(history: History, final: FinalState, report: Report): void {
  const forked = isForked(history);
  // A request that was repeated may have been answered twice: both answers hold.
  const told: (readonly [requestId: string, outcome: Outcome])[] = [];
  for (const event of history.events) {
    if (event.kind === "answered") told.push([event.requestId, event.outcome]);
    // The answer may have been lost on its way: it was acknowledged all the same.
    const there = event.kind !== "acknowledged" || final.outcomes.has(event.requestId) ||
      final.salvaged.has(event.requestId);
    if (!there) report(`${final.node} has lost ${event.requestId}`);
  }
  for (const [requestId, outcome] of told) {
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
  return stored.ok && told.ok ? stored.kind === told.kind : same(stored, told);
}
