/**
 * Writes what a batch has done, in as few statements as there are tables touched. Owns the
 * order of the writes and the slow move of what deleted accounts had received.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { Batch, BatchChanges } from "./batch.ts";
import { encodeCommand } from "./codec.ts";
import { nameKey } from "./name.ts";
import { encodeOutcome } from "./outcome.ts";
import type { SqlValue, Writer } from "./port.ts";
import { formatTerm } from "./position.ts";
import { messageColumns, sound } from "./schema.ts";
import { inList, insertsOf } from "./sql.ts";

const encoder = new TextEncoder();

/** Writes the batch; `commands` is how many it decided (see {@linkcode moveMessages}). */
export async function writeBatch(
  writer: Writer,
  { rows, changes }: Batch,
  commands: number,
): Promise<void> {
  // The deletion frees a name that a later command of the same batch may have taken.
  await writeDeletion(writer, changes);
  await insertRows(writer, "requests", changes.requests, (request) => [
    request.index,
    request.requestId,
    request.fingerprint,
    request.acceptedAtMs,
    encodeOutcome(request.outcome, request),
  ]);
  await insertRows(writer, "accounts", changes.accounts, (account) => [
    account.id,
    account.name,
    nameKey(account.name),
    account.passwordHash,
    account.createdAtMs,
    account.deletedAtMs,
  ]);
  await insertRows(writer, "sessions", changes.sessions, (session) => [
    session.id,
    session.accountId,
    session.tokenHash,
    session.createdAtMs,
    session.revokedAtMs,
    session.usedAtMs,
    session.expiresAtMs,
  ]);
  await writeRenewed(writer, changes);
  await writeRevoked(writer, changes);
  await insertRows(writer, "messages", changes.messages, (message) => [
    message.index,
    message.id,
    message.fromAccountId,
    message.toAccountId,
    encoder.encode(message.body),
    message.sentAtMs,
    formatTerm(message.term),
    message.acknowledged ? 1 : 0,
  ]);
  await writeAcknowledged(writer, changes);
  await insertRows(writer, "salvage", changes.salvage, (record) => [
    record.index,
    record.requestId,
    record.fingerprint,
    record.reason,
    encodeCommand(record.command),
  ]);
  await writeAdminToken(writer, changes);
  if (rows.deletionsPending) await moveMessages(writer, commands);
}

/** The columns are all of the table's, in the schema's order. */
async function insertRows<T>(
  writer: Writer,
  table: string,
  items: readonly T[],
  toRow: (item: T) => readonly SqlValue[],
): Promise<void> {
  for (const { sql, args } of insertsOf(table, items.map(toRow))) await writer.run(sql, args);
}

async function writeDeletion(writer: Writer, { deletion }: BatchChanges): Promise<void> {
  if (deletion === null) return;
  const { account, index } = deletion;
  await writer.run("UPDATE accounts SET deleted_at_ms = ?, password_hash = '' WHERE id = ?", [
    account.deletedAtMs,
    account.id,
  ]);
  await writer.run("INSERT INTO deletions VALUES (?, ?)", [index, account.id]);
}

async function writeRevoked(writer: Writer, { revoked }: BatchChanges): Promise<void> {
  if (revoked.length === 0) return;
  const times = Object.fromEntries(revoked.map(({ id, revokedAtMs }) => [id, revokedAtMs]));
  await writer.run(
    "UPDATE sessions SET revoked_at_ms = e.value FROM json_each(?) AS e WHERE sessions.id = e.key",
    [JSON.stringify(times)],
  );
}

async function writeRenewed(writer: Writer, { renewed }: BatchChanges): Promise<void> {
  if (renewed.length === 0) return;
  const times = renewed.map(({ id, usedAtMs, expiresAtMs }) => [id, [usedAtMs, expiresAtMs]]);
  await writer.run(
    "UPDATE sessions SET used_at_ms = e.value ->> 0, expires_at_ms = e.value ->> 1 " +
      "FROM json_each(?) AS e WHERE sessions.id = e.key",
    [JSON.stringify(Object.fromEntries(times))],
  );
}

async function writeAcknowledged(writer: Writer, { acknowledged }: BatchChanges): Promise<void> {
  if (acknowledged.length === 0) return;
  const list = inList(acknowledged.map((message) => message.index));
  await writer.run(
    `UPDATE messages SET acknowledged = 1 WHERE log_index IN ${list.sql}`,
    list.args,
  );
}

async function writeAdminToken(writer: Writer, { adminToken }: BatchChanges): Promise<void> {
  if (adminToken === null) return;
  const { tokenHash, setAtMs } = adminToken;
  await writer.run("INSERT OR REPLACE INTO admin_token VALUES (1, ?, ?)", [tokenHash, setAtMs]);
}

/**
 * Moves what deleted accounts had received to `deleted_messages`: so many messages with each
 * command, in the order of the deletions, since one account may have received millions and a
 * transaction that moves them all would stall every node at once. How many have been moved
 * depends on the log alone, not on how it was cut into batches.
 */
async function moveMessages(writer: Writer, commands: number): Promise<void> {
  const next = "SELECT m.log_index FROM deletions AS d CROSS JOIN messages AS m " +
    "ON m.to_id = d.account_id ORDER BY d.log_index, m.log_index LIMIT ?";
  const columns = messageColumns.join(", ");
  const count = [commands * limits.deletedMessagesPerCommand];
  await writer.run(
    `INSERT INTO deleted_messages (${columns}) SELECT ${columns} FROM messages ` +
      `WHERE log_index IN (${next}) AND ${sound("messages")}`,
    count,
  );
  await writer.run(`DELETE FROM messages WHERE log_index IN (${next})`, count);
  await writer.run(
    "DELETE FROM deletions WHERE NOT EXISTS " +
      "(SELECT 1 FROM messages WHERE to_id = deletions.account_id)",
  );
}
