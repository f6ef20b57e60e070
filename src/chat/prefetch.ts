/**
 * Reads everything that a batch of commands looks at, in one statement: each statement costs
 * far more than the rows it finds. Owns which rows a command needs; never decides anything.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { type Batch, emptyBatch } from "./batch.ts";
import type { Command } from "./command.ts";
import { nameKey } from "./name.ts";
import { decodeOutcome } from "./outcome.ts";
import type { SqlRow, SqlValue, Writer } from "./port.ts";
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
}

/** The batch before its first command. */
export async function prefetch(writer: Writer, commands: readonly Command[]): Promise<Batch> {
  const parts = partsFor(mentionedBy(commands));
  const rows = await writer.query(
    parts.map((part) => part.sql).join(" UNION ALL "),
    parts.flatMap((part) => part.args),
  );
  const batch = emptyBatch();
  for (const row of rows) take(batch, row);
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
  };
  for (const command of commands) mention(mentioned, command);
  return mentioned;
}

function mention(mentioned: Mentioned, command: Command): void {
  mentioned.requests.add(command.requestId);
  if (command.kind === "createAccount") {
    mentioned.names.add(nameKey(command.name));
    return;
  }
  mentioned.sessions.add(command.sessionId);
  switch (command.kind) {
    case "login":
      mentioned.accounts.add(command.accountId);
      break;
    case "logout":
      if (command.all) mentioned.sessionsOf.add(command.accountId);
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

/** Columns of every part: `kind, id, a, b, c, d`; their meaning is in {@linkcode take}. */
function partsFor(mentioned: Mentioned): readonly Fragment[] {
  const parts: Fragment[] = [{ sql: clockSql, args: [] }];
  const add = (ids: ReadonlySet<string>, select: string, where: string, also = "") => {
    if (ids.size === 0) return;
    const list = inList([...ids]);
    parts.push({ sql: `${select} WHERE ${where} IN ${list.sql} ${also}`, args: list.args });
  };
  add(mentioned.requests, requestSql, "id");
  add(mentioned.accounts, accountSql, "id");
  add(mentioned.names, accountSql, "name_key", "AND deleted_at_ms IS NULL");
  add(mentioned.sessions, sessionSql, "id");
  add(mentioned.sessionsOf, sessionSql, "account_id", "AND revoked_at_ms IS NULL");
  // Moving the messages of a deleted account takes a while (write.ts): what a command decides
  // must not depend on how far it has come, so both tables are read as one.
  add(mentioned.messages, messageSql("messages"), "r.id");
  add(mentioned.messages, messageSql("deleted_messages"), "r.id");
  return parts;
}

const clockSql = "SELECT 'clock' AS kind, '' AS id, NULL AS a, NULL AS b, " +
  "(SELECT accepted_at_ms FROM requests " +
  "WHERE log_index = (SELECT max(log_index) FROM requests)) AS c, " +
  "EXISTS (SELECT 1 FROM deletions) AS d";
const requestSql = "SELECT 'request', id, fingerprint, outcome, log_index, accepted_at_ms " +
  "FROM requests";
const accountSql = "SELECT 'account', id, name, password_hash, created_at_ms, deleted_at_ms " +
  "FROM accounts";
const sessionSql = "SELECT 'session', id, account_id, token_hash, created_at_ms, revoked_at_ms " +
  "FROM sessions";
const messageSql = (table: "messages" | "deleted_messages") =>
  "SELECT 'message', r.id, m.to_id, NULL, m.log_index, m.acknowledged " +
  `FROM requests AS r JOIN ${table} AS m ON m.log_index = r.log_index`;

function take(batch: Batch, row: SqlRow): void {
  const { rows } = batch;
  const id = textOf(row["id"]);
  switch (row["kind"]) {
    case "clock":
      rows.lastTimeMs = Number(row["c"] ?? 0);
      rows.deletionsPending = row["d"] === 1;
      return;
    case "request": {
      const place = { requestId: id, index: Number(row["c"]), acceptedAtMs: Number(row["d"]) };
      const outcome = decodeOutcome(textOf(row["b"]), place);
      rows.requests.set(id, { ...place, fingerprint: textOf(row["a"]), outcome });
      return;
    }
    case "account": {
      const deletedAtMs = numberOrNull(row["d"]);
      const name = textOf(row["a"]);
      rows.accounts.set(id, {
        id,
        name,
        passwordHash: textOf(row["b"]),
        createdAtMs: Number(row["c"]),
        deletedAtMs,
      });
      if (deletedAtMs === null) rows.names.add(nameKey(name));
      return;
    }
    case "session":
      rows.sessions.set(id, {
        id,
        accountId: textOf(row["a"]),
        tokenHash: textOf(row["b"]),
        createdAtMs: Number(row["c"]),
        revokedAtMs: numberOrNull(row["d"]),
      });
      return;
    case "message":
      rows.messages.set(id, {
        index: Number(row["c"]),
        toAccountId: textOf(row["a"]),
        acknowledged: row["d"] === 1,
      });
      return;
  }
  assert(false, `Cannot read a batch as its rows must be of a known kind: ${row["kind"]}`);
}

function numberOrNull(value: SqlValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}
