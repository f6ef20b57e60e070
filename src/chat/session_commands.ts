/**
 * Logging in and out. Owns the life of a session: made once, revoked at most once, kept for
 * ever, so that its id can never come back to life.
 *
 * @module
 */

import type { Batch, NewSession, SessionState } from "./batch.ts";
import type { Command, Outcome } from "./command.ts";
import type { Stamp } from "./evaluate.ts";
import { refuseSession } from "./authorize.ts";
import { refusals } from "./refusals.ts";

/**
 * Opens a session if the account still has the password hash that the leader checked. The check
 * took long (scrypt), so the account may have gone meanwhile.
 */
export function login(
  batch: Batch,
  command: Extract<Command, { kind: "login" }>,
  stamp: Stamp,
): Outcome {
  const { rows } = batch;
  const account = rows.accounts.get(command.accountId);
  const same = account?.deletedAtMs === null && account.passwordHash === command.passwordHash;
  if (!same) return refusals.passwordChanged;
  if (rows.sessions.has(command.sessionId)) return refusals.sessionExists;
  openSession(batch, command, { createdAtMs: stamp.timeMs, revokedAtMs: null });
  return { ok: true, kind: "login", sessionId: command.sessionId };
}

/** Makes a session whose id was never used: open, or revoked already. */
export function openSession(
  { rows, changes }: Batch,
  command: Extract<Command, { kind: "login" }>,
  times: Pick<NewSession, "createdAtMs" | "revokedAtMs">,
): void {
  const session: NewSession = {
    id: command.sessionId,
    accountId: command.accountId,
    tokenHash: command.tokenHash,
    ...times,
  };
  rows.sessions.set(session.id, session);
  changes.sessions.push(session);
}

/** Revokes the author's session, or every session of its account. */
export function logout(
  batch: Batch,
  command: Extract<Command, { kind: "logout" }>,
  stamp: Stamp,
): Outcome {
  const refused = refuseSession(batch.rows, command);
  if (refused !== null) return refused;
  if (command.all) {
    return { ok: true, kind: "logout", revoked: revokeAll(batch, command.accountId, stamp) };
  }
  const session = batch.rows.sessions.get(command.sessionId);
  if (session !== undefined) revoke(batch, session, stamp);
  return { ok: true, kind: "logout", revoked: 1 };
}

/**
 * Revokes every open session of an account, or those opened by a time; says how many. Needs them
 * all in the batch.
 */
export function revokeAll(
  batch: Batch,
  accountId: string,
  stamp: Stamp & { readonly openedByMs?: number },
): number {
  let revoked = 0;
  for (const session of batch.rows.sessions.values()) {
    if (session.accountId !== accountId || session.revokedAtMs !== null) continue;
    if (stamp.openedByMs !== undefined && session.createdAtMs > stamp.openedByMs) continue;
    revoke(batch, session, stamp);
    revoked += 1;
  }
  return revoked;
}

/** Revokes an open session. */
export function revoke({ changes }: Batch, session: SessionState, stamp: Stamp): void {
  session.revokedAtMs = stamp.timeMs;
  changes.revoked.push(session);
}
