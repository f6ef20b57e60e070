/**
 * What of one value is left of many writes, for `Durability`: when a session ends unless it is used,
 * and the admin token. Of what an outcome alone is stored, one that had no effect would go unseen.
 *
 * @module
 */

import type { Outcome } from "../../chat/command.ts";
import type { FinalState, History } from "../history.ts";
import type { Report } from "./checker.ts";

/** A use makes a session live longer, and nothing makes it live shorter but a logout. */
export function compareSessionEnds(
  { node, sessionEnds, salvaged }: FinalState,
  { answers }: { readonly answers: readonly (readonly [requestId: string, outcome: Outcome])[] },
  report: Report,
): void {
  for (const [requestId, outcome] of answers) {
    if (!outcome.ok || outcome.kind !== "renewSession" || salvaged.has(requestId)) continue;
    const { sessionId, expiresAtMs } = outcome;
    const endsAtMs = sessionEnds.get(sessionId);
    if (endsAtMs === undefined || endsAtMs !== null && endsAtMs >= expiresAtMs) continue;
    report(`${node} has ${sessionId} end at ${endsAtMs}, ${requestId} was told ${expiresAtMs}`);
  }
}

/**
 * Each token that was set is the one that is there, or one of those in whose place it came. What an
 * attempt would have replaced is known of all attempts, also of those that nobody was told of.
 */
export function compareAdminToken(
  { node, adminTokenHash, salvaged }: FinalState,
  { events }: History,
  report: Report,
): void {
  const replacedBy = new Map<string, Set<string | null>>();
  const tokens = new Map<string, string>();
  const set = new Set<string>();
  for (const event of events) {
    if (event.kind === "requested" && event.command.kind === "setAdminToken") {
      const { requestId, tokenHash, replaces } = event.command;
      tokens.set(requestId, tokenHash);
      replacedBy.set(tokenHash, (replacedBy.get(tokenHash) ?? new Set()).add(replaces));
    }
    if (event.kind === "answered" && event.outcome.ok) set.add(event.requestId);
  }
  const seen = new Set<string | null>([adminTokenHash]);
  for (const token of seen) {
    for (const before of replacedBy.get(token ?? "") ?? []) seen.add(before);
  }
  for (const [requestId, tokenHash] of tokens) {
    if (!set.has(requestId) || seen.has(tokenHash) || salvaged.has(requestId)) continue;
    report(`${node} has lost the admin token of ${requestId}, and has ${adminTokenHash}`);
  }
}
