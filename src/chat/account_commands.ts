/**
 * Creating and deleting accounts. Owns the rules of names: unique among live accounts whatever
 * the case, free again after a deletion, for an account of another id.
 *
 * @module
 */

import type { AccountState, Batch } from "./batch.ts";
import type { Command, Outcome } from "./command.ts";
import type { Stamp } from "./evaluate.ts";
import { refuseSession } from "./authorize.ts";
import { nameKey } from "./name.ts";
import { refusals } from "./refusals.ts";
import { revokeAll } from "./session_commands.ts";

/** `NAME_TAKEN` if a live account has the name in any case. */
export function createAccount(
  { rows, changes }: Batch,
  command: Extract<Command, { kind: "createAccount" }>,
  stamp: Stamp,
): Outcome {
  // The request id is new (evaluate.ts), so an account of this id cannot be there yet.
  if (command.accountId !== command.requestId) return refusals.accountIdNotRequestId;
  const key = nameKey(command.name);
  if (rows.names.has(key)) return refusals.nameTaken;
  const account = {
    id: command.accountId,
    name: command.name,
    passwordHash: command.passwordHash,
    createdAtMs: stamp.timeMs,
    deletedAtMs: null,
  };
  rows.accounts.set(account.id, account);
  rows.names.add(key);
  changes.accounts.push(account);
  return { ok: true, kind: "createAccount", accountId: account.id };
}

/**
 * Revokes every session, frees the name and queues what the account received for
 * `deleted_messages`. What it sent stays with those who received it.
 */
export function deleteAccount(
  batch: Batch,
  command: Extract<Command, { kind: "deleteAccount" }>,
  stamp: Stamp,
): Outcome {
  const refused = refuseSession(batch.rows, command, stamp);
  if (refused !== null) return refused;
  const account = batch.rows.accounts.get(command.accountId);
  if (account === undefined) return refusals.sessionUnknown;
  closeAccount(batch, account, stamp);
  return { ok: true, kind: "deleteAccount" };
}

/** What {@linkcode deleteAccount} does to a live account. */
export function closeAccount(batch: Batch, account: AccountState, stamp: Stamp): void {
  const { rows, changes } = batch;
  account.deletedAtMs = stamp.timeMs;
  rows.names.delete(nameKey(account.name));
  revokeAll(batch, account.id, stamp);
  changes.deletion = { index: stamp.place.index, account };
  rows.deletionsPending = true;
}
