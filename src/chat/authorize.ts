/**
 * The check that a command's author is logged in, by immutable ids alone.
 *
 * @module
 */

import type { BatchRows } from "./batch.ts";
import type { Outcome } from "./command.ts";
import type { Stamp } from "./evaluate.ts";
import { refusals } from "./refusals.ts";

/**
 * The refusal of a command whose session is unknown, revoked, not used for too long or another
 * account's, else `null`. Time is that of the state, which is the same on every node.
 * A deleted account needs no check of its own: its deletion revoked all its sessions.
 */
export function refuseSession(
  rows: BatchRows,
  author: { readonly accountId: string; readonly sessionId: string },
  { timeMs }: Pick<Stamp, "timeMs">,
): Outcome | null {
  const session = rows.sessions.get(author.sessionId);
  if (session === undefined) return refusals.sessionUnknown;
  if (session.accountId !== author.accountId) return refusals.sessionOfAnother;
  if (session.revokedAtMs !== null) return refusals.sessionRevoked;
  if (session.expiresAtMs !== null && timeMs >= session.expiresAtMs) return refusals.sessionExpired;
  return null;
}
