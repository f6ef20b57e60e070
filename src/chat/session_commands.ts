/**
 * Logging in and out. Owns the life of a session: made once, ended by a logout or by not being
 * used, kept for ever, so that its id can never come back to life.
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
  openSession(batch, command, { createdAtMs: stamp.timeMs, revokedAtMs: null, stamp });
  return { ok: true, kind: "login", sessionId: command.sessionId };
}

/** Makes a session whose id was never used: open, or revoked already. */
export function openSession(
  { rows, changes }: Batch,
  command: Extract<Command, { kind: "login" }>,
  { stamp, ...times }: Pick<NewSession, "createdAtMs" | "revokedAtMs"> & { readonly stamp: Stamp },
): void {
  const { idleMs } = command;
  const session: NewSession = {
    id: command.sessionId,
    accountId: command.accountId,
    tokenHash: command.tokenHash,
    ...times,
    // An older log says nothing of it, and what an older version made of it must come out again.
    usedAtMs: idleMs === undefined ? null : stamp.timeMs,
    expiresAtMs: idleMs === undefined ? null : stamp.timeMs + idleMs,
  };
  rows.sessions.set(session.id, session);
  changes.sessions.push(session);
}

/** Says that a session was used. One that has ended stays ended. */
export function renewSession(
  batch: Batch,
  command: Extract<Command, { kind: "renewSession" }>,
  stamp: Stamp,
): Outcome {
  const refused = refuseSession(batch.rows, command, stamp);
  if (refused !== null) return refused;
  return renew(batch, command, stamp);
}

/** It lives as long as it was told to, or longer. */
export function renew(
  { rows, changes }: Batch,
  { sessionId, idleMs }: Extract<Command, { kind: "renewSession" }>,
  { timeMs }: Pick<Stamp, "timeMs">,
): Outcome {
  const session = rows.sessions.get(sessionId);
  if (session === undefined) return refusals.sessionUnknown;
  const [usedAtMs, expiresAtMs] = [
    Math.max(session.usedAtMs ?? 0, timeMs),
    Math.max(session.expiresAtMs ?? 0, timeMs + idleMs),
  ];
  session.usedAtMs = usedAtMs;
  session.expiresAtMs = expiresAtMs;
  changes.renewed.push(session);
  return { ok: true, kind: "renewSession", sessionId, usedAtMs, expiresAtMs };
}

/** Revokes the author's session, another one of its account, or every one. */
export function logout(
  batch: Batch,
  command: Extract<Command, { kind: "logout" }>,
  stamp: Stamp,
): Outcome {
  const refused = refuseSession(batch.rows, command, stamp);
  if (refused !== null) return refused;
  if (command.all) {
    return { ok: true, kind: "logout", revoked: revokeAll(batch, command.accountId, stamp) };
  }
  const revoked = revokeOne(batch, command, stamp);
  return revoked === null ? refusals.noSuchSession : { ok: true, kind: "logout", revoked };
}

/**
 * Revokes the session that a logout ends; says how many that were, 0 if it has ended before, or
 * `null` if the account has none of that id: nobody is told of another account's.
 */
export function revokeOne(
  batch: Batch,
  { accountId, sessionId, endedSessionId = sessionId }: Extract<Command, { kind: "logout" }>,
  stamp: Stamp,
): 0 | 1 | null {
  const session = batch.rows.sessions.get(endedSessionId);
  if (session?.accountId !== accountId) return null;
  if (session.revokedAtMs !== null) return 0;
  revoke(batch, session, stamp);
  return 1;
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
