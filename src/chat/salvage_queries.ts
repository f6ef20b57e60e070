/**
 * Reads of salvage records (DESIGN §9), for operators: what a side that lost a meeting had taken
 * and the cluster could not. Bounded in rows and in bytes and served by indexes; no record shows
 * a password's hash or a token's.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import { decodeCommand } from "./codec.ts";
import type { PlainCommand, SalvagedCommand } from "./command.ts";
import { parseIndexToken } from "./page_token.ts";
import type { Reader, SqlRow } from "./port.ts";
import { sound } from "./schema.ts";
import { inList, textOf } from "./sql.ts";

/** A command that could not be applied, in the words of those who asked for it. */
export interface SalvageRow {
  /** Where in the log that was decided. */
  readonly index: number;
  readonly requestId: string;
  readonly kind: PlainCommand["kind"];
  /** Of whoever asked; a name is `null` where no account of this id was ever known. */
  /** Empty: an operator asked for it. */
  readonly accountId: string;
  readonly from: string | null;
  /** Only messages have a receiver and a body. */
  readonly toAccountId: string | null;
  readonly to: string | null;
  readonly body: string | null;
  /** Only acknowledgements have these. */
  readonly messageIds: readonly string[];
  /** When its side accepted it, or was asked, if it never decided. */
  readonly acceptedAtMs: number;
  readonly reason: string;
  /** Whether its side had told the client that it was done. */
  readonly acknowledged: boolean;
}

/** One page of {@linkcode listSalvaged}. */
export interface SalvagePage {
  readonly records: readonly SalvageRow[];
  /** Empty at the end. */
  readonly nextPageToken: string;
}

interface StoredRecord {
  readonly index: number;
  readonly reason: string;
  readonly salvaged: SalvagedCommand;
}

/** Salvage records, oldest first. */
export async function listSalvaged(
  reader: Reader,
  page: { readonly limit: number; readonly pageToken?: string | undefined },
): Promise<SalvagePage> {
  const rows = await reader.query(
    `SELECT log_index, reason, command, ${sound("salvage")} FROM salvage ` +
      "WHERE log_index > ? ORDER BY log_index LIMIT ?",
    [parseIndexToken(page.pageToken ?? ""), page.limit + 1],
  );
  const stored = takeSome(rows, page.limit);
  const names = await namesOf(reader, stored.map(({ salvaged }) => salvaged.command));
  const last = stored.at(-1);
  return {
    records: stored.map((record) => toRow(record, names)),
    nextPageToken: stored.length < rows.length && last !== undefined ? String(last.index) : "",
  };
}

/** What fits, at least one. */
function takeSome(rows: readonly SqlRow[], limit: number): readonly StoredRecord[] {
  const taken: StoredRecord[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, limit)) {
    const data = row["command"];
    assert(data instanceof Uint8Array, `Cannot read salvage record ${row["log_index"]}`);
    bytes += data.length;
    if (taken.length > 0 && bytes > limits.pageBodyBytesMax) break;
    const index = Number(row["log_index"]);
    taken.push({ index, reason: textOf(row["reason"]), salvaged: salvagedOf(data, index) });
  }
  return taken;
}

function salvagedOf(data: Uint8Array, index: number): SalvagedCommand {
  const command = decodeCommand(data, index);
  assert(command.kind === "salvaged", `Salvage record ${index} is of a ${command.kind}`);
  return command;
}

/**
 * Names of all accounts that the commands mention, by id. An account that could not be taken over
 * has its name in a record of its own.
 */
async function namesOf(
  reader: Reader,
  commands: readonly PlainCommand[],
): Promise<ReadonlyMap<string, string>> {
  const ids = new Set(commands.flatMap((command) => {
    if (command.kind === "setAdminToken") return [];
    const to = command.kind === "sendMessage" ? command.toAccountId : null;
    return to === null ? [command.accountId] : [command.accountId, to];
  }));
  const names = new Map<string, string>();
  if (ids.size === 0) return names;
  const list = inList([...ids]);
  const accounts = await reader.query(
    `SELECT id, name, ${sound("accounts")} FROM accounts WHERE id IN ${list.sql}`,
    list.args,
  );
  for (const row of accounts) names.set(textOf(row["id"]), textOf(row["name"]));
  const unknown = [...ids].filter((id) => !names.has(id));
  if (unknown.length === 0) return names;
  const lost = inList(unknown);
  const records = await reader.query(
    `SELECT log_index, command, ${sound("salvage")} FROM salvage WHERE request_id IN ${lost.sql}`,
    lost.args,
  );
  for (const row of records) {
    const data = row["command"];
    assert(data instanceof Uint8Array, `Cannot read salvage record ${row["log_index"]}`);
    const { command } = salvagedOf(data, Number(row["log_index"]));
    if (command.kind === "createAccount") names.set(command.accountId, command.name);
  }
  return names;
}

function toRow(
  { index, reason, salvaged }: StoredRecord,
  names: ReadonlyMap<string, string>,
): SalvageRow {
  const { command } = salvaged;
  const accountId = command.kind === "setAdminToken" ? "" : command.accountId;
  const message = command.kind === "sendMessage" ? command : null;
  const toAccountId = message?.toAccountId ?? null;
  return {
    index,
    requestId: salvaged.requestId,
    kind: command.kind,
    accountId,
    from: command.kind === "createAccount" ? command.name : names.get(accountId) ?? null,
    toAccountId,
    to: toAccountId === null ? null : names.get(toAccountId) ?? null,
    body: message?.body ?? null,
    messageIds: command.kind === "acknowledge" ? command.messageIds : [],
    acceptedAtMs: salvaged.timeMs,
    reason,
    acknowledged: salvaged.outcome !== null,
  };
}
