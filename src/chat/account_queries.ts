/**
 * Reads of accounts, sessions and decided requests, for the services. Every one is bounded and
 * served by an index; none writes or decides.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import type { Outcome } from "./command.ts";
import { nameKey } from "./name.ts";
import { decodeOutcome } from "./outcome.ts";
import { parseNameToken } from "./page_token.ts";
import type { Reader, SqlRow, SqlValue } from "./port.ts";
import { sound } from "./schema.ts";
import { inList, textOf } from "./sql.ts";

/** An account, live or deleted. */
export interface Account {
  readonly accountId: string;
  /** As it was registered. */
  readonly name: string;
  /** scrypt with its parameters, as text; empty once deleted. */
  readonly passwordHash: string;
  readonly deleted: boolean;
}

/** A session with its account. It stays known, as revoked, for ever. */
export interface Session {
  readonly sessionId: string;
  readonly accountId: string;
  readonly name: string;
  /**
   * A revoked one authorises nothing, but a retry of the request that revoked it must still
   * get its first outcome: look the request id up before refusing.
   */
  readonly revoked: boolean;
  /** When it was last used, to about a day; `null`: not since nodes note it. */
  readonly usedAtMs: number | null;
  /** When it ends if it is not used; `null`: not by itself. */
  readonly expiresAtMs: number | null;
}

/** A session as its owner sees it. */
export interface OpenSession {
  readonly sessionId: string;
  readonly createdAtMs: number;
  readonly usedAtMs: number | null;
  readonly expiresAtMs: number | null;
}

/** One page of {@linkcode listSessions}. */
export interface SessionPage {
  readonly sessions: readonly OpenSession[];
  /** Empty at the end. */
  readonly nextPageToken: string;
}

/** What came of a request that was decided before. */
export interface DecidedRequest {
  readonly fingerprint: string;
  readonly outcome: Outcome;
}

/** One page of {@linkcode listAccounts}. */
export interface AccountPage {
  readonly accounts: readonly Account[];
  /** Empty at the end. */
  readonly nextPageToken: string;
}

const accountColumns = `id, name, password_hash, deleted_at_ms, ${sound("accounts")}`;

/** The session of a token, by the token's hash; `null` if there never was one. */
export async function findSession(reader: Reader, tokenHash: string): Promise<Session | null> {
  const [row] = await reader.query(
    `${sessionSql} WHERE s.token_hash = ?`,
    [tokenHash],
  );
  return row === undefined ? null : toSession(row);
}

/** The session of an id; `null` if there never was one. */
export async function sessionById(reader: Reader, sessionId: string): Promise<Session | null> {
  const [row] = await reader.query(`${sessionSql} WHERE s.id = ?`, [sessionId]);
  return row === undefined ? null : toSession(row);
}

/** Open sessions of an account by id, also those that nobody used for too long. */
export async function listSessions(
  reader: Reader,
  accountId: string,
  page: { readonly limit: number; readonly pageToken?: string | undefined },
): Promise<SessionPage> {
  const rows = await reader.query(
    `SELECT id, created_at_ms, used_at_ms, expires_at_ms, ${sound("sessions")} FROM sessions ` +
      "WHERE account_id = ? AND revoked_at_ms IS NULL AND id > ? ORDER BY id LIMIT ?",
    [accountId, page.pageToken ?? "", page.limit + 1],
  );
  const shown = rows.slice(0, page.limit);
  const nextPageToken = rows.length > page.limit ? textOf(shown.at(-1)?.["id"]) : "";
  const sessions = shown.map((row) => ({
    sessionId: textOf(row["id"]),
    createdAtMs: Number(row["created_at_ms"]),
    usedAtMs: timeOf(row["used_at_ms"]),
    expiresAtMs: timeOf(row["expires_at_ms"]),
  }));
  return { sessions, nextPageToken };
}

const sessionSql = "SELECT s.id, s.account_id, s.revoked_at_ms, s.used_at_ms, s.expires_at_ms, " +
  `a.name, ${sound("sessions", "s")}, ${sound("accounts", "a")} FROM sessions AS s ` +
  "JOIN accounts AS a ON a.id = s.account_id";

function timeOf(value: SqlValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function toSession(row: SqlRow): Session {
  return {
    sessionId: textOf(row["id"]),
    accountId: textOf(row["account_id"]),
    name: textOf(row["name"]),
    revoked: row["revoked_at_ms"] !== null,
    usedAtMs: timeOf(row["used_at_ms"]),
    expiresAtMs: timeOf(row["expires_at_ms"]),
  };
}

/** Which of these sessions are open, at most `limits.sessionsCheckedMax` at once. */
export async function openSessions(
  reader: Reader,
  sessionIds: readonly string[],
): Promise<ReadonlySet<string>> {
  assert(sessionIds.length <= limits.sessionsCheckedMax, "Sessions are checked some at a time");
  const ids = inList(sessionIds);
  const rows = await reader.query(
    `SELECT id, ${
      sound("sessions")
    } FROM sessions WHERE id IN ${ids.sql} AND revoked_at_ms IS NULL`,
    ids.args,
  );
  return new Set(rows.map((row) => textOf(row["id"])));
}

/** The live account of a name, whatever its case. */
export async function findAccountByName(reader: Reader, name: string): Promise<Account | null> {
  const [row] = await reader.query(
    `SELECT ${accountColumns} FROM accounts WHERE name_key = ? AND deleted_at_ms IS NULL`,
    [nameKey(name)],
  );
  return row === undefined ? null : toAccount(row);
}

/**
 * Every account that bears or bore a name, newest first, at most `limits.nameOwnersMax`: a
 * conversation is asked for by name and shows what deleted owners of the name had sent.
 */
export async function accountsNamed(reader: Reader, name: string): Promise<readonly Account[]> {
  const rows = await reader.query(
    `SELECT ${accountColumns} FROM accounts WHERE name_key = ? ` +
      "ORDER BY created_at_ms DESC, id DESC LIMIT ?",
    [nameKey(name), limits.nameOwnersMax],
  );
  return rows.map(toAccount);
}

/** An account by its id, also a deleted one. */
export async function accountById(reader: Reader, accountId: string): Promise<Account | null> {
  const [row] = await reader.query(
    `SELECT ${accountColumns} FROM accounts WHERE id = ?`,
    [accountId],
  );
  return row === undefined ? null : toAccount(row);
}

/** Live accounts by name. Pages stay true while accounts come and go between them. */
export async function listAccounts(
  reader: Reader,
  page: { readonly limit: number; readonly pageToken?: string | undefined },
): Promise<AccountPage> {
  const rows = await reader.query(
    `SELECT ${accountColumns}, name_key FROM accounts ` +
      "WHERE deleted_at_ms IS NULL AND name_key > ? ORDER BY name_key LIMIT ?",
    [parseNameToken(page.pageToken ?? ""), page.limit + 1],
  );
  const more = rows.length > page.limit;
  const shown = rows.slice(0, page.limit);
  const nextPageToken = more ? textOf(shown.at(-1)?.["name_key"]) : "";
  return { accounts: shown.map(toAccount), nextPageToken };
}

/** SHA-256 of the cluster's admin token, hex; `null` if it has none. */
export async function findAdminTokenHash(reader: Reader): Promise<string | null> {
  const [row] = await reader.query(
    `SELECT token_hash, ${sound("admin_token")} FROM admin_token WHERE id = 1`,
  );
  return row === undefined ? null : textOf(row["token_hash"]);
}

/** The first outcome of a request id, for ever; `null` if it was never decided. */
export async function findOutcome(
  reader: Reader,
  requestId: string,
): Promise<DecidedRequest | null> {
  const [row] = await reader.query(
    `SELECT log_index, fingerprint, accepted_at_ms, outcome, ${sound("requests")} ` +
      "FROM requests WHERE id = ?",
    [requestId],
  );
  if (row === undefined) return null;
  const index = Number(row["log_index"]);
  const place = { requestId, index, acceptedAtMs: Number(row["accepted_at_ms"]) };
  return {
    fingerprint: textOf(row["fingerprint"]),
    outcome: decodeOutcome(textOf(row["outcome"]), place),
  };
}

function toAccount(row: SqlRow): Account {
  return {
    accountId: textOf(row["id"]),
    name: textOf(row["name"]),
    passwordHash: textOf(row["password_hash"]),
    deleted: row["deleted_at_ms"] !== null,
  };
}
