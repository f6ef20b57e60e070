/**
 * Decides a command of a side that lost a meeting (DESIGN §9). Owns what is checked again, what
 * comes of a request that both sides decided, and which commands become salvage records: nothing
 * that a side acknowledged is lost without one.
 *
 * It is checked against accounts, never sessions: its side checked the session when it took it,
 * and a logout on this side meanwhile takes nothing back. Every effect may be asked for again and
 * then changes nothing, since every member of the losing side hands the same commands over.
 *
 * @module
 */

import { closeAccount, createAccount } from "./account_commands.ts";
import { setAdminToken } from "./admin_commands.ts";
import { type Batch, type RequestState, salvageKey, storeRequest } from "./batch.ts";
import type { EntryPlace, Outcome, PlainCommand, SalvagedCommand } from "./command.ts";
import type { Stamp } from "./evaluate.ts";
import { deliver, markAcknowledged } from "./message_commands.ts";
import { refusals } from "./refusals.ts";
import { openSession, renew, revoke, revokeAll, revokeOne } from "./session_commands.ts";

type Refused = Extract<Outcome, { ok: false }>;

/** What came of trying a salvaged command. */
interface Came {
  /** For the client, if its side never answered it. */
  readonly outcome: Outcome;
  /** Why it had no effect, for operators; `null` if it had all of it. */
  readonly lost: string | null;
}

/** A salvaged command of one kind, with its place and the time at which effects happen. */
interface Orphan<K extends PlainCommand["kind"] = PlainCommand["kind"]> {
  readonly stamp: Stamp;
  readonly salvaged: SalvagedCommand;
  readonly command: Extract<PlainCommand, { kind: K }>;
}

/** Stored in salvage records, so part of the state as the texts of refusals are. */
const reasons = {
  nameTaken: "another account has the name",
  accountUnknown: "its account does not exist here",
  accountDeleted: "its account is deleted",
  receiverUnknown: "the receiver does not exist here",
  receiverDeleted: "the receiver is deleted",
  otherReceiver: "it went to another account of that name here",
  adminTokenChanged: "the admin token was changed here",
  requestReused: "its request id belongs to another request here",
} as const;

/**
 * The outcome that is stored under the request id, whoever decided it first. What the client was
 * told on the losing side is stored even where the effect is lost (then there is a salvage
 * record), so that a retry gets the answer that was given before.
 */
export function evaluateSalvaged(
  batch: Batch,
  { place, command: salvaged }: { readonly place: EntryPlace; readonly command: SalvagedCommand },
): Outcome {
  const { rows } = batch;
  const stamp = { place, timeMs: Math.max(rows.lastTimeMs, salvaged.timeMs) };
  const orphan = { stamp, salvaged, command: salvaged.command };
  const first = rows.requests.get(salvaged.requestId);
  const told = toldOf(salvaged);
  // What "did not happen" there must not happen here, whatever this side would say to it.
  if (told?.ok === false) {
    if (first === undefined) return store(batch, orphan, told);
    record(batch, orphan, doneThough(orphan, first, told));
    return first.outcome;
  }
  if (first !== undefined) {
    record(batch, orphan, lostAgain(batch, orphan, first));
    return first.outcome;
  }
  const { outcome, lost } = apply(batch, orphan);
  record(batch, orphan, lost);
  return store(batch, orphan, told === null ? outcome : retold(told, orphan));
}

/** What its side answered, or would have: nobody of a name is an answer of the leader's. */
function toldOf({ command, outcome }: SalvagedCommand): Outcome | null {
  const toNobody = command.kind === "sendMessage" && command.toAccountId === null;
  return outcome === null && toNobody ? refusals.noSuchUser : outcome;
}

/** A message's position is on this log; everything else is as it was told. */
function retold(told: Outcome, { stamp, salvaged }: Orphan): Outcome {
  if (!told.ok || told.kind !== "sendMessage") return told;
  const { index, term } = stamp.place;
  return { ...told, index, term, acceptedAtMs: salvaged.timeMs };
}

function store(batch: Batch, { stamp, salvaged }: Orphan, outcome: Outcome): Outcome {
  const { requestId, fingerprint } = salvaged;
  const { index } = stamp.place;
  storeRequest(batch, { requestId, index, fingerprint, acceptedAtMs: stamp.timeMs, outcome });
  return outcome;
}

function record({ rows, changes }: Batch, { stamp, salvaged }: Orphan, lost: string | null): void {
  const { requestId, fingerprint } = salvaged;
  const key = salvageKey({ requestId, fingerprint });
  if (lost === null || rows.salvage.has(key)) return;
  const one = { requestId, fingerprint, index: stamp.place.index, reason: lost, command: salvaged };
  rows.salvage.set(key, one);
  changes.salvage.push(one);
}

/**
 * What is lost of a request that this side decided too: nothing where both sides answered the same.
 * Only a login is tried again, since each attempt of one opens a session of its own.
 */
function lostAgain(batch: Batch, orphan: Orphan, first: RequestState): string | null {
  const { command, salvaged } = orphan;
  const same = first.fingerprint === salvaged.fingerprint;
  const unanswered = same && salvaged.outcome === null;
  if (unanswered && command.kind !== "login") return null;
  if (command.kind === "login") {
    const { lost } = apply(batch, orphan);
    return unanswered ? null : lost;
  }
  if (!same) return reasons.requestReused;
  if (!first.outcome.ok) return `it was refused here: ${first.outcome.reason}`;
  return command.kind === "sendMessage" ? sentAgain(batch, { ...orphan, command }) : null;
}

/**
 * A side may have handed a command over before it decided it, and then gone on as it was, as it was
 * parted again: what it refused may have been done here.
 */
function doneThough({ salvaged }: Orphan, first: RequestState, told: Refused): string | null {
  const same = first.fingerprint === salvaged.fingerprint;
  return same && first.outcome.ok ? `it was done here: ${told.reason} was told elsewhere` : null;
}

/** A client names a receiver, and each side may have an account of that name. */
function sentAgain(batch: Batch, { salvaged, command }: Orphan<"sendMessage">): string | null {
  const message = batch.rows.messages.get(command.requestId);
  if (message === undefined) return null;
  if (message.toAccountId !== command.toAccountId) return reasons.otherReceiver;
  if (salvaged.ended && !message.acknowledged) markAcknowledged(batch, message);
  return null;
}

function apply(batch: Batch, { stamp, salvaged, command }: Orphan): Came {
  switch (command.kind) {
    case "createAccount":
      return create(batch, { stamp, salvaged, command });
    case "login":
      return login(batch, { stamp, salvaged, command });
    case "logout":
      return logout(batch, { stamp, salvaged, command });
    case "deleteAccount":
      return remove(batch, { stamp, salvaged, command });
    case "sendMessage":
      return send(batch, { stamp, salvaged, command });
    case "acknowledge":
      return acknowledge(batch, { stamp, salvaged, command });
    case "renewSession":
      return renewed(batch, { stamp, salvaged, command });
    case "setAdminToken": {
      const outcome = setAdminToken(batch, command, stamp);
      return { outcome, lost: outcome.ok ? null : reasons.adminTokenChanged };
    }
  }
}

/** The account keeps its id, so that what its owner did finds it. */
function create(batch: Batch, { stamp, command }: Orphan<"createAccount">): Came {
  const outcome = createAccount(batch, command, stamp);
  if (outcome.ok) return { outcome, lost: null };
  return { outcome, lost: outcome.reason === "NAME_TAKEN" ? reasons.nameTaken : outcome.message };
}

/** A session that was ever known stays what it is: one that either side revoked is not open. */
function login(batch: Batch, { stamp, salvaged, command }: Orphan<"login">): Came {
  const { rows } = batch;
  const { sessionId, accountId } = command;
  const outcome: Outcome = { ok: true, kind: "login", sessionId };
  const session = rows.sessions.get(sessionId);
  if (session !== undefined) {
    if (salvaged.ended && session.revokedAtMs === null) revoke(batch, session, stamp);
    return { outcome, lost: null };
  }
  const account = rows.accounts.get(accountId);
  if (account === undefined) {
    return { outcome: refusals.passwordChanged, lost: reasons.accountUnknown };
  }
  if (account.deletedAtMs !== null && !salvaged.ended) {
    return { outcome: refusals.passwordChanged, lost: reasons.accountDeleted };
  }
  const createdAtMs = decidedAtMs({ stamp, salvaged });
  const revokedAtMs = salvaged.ended ? stamp.timeMs : null;
  openSession(batch, command, { createdAtMs, revokedAtMs, stamp });
  return { outcome, lost: null };
}

/** When a command took effect for its owner: on its side, or now if that side never decided it. */
function decidedAtMs({ stamp, salvaged }: Pick<Orphan, "stamp" | "salvaged">): number {
  return salvaged.outcome === null ? stamp.timeMs : salvaged.timeMs;
}

/** It was used there; one that is not here, or is revoked, needs nothing. */
function renewed(batch: Batch, { stamp, command }: Orphan<"renewSession">): Came {
  const session = batch.rows.sessions.get(command.sessionId);
  if (session?.accountId !== command.accountId || session.revokedAtMs !== null) {
    return { outcome: refusals.sessionUnknown, lost: null };
  }
  return { outcome: renew(batch, command, stamp), lost: null };
}

/**
 * Of all sessions those that were opened by then: its owner did not mean one that was opened later
 * on this side.
 */
function logout(batch: Batch, { stamp, salvaged, command }: Orphan<"logout">): Came {
  const { rows } = batch;
  if (!rows.accounts.has(command.accountId)) return unknownAccount;
  if (command.all) {
    const openedByMs = decidedAtMs({ stamp, salvaged });
    const revoked = revokeAll(batch, command.accountId, { ...stamp, openedByMs });
    return { outcome: { ok: true, kind: "logout", revoked }, lost: null };
  }
  const revoked = revokeOne(batch, command, stamp);
  if (command.endedSessionId === undefined) {
    return { outcome: { ok: true, kind: "logout", revoked: 1 }, lost: null };
  }
  // One that is not here is not open here either.
  if (revoked === null) return { outcome: refusals.noSuchSession, lost: null };
  return { outcome: { ok: true, kind: "logout", revoked }, lost: null };
}

function remove(batch: Batch, { stamp, command }: Orphan<"deleteAccount">): Came {
  const account = batch.rows.accounts.get(command.accountId);
  if (account === undefined) return unknownAccount;
  if (account.deletedAtMs === null) closeAccount(batch, account, stamp);
  return { outcome: { ok: true, kind: "deleteAccount" }, lost: null };
}

/** Whoever sent it may be deleted here: what deleted accounts sent stays with its receivers. */
function send(batch: Batch, { stamp, salvaged, command }: Orphan<"sendMessage">): Came {
  const { accounts } = batch.rows;
  const { accountId, toAccountId } = command;
  if (!accounts.has(accountId)) return unknownAccount;
  const receiver = toAccountId === null ? undefined : accounts.get(toAccountId);
  if (receiver?.deletedAtMs !== null) {
    const lost = receiver === undefined ? reasons.receiverUnknown : reasons.receiverDeleted;
    return { outcome: refusals.noSuchUser, lost };
  }
  const { place } = stamp;
  const sent = { ...command, toAccountId: receiver.id };
  const { message, outcome } = deliver(batch, sent, { place, timeMs: salvaged.timeMs });
  if (salvaged.ended) markAcknowledged(batch, message);
  return { outcome, lost: null };
}

/** Those of the messages that came to be here; of a deleted account nothing is left to do. */
function acknowledge(batch: Batch, { command }: Orphan<"acknowledge">): Came {
  const { rows } = batch;
  const account = rows.accounts.get(command.accountId);
  if (account === undefined) return unknownAccount;
  let acknowledged = 0;
  for (const id of account.deletedAtMs === null ? command.messageIds : []) {
    const message = rows.messages.get(id);
    if (message === undefined || message.toAccountId !== account.id) continue;
    if (message.acknowledged) continue;
    markAcknowledged(batch, message);
    acknowledged += 1;
  }
  return { outcome: { ok: true, kind: "acknowledge", acknowledged }, lost: null };
}

const unknownAccount: Came = { outcome: refusals.sessionUnknown, lost: reasons.accountUnknown };
