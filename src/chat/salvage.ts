/**
 * What a losing side hands over and what the winner's leader need not propose (DESIGN §9), in the
 * bytes that entries carry. Owns how a command of the loser's log becomes a salvaged one; what
 * comes of it is decided by `salvaged_commands.ts` alone. Reads; never writes.
 *
 * @module
 */

import { InvariantError } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { type Batch, type BatchChanges, emptyBatch } from "./batch.ts";
import { decodeCommand, encodeCommand } from "./codec.ts";
import type { Command, Outcome, PlainCommand, SalvagedCommand } from "./command.ts";
import { evaluate } from "./evaluate.ts";
import { decodeOutcome } from "./outcome.ts";
import type { Reader } from "./port.ts";
import { prefetch } from "./prefetch.ts";
import { refusals } from "./refusals.ts";
import { sound } from "./schema.ts";
import { inList, textOf } from "./sql.ts";

/** A command entry of the loser's log. */
export interface OrphanEntry {
  readonly index: number;
  readonly data: Uint8Array;
}

/** A decided request of the loser's state. */
interface Decided {
  readonly fingerprint: string;
  readonly acceptedAtMs: number;
  readonly outcome: Outcome;
}

/** A session of the loser's state, as it is by now. */
interface OpenedSession {
  readonly accountId: string;
  readonly openedAtMs: number;
  readonly revoked: boolean;
}

/** What the loser's state knows of the commands in hand. */
export interface Known {
  readonly requests: ReadonlyMap<string, Decided>;
  readonly sessions: ReadonlyMap<string, OpenedSession>;
  /** Ids of messages that their receivers have acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
}

/**
 * The bytes of the salvaged commands, one for each entry, in order. `reader` shows the loser's own
 * state, with everything applied that it knows to be committed: what it has not decided travels
 * without an answer, and becomes a salvage record if the winner cannot apply it, since a client
 * may have been answered all the same. What the loser had salvaged itself keeps the answer of the
 * side where it came from, or gets the success that was given here.
 */
export async function salvagedFrom(
  reader: Reader,
  entries: readonly OrphanEntry[],
): Promise<readonly Uint8Array[]> {
  const commands = entries.map(({ data, index }) => decodeCommand(data, index));
  const plain = commands.map((one) => one.kind === "salvaged" ? one.command : one);
  return salvagedBy(commands, await readKnown(reader, plain));
}

/** {@linkcode salvagedFrom} by what is known already. */
export function salvagedBy(commands: readonly Command[], known: Known): readonly Uint8Array[] {
  return commands.map((command) => {
    const salvaged = command.kind === "salvaged"
      ? salvagedAgain(command, known)
      : wrap(command, known);
    const ended = salvaged.outcome?.ok && hasEnded(salvaged.command, known);
    return encodeCommand(ended ? { ...salvaged, ended } : salvaged);
  });
}

/**
 * For each salvaged command whether it would change nothing in the state that `reader` shows,
 * after those before it in the list: the leader need not propose such a one. Ask with a state that
 * has applied what was proposed of earlier lists. Anything but a salvaged command is
 * `INVALID_ARGUMENT`, and must not get into a log: it would stop every node that applies it.
 */
export async function settledAmong(
  reader: Reader,
  salvaged: readonly Uint8Array[],
): Promise<readonly boolean[]> {
  const commands = salvaged.map(decodeSalvaged);
  if (commands.length === 0) return [];
  const { rows } = await prefetch(reader, commands);
  return settledBy(commands, rows);
}

/** {@linkcode settledAmong} by rows of its own: those that are not settled are applied to them. */
export function settledBy(
  commands: readonly SalvagedCommand[],
  rows: Batch["rows"],
): readonly boolean[] {
  return commands.map((command) => {
    const { changes } = emptyBatch();
    evaluate({ rows, changes }, { place: nowhere, command });
    return changesNothing(changes);
  });
}

/** Ids of the requests that were decided from one log index to another, both included. */
export async function requestsBetween(
  reader: Reader,
  from: number,
  to: number,
): Promise<readonly string[]> {
  const rows = await reader.query(
    `SELECT id, ${sound("requests")} FROM requests WHERE log_index BETWEEN ? AND ? ` +
      "ORDER BY log_index",
    [from, to],
  );
  return rows.map((row) => textOf(row["id"]));
}

/** How many of these requests the state that `reader` shows knows nothing of. */
export async function countUnknown(reader: Reader, ids: readonly string[]): Promise<number> {
  const list = inList(ids);
  const rows = await reader.query(
    `SELECT id, ${sound("requests")} FROM requests WHERE id IN ${list.sql} ` +
      `UNION SELECT request_id, ${sound("salvage")} FROM salvage WHERE request_id IN ${list.sql}`,
    [...list.args, ...list.args],
  );
  return new Set(ids).size - rows.length;
}

/** A place that no entry has: what is decided there is thrown away. */
const nowhere = { index: 0, term: { epoch: 0, number: 0, nodeId: "" } } as const;

function changesNothing(changes: BatchChanges): boolean {
  const { deletion, adminToken, ...lists } = changes;
  return deletion === null && adminToken === null &&
    Object.values(lists).every((list) => list.length === 0);
}

/** A salvaged command, from the bytes that came over; `place` names it in an error. */
export function decodeSalvaged(data: Uint8Array, place: number): SalvagedCommand {
  try {
    const command = decodeCommand(data, place);
    if (command.kind === "salvaged") return command;
  } catch (error) {
    if (!(error instanceof InvariantError)) throw error;
  }
  throw new ChatError(
    "INVALID_ARGUMENT",
    `Cannot take in what a losing side handed over as item ${place} must be a salvaged command: ` +
      `current value is ${data.length} bytes of something else`,
  );
}

async function readKnown(reader: Reader, commands: readonly PlainCommand[]): Promise<Known> {
  const logins = commands.flatMap((one) => one.kind === "login" ? [one.sessionId] : []);
  const sent = commands.flatMap((one) => one.kind === "sendMessage" ? [one.requestId] : []);
  return {
    requests: await readRequests(reader, commands.map(({ requestId }) => requestId)),
    sessions: await readSessions(reader, logins),
    acknowledged: await readAcknowledged(reader, sent),
  };
}

async function readRequests(reader: Reader, ids: readonly string[]): Promise<Map<string, Decided>> {
  const requests = new Map<string, Decided>();
  if (ids.length === 0) return requests;
  const list = inList(ids);
  const rows = await reader.query(
    "SELECT id, log_index, fingerprint, accepted_at_ms, outcome FROM requests " +
      `WHERE id IN ${list.sql}`,
    list.args,
  );
  for (const row of rows) {
    const requestId = textOf(row["id"]);
    const place = {
      requestId,
      index: Number(row["log_index"]),
      acceptedAtMs: Number(row["accepted_at_ms"]),
    };
    const outcome = decodeOutcome(textOf(row["outcome"]), place);
    const { acceptedAtMs } = place;
    requests.set(requestId, { fingerprint: textOf(row["fingerprint"]), acceptedAtMs, outcome });
  }
  return requests;
}

async function readSessions(
  reader: Reader,
  ids: readonly string[],
): Promise<Map<string, OpenedSession>> {
  if (ids.length === 0) return new Map();
  const list = inList(ids);
  const rows = await reader.query(
    "SELECT id, account_id, created_at_ms, revoked_at_ms FROM sessions " +
      `WHERE id IN ${list.sql}`,
    list.args,
  );
  return new Map(rows.map((row) => [textOf(row["id"]), {
    accountId: textOf(row["account_id"]),
    openedAtMs: Number(row["created_at_ms"]),
    revoked: row["revoked_at_ms"] !== null,
  }]));
}

async function readAcknowledged(reader: Reader, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const list = inList(ids);
  // Those of a deleted receiver are lost on either side.
  const rows = await reader.query(
    "SELECT r.id FROM requests AS r JOIN messages AS m ON m.log_index = r.log_index " +
      `WHERE r.id IN ${list.sql} AND m.acknowledged = 1`,
    list.args,
  );
  return new Set(rows.map((row) => textOf(row["id"])));
}

function wrap(command: PlainCommand, known: Known): SalvagedCommand {
  const { requestId, fingerprint } = command;
  const { outcome, timeMs } = answerOf(command, known);
  return { kind: "salvaged", requestId, fingerprint, timeMs, command, outcome };
}

/** The session that a login opened. */
function sessionOf(command: PlainCommand, { sessions }: Known): OpenedSession | null {
  if (command.kind !== "login") return null;
  const session = sessions.get(command.sessionId);
  return session?.accountId === command.accountId ? session : null;
}

/**
 * What the loser had salvaged itself. If nobody knew its first answer, a refusal here is not
 * handed on: that side may have acknowledged it, and the salvage record here goes with this state.
 */
function salvagedAgain(command: SalvagedCommand, known: Known): SalvagedCommand {
  if (command.outcome !== null) return command;
  const again = wrap(command.command, known);
  return again.outcome?.ok ? again : command;
}

/** Whether the session or the message that it made has ended since. */
function hasEnded(command: PlainCommand, known: Known): boolean {
  return command.kind === "sendMessage"
    ? known.acknowledged.has(command.requestId)
    : sessionOf(command, known)?.revoked === true;
}

/** What its side answered, and when it accepted it. */
function answerOf(
  command: PlainCommand,
  known: Known,
): Pick<SalvagedCommand, "outcome" | "timeMs"> {
  const { requestId, fingerprint, timeMs } = command;
  // Of the attempts of one login only the first is stored; each has a session of its own.
  const session = sessionOf(command, known);
  if (command.kind === "login" && session !== null) {
    const { sessionId } = command;
    return { outcome: { ok: true, kind: "login", sessionId }, timeMs: session.openedAtMs };
  }
  const decided = known.requests.get(requestId);
  if (decided === undefined) return { outcome: null, timeMs };
  // The one that is stored came first, so this one was refused, or will be.
  if (decided.fingerprint !== fingerprint) return { outcome: refusals.requestIdReused, timeMs };
  const { outcome, acceptedAtMs } = decided;
  // Another attempt's session was opened: this attempt may not have been answered.
  if (command.kind === "login" && outcome.ok) return { outcome: null, timeMs };
  const sent = outcome.ok && outcome.kind === "sendMessage";
  return { outcome, timeMs: sent ? outcome.acceptedAtMs : acceptedAtMs };
}
