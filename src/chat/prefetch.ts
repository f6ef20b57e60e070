/**
 * Reads everything that a batch of commands looks at, in one statement: each statement costs
 * far more than the rows it finds. Owns which rows a command needs; never decides anything.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { type Batch, type BatchRows, emptyBatch, salvageKey } from "./batch.ts";
import type { Command, PlainCommand } from "./command.ts";
import { nameKey } from "./name.ts";
import { decodeOutcome } from "./outcome.ts";
import type { Reader, SqlRow, SqlValue } from "./port.ts";
import { sound } from "./schema.ts";
import { type Fragment, inList, textOf } from "./sql.ts";

/** Ids that the commands of a batch mention, each once. */
interface Mentioned {
  readonly requests: Set<string>;
  readonly accounts: Set<string>;
  readonly names: Set<string>;
  readonly sessions: Set<string>;
  /** Accounts all of whose open sessions are needed. */
  readonly sessionsOf: Set<string>;
  readonly messages: Set<string>;
  /** Requests whose salvage records are needed. */
  readonly salvage: Set<string>;
  /** The admin token, by the id of its row. */
  readonly adminToken: Set<number>;
}

/** The batch before its first command. */
export async function prefetch(reader: Reader, commands: readonly Command[]): Promise<Batch> {
  const parts = partsFor(mentionedBy(commands));
  const [row] = await reader.query(
    `SELECT ${parts.map((part) => part.sql).join(", ")}`,
    parts.flatMap((part) => part.args),
  );
  assert(row !== undefined, "Cannot read a batch as its statement must give one row");
  const batch = emptyBatch();
  takeRow(batch.rows, row);
  return batch;
}

function mentionedBy(commands: readonly Command[]): Mentioned {
  const mentioned: Mentioned = {
    requests: new Set(),
    accounts: new Set(),
    names: new Set(),
    sessions: new Set(),
    sessionsOf: new Set(),
    messages: new Set(),
    salvage: new Set(),
    adminToken: new Set(),
  };
  for (const command of commands) {
    if (command.kind === "salvaged") mentionSalvaged(mentioned, command.command);
    else mention(mentioned, command);
  }
  return mentioned;
}

/** It is checked against its author's account instead of the session, and may be known as lost. */
function mentionSalvaged(mentioned: Mentioned, command: PlainCommand): void {
  mention(mentioned, command);
  if (command.kind !== "setAdminToken") mentioned.accounts.add(command.accountId);
  mentioned.salvage.add(command.requestId);
  // It may have been sent here too.
  if (command.kind === "sendMessage") mentioned.messages.add(command.requestId);
}

function mention(mentioned: Mentioned, command: PlainCommand): void {
  mentioned.requests.add(command.requestId);
  if (command.kind === "createAccount") {
    mentioned.names.add(nameKey(command.name));
    return;
  }
  if (command.kind === "setAdminToken") {
    mentioned.adminToken.add(1);
    return;
  }
  mentioned.sessions.add(command.sessionId);
  switch (command.kind) {
    case "login":
      mentioned.accounts.add(command.accountId);
      break;
    case "logout":
      if (command.all) mentioned.sessionsOf.add(command.accountId);
      if (command.endedSessionId !== undefined) mentioned.sessions.add(command.endedSessionId);
      break;
    case "deleteAccount":
      mentioned.accounts.add(command.accountId);
      mentioned.sessionsOf.add(command.accountId);
      break;
    case "sendMessage":
      if (command.toAccountId !== null) mentioned.accounts.add(command.toAccountId);
      break;
    case "acknowledge":
      for (const id of command.messageIds) mentioned.messages.add(id);
      break;
  }
}

/**
 * A column for each list of rows: the rows as one JSON text, since the library takes several
 * microseconds for every row that it hands over.
 */
function partsFor(mentioned: Mentioned): readonly Fragment[] {
  const parts: Fragment[] = [{ sql: clockSql, args: [] }];
  const add = (column: string, ids: ReadonlySet<string | number>, select: string, also = "") => {
    if (ids.size === 0) return;
    const list = inList([...ids]);
    parts.push({ sql: `(${select} IN ${list.sql} ${also}) AS ${column}`, args: list.args });
  };
  add("requests", mentioned.requests, requestSql);
  add("accounts", mentioned.accounts, `${accountSql} WHERE id`);
  add("named", mentioned.names, `${accountSql} WHERE name_key`, "AND deleted_at_ms IS NULL");
  add("sessions", mentioned.sessions, `${sessionSql} WHERE id`);
  const open = "AND revoked_at_ms IS NULL";
  add("open_sessions", mentioned.sessionsOf, `${sessionSql} WHERE account_id`, open);
  // Moving the messages of a deleted account takes a while (write.ts): what a command decides
  // must not depend on how far it has come, so both tables are read as one.
  add("messages", mentioned.messages, messageSql("messages"));
  add("deleted_messages", mentioned.messages, messageSql("deleted_messages"));
  add("salvage", mentioned.salvage, salvageSql);
  add("admin_token", mentioned.adminToken, adminTokenSql);
  return parts;
}

const clockSql = `(SELECT iif(${sound("requests")}, accepted_at_ms, 0) FROM requests ` +
  "WHERE log_index = (SELECT max(log_index) FROM requests)) AS last_time_ms, " +
  "EXISTS (SELECT 1 FROM deletions) AS deletions_pending";
const requestSql = "SELECT json_group_array(json_array(" +
  `id, fingerprint, outcome, log_index, accepted_at_ms, ${sound("requests")})) ` +
  "FROM requests WHERE id";
const accountSql = "SELECT json_group_array(json_array(" +
  `id, name, password_hash, deleted_at_ms, ${sound("accounts")})) FROM accounts`;
const sessionSql = "SELECT json_group_array(json_array(" +
  "id, account_id, created_at_ms, revoked_at_ms, used_at_ms, expires_at_ms, " +
  `${sound("sessions")})) FROM sessions`;
const salvageSql = "SELECT json_group_array(json_array(" +
  `request_id, fingerprint, ${sound("salvage")})) FROM salvage WHERE request_id`;
const adminTokenSql = "SELECT json_group_array(json_array(" +
  `token_hash, ${sound("admin_token")})) FROM admin_token WHERE id`;
const messageSql = (table: "messages" | "deleted_messages") =>
  "SELECT json_group_array(json_array(r.id, m.to_id, m.log_index, m.acknowledged, " +
  `${sound("requests", "r")}, ${sound(table, "m")})) ` +
  `FROM requests AS r JOIN ${table} AS m ON m.log_index = r.log_index WHERE r.id`;

function takeRow(rows: BatchRows, row: SqlRow): void {
  rows.lastTimeMs = Number(row["last_time_ms"] ?? 0);
  rows.deletionsPending = row["deletions_pending"] === 1;
  for (const item of listOf<RequestItem>(row["requests"])) {
    const [requestId, fingerprint, outcome, index, acceptedAtMs] = item;
    const place = { requestId, index, acceptedAtMs };
    const decoded = decodeOutcome(outcome, place);
    rows.requests.set(requestId, { ...place, fingerprint, outcome: decoded });
  }
  for (const column of ["accounts", "named"]) {
    for (const [id, name, passwordHash, deletedAtMs] of listOf<AccountItem>(row[column])) {
      rows.accounts.set(id, { id, name, passwordHash, deletedAtMs });
      if (deletedAtMs === null) rows.names.add(nameKey(name));
    }
  }
  for (const column of ["sessions", "open_sessions"]) {
    for (const item of listOf<SessionItem>(row[column])) {
      const [id, accountId, createdAtMs, revokedAtMs, usedAtMs, expiresAtMs] = item;
      const times = { createdAtMs, revokedAtMs, usedAtMs, expiresAtMs };
      rows.sessions.set(id, { id, accountId, ...times });
    }
  }
  for (const column of ["messages", "deleted_messages"]) {
    for (const [id, toAccountId, index, acknowledged] of listOf<MessageItem>(row[column])) {
      rows.messages.set(id, { index, toAccountId, acknowledged: acknowledged === 1 });
    }
  }
  for (const [requestId, fingerprint] of listOf<SalvageItem>(row["salvage"])) {
    rows.salvage.set(salvageKey({ requestId, fingerprint }), { requestId, fingerprint });
  }
  rows.adminTokenHash = listOf<AdminTokenItem>(row["admin_token"])[0]?.[0] ?? null;
}

/**
 * Items as the statements above make them, from columns that the schema types strictly; what says
 * that the row is sound comes behind, and is always 1.
 */
type RequestItem = readonly [string, string, string, number, number];
type AccountItem = readonly [string, string, string, number | null];
type SessionItem = readonly [
  string,
  string,
  number,
  number | null,
  number | null,
  number | null,
];
type MessageItem = readonly [string, string, number, number];
type SalvageItem = readonly [string, string];
type AdminTokenItem = readonly [string];

/** A column's items; none if no command of the batch needed the column. */
function listOf<T>(value: SqlValue | undefined): readonly T[] {
  return value === undefined ? [] : JSON.parse(textOf(value)) as readonly T[];
}
