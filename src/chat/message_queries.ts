/**
 * Reads of messages, for the services and subscriptions. Every one is bounded in rows and in
 * bytes and served by an index in log order; none writes or decides.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import type { TermKey } from "./command.ts";
import { parseIndexToken } from "./page_token.ts";
import type { Reader, SqlRow } from "./port.ts";
import { parseTerm } from "./position.ts";
import { sound } from "./schema.ts";
import { inList, textOf } from "./sql.ts";

/** A message as its receiver and its sender see it. */
export interface MessageRow {
  /** The request id of its sending. */
  readonly id: string;
  /** Log index of its sending: its `seq`, and with `term` its position. */
  readonly index: number;
  readonly term: TermKey;
  /** Name of the sender, also of one that deleted the account since. */
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly sentAtMs: number;
  readonly acknowledged: boolean;
}

/** Part of a list of messages, in log order. May hold fewer than asked for, because of bytes. */
export interface MessagePage {
  readonly messages: readonly MessageRow[];
  /** True if there are more in the direction that was asked for. */
  readonly more: boolean;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Both names come from accounts, which keep theirs for ever. */
const selectMessages = "SELECT m.log_index, m.id, m.body, m.sent_at_ms, m.term, m.acknowledged, " +
  `f.name AS from_name, t.name AS to_name, ${sound("messages", "m")}, ` +
  `${sound("accounts", "f")}, ${sound("accounts", "t")} FROM`;
const joinNames = "JOIN accounts AS f ON f.id = m.from_id JOIN accounts AS t ON t.id = m.to_id";

/** What an account received and did not acknowledge, oldest first. */
export async function inbox(
  reader: Reader,
  accountId: string,
  page: { readonly limit: number; readonly pageToken?: string | undefined },
): Promise<MessagePage & { readonly nextPageToken: string }> {
  const rows = await reader.query(
    `${selectMessages} messages AS m INDEXED BY messages_unacknowledged ${joinNames} ` +
      "WHERE m.to_id = ? AND m.acknowledged = 0 AND m.log_index > ? ORDER BY m.log_index LIMIT ?",
    [accountId, parseIndexToken(page.pageToken ?? ""), page.limit + 1],
  );
  const found = toPage(rows, page.limit);
  const last = found.messages.at(-1);
  return { ...found, nextPageToken: found.more && last !== undefined ? String(last.index) : "" };
}

/** What an account received in (after, through], oldest first: what a subscription goes by. */
export async function messagesTo(
  reader: Reader,
  accountId: string,
  range: { readonly afterIndex: number; readonly throughIndex: number; readonly limit: number },
): Promise<MessagePage> {
  const rows = await reader.query(
    `${selectMessages} messages AS m INDEXED BY messages_by_receiver ${joinNames} ` +
      "WHERE m.to_id = ? AND m.log_index > ? AND m.log_index <= ? ORDER BY m.log_index LIMIT ?",
    [accountId, range.afterIndex, range.throughIndex, range.limit + 1],
  );
  return toPage(rows, range.limit);
}

/** Which part of a conversation: the oldest after an index, or the newest before one. */
export interface ConversationRange {
  /** Excluded itself. With neither `after` nor `before`: the newest of all. */
  readonly before?: number | undefined;
  /** Excluded itself; goes before `before`. */
  readonly after?: number | undefined;
  readonly limit: number;
}

/**
 * What an account and others sent one another, oldest first within the page. The others are
 * those who bore one name, one after another ({@linkcode accountsNamed}): of deleted ones only
 * what they sent is left.
 */
export async function conversation(
  reader: Reader,
  accounts: {
    readonly accountId: string;
    readonly others: readonly { readonly accountId: string; readonly deleted: boolean }[];
  },
  range: ConversationRange,
): Promise<MessagePage> {
  const pairs = pairsOf(accounts.accountId, accounts.others);
  if (pairs.length === 0) return { messages: [], more: false };
  const forward = range.after !== undefined;
  const bound = range.after ?? range.before ?? Number.MAX_SAFE_INTEGER;
  const order = forward ? "ASC" : "DESC";
  // One branch for each pair and direction, each in log order by the index: SQLite merges them
  // and stops at the limit, where an IN or an OR would read and sort the whole conversation.
  const branch = "SELECT log_index FROM messages INDEXED BY messages_by_pair " +
    `WHERE from_id = ? AND to_id = ? AND log_index ${forward ? ">" : "<"} ?`;
  const found = `${
    pairs.map(() => branch).join(" UNION ALL ")
  } ORDER BY log_index ${order} LIMIT ?`;
  const rows = await reader.query(
    `${selectMessages} (${found}) AS p CROSS JOIN messages AS m ON m.log_index = p.log_index ` +
      joinNames,
    [...pairs.flatMap((pair) => [...pair, bound]), range.limit + 1],
  );
  // The order of a join is not promised, and SQLite would sort whole bodies to keep one.
  const sign = forward ? 1 : -1;
  const sorted = rows.toSorted((a, b) => sign * (Number(a["log_index"]) - Number(b["log_index"])));
  const page = toPage(sorted, range.limit);
  return forward ? page : { ...page, messages: page.messages.toReversed() };
}

/** Ids of what an account received up to an index and did not acknowledge, oldest first. */
export async function resolveAckUpTo(
  reader: Reader,
  accountId: string,
  range: { readonly throughIndex: number; readonly limit: number },
): Promise<{ readonly messageIds: readonly string[]; readonly more: boolean }> {
  const rows = await reader.query(
    `SELECT id, ${sound("messages")} FROM messages INDEXED BY messages_unacknowledged ` +
      "WHERE to_id = ? AND acknowledged = 0 AND log_index <= ? ORDER BY log_index LIMIT ?",
    [accountId, range.throughIndex, range.limit + 1],
  );
  const messageIds = rows.slice(0, range.limit).map((row) => textOf(row["id"]));
  return { messageIds, more: rows.length > range.limit };
}

/** Ids of what an account received at these log indexes and did not acknowledge. */
export async function receivedAt(
  reader: Reader,
  accountId: string,
  indexes: readonly number[],
): Promise<readonly string[]> {
  assert(indexes.length <= limits.ackIdsMax, "Messages are acknowledged some at a time");
  const list = inList(indexes);
  const rows = await reader.query(
    `SELECT id, ${sound("messages")} FROM messages NOT INDEXED ` +
      `WHERE log_index IN ${list.sql} AND to_id = ? AND acknowledged = 0`,
    [...list.args, accountId],
  );
  return rows.map((row) => textOf(row["id"]));
}

/** (from, to) in both directions, each once: a talk with oneself has only one. */
function pairsOf(
  accountId: string,
  others: readonly { readonly accountId: string; readonly deleted: boolean }[],
): readonly (readonly [string, string])[] {
  return others.flatMap((other) => {
    const received = [other.accountId, accountId] as const;
    const sent = [accountId, other.accountId] as const;
    return other.deleted || other.accountId === accountId ? [received] : [received, sent];
  });
}

/** Keeps what fits, at least one; `rows` holds one more than `limit` if there are more. */
function toPage(rows: readonly SqlRow[], limit: number): MessagePage {
  const messages: MessageRow[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, limit)) {
    const body = row["body"];
    assert(body instanceof Uint8Array, `Cannot read message ${row["id"]} as its body is no blob`);
    bytes += body.length;
    if (messages.length > 0 && bytes > limits.pageBodyBytesMax) break;
    messages.push(toMessage(row, decoder.decode(body)));
  }
  return { messages, more: messages.length < rows.length };
}

function toMessage(row: SqlRow, body: string): MessageRow {
  const term = parseTerm(textOf(row["term"]));
  assert(term !== null, `Cannot read message ${row["id"]} as its term is broken: ${row["term"]}`);
  return {
    id: textOf(row["id"]),
    index: Number(row["log_index"]),
    term,
    from: textOf(row["from_name"]),
    to: textOf(row["to_name"]),
    body,
    sentAtMs: Number(row["sent_at_ms"]),
    acknowledged: row["acknowledged"] === 1,
  };
}
