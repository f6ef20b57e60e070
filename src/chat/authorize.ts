/**
 * The check that a command's author is logged in, by immutable ids alone.
 *
 * @module
 */

import type { BatchRows } from "./batch.ts";
import type { Outcome } from "./command.ts";
import { refusals } from "./refusals.ts";

/**
 * The refusal of a command whose session is unknown, revoked or another account's, else `null`.
 * A deleted account needs no check of its own: its deletion revoked all its sessions.
 */
export function refuseSession(
  rows: BatchRows,
  author: { readonly accountId: string; readonly sessionId: string },
): Outcome | null {
  const session = rows.sessions.get(author.sessionId);
  if (session === undefined) return refusals.sessionUnknown;
  if (session.accountId !== author.accountId) return refusals.sessionOfAnother;
  if (session.revokedAtMs !== null) return refusals.sessionRevoked;
  return null;
}
