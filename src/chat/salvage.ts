/**
 * What a losing side hands over and what the winner's leader need not propose (DESIGN §9), in the
 * bytes that entries carry. Owns how a command of the loser's log becomes a salvaged one; what
 * comes of it is decided by `salvaged_commands.ts` alone. Reads; never writes.
 *
 * @module
 */

import { InvariantError } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { type BatchChanges, emptyBatch } from "./batch.ts";
import { decodeCommand, encodeCommand } from "./codec.ts";
import type { Outcome, PlainCommand, SalvagedCommand } from "./command.ts";
import { evaluate } from "./evaluate.ts";
import { decodeOutcome } from "./outcome.ts";
import type { Reader } from "./port.ts";
import { prefetch } from "./prefetch.ts";
import { refusals } from "./refusals.ts";
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

/** What the loser's state knows of the commands in hand. */
interface Known {
  readonly requests: ReadonlyMap<string, Decided>;
  /** When each session was opened, revoked ones too. */
  readonly sessions: ReadonlyMap<string, number>;
}

/**
 * The bytes of the salvaged commands, one for each entry, in order. `reader` shows the loser's own
 * state, with everything applied that it knows to be committed: what it has not decided travels
 * without an answer, and becomes a salvage record if the winner cannot apply it, since a client
 * may have been answered all the same. What the loser had salvaged itself keeps the answer of the
 * side where it came from, or gets the one that was given here.
 */
export async function salvagedFrom(
  reader: Reader,
  entries: readonly OrphanEntry[],
): Promise<readonly Uint8Array[]> {
  const commands = entries.map(({ data, index }) => decodeCommand(data, index));
  const plain = commands.map((one) => one.kind === "salvaged" ? one.command : one);
  const known = await readKnown(reader, plain);
  return commands.map((command) => {
    const salvaged = command.kind === "salvaged" && command.outcome !== null
      ? command
      : wrap(command.kind === "salvaged" ? command.command : command, known);
    return encodeCommand(salvaged);
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
  return commands.map((command) => {
    const { changes } = emptyBatch();
    evaluate({ rows, changes }, { place: nowhere, command });
    return changesNothing(changes);
  });
}

/** A place that no entry has: what is decided there is thrown away. */
const nowhere = { index: 0, term: { epoch: 0, number: 0, nodeId: "" } } as const;

function changesNothing(changes: BatchChanges): boolean {
  const { deletion, ...lists } = changes;
  return deletion === null && Object.values(lists).every((list) => list.length === 0);
}

function decodeSalvaged(data: Uint8Array, place: number): SalvagedCommand {
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
  return {
    requests: await readRequests(reader, commands.map(({ requestId }) => requestId)),
    sessions: await readSessions(reader, logins),
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

async function readSessions(reader: Reader, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const list = inList(ids);
  const rows = await reader.query(
    `SELECT id, created_at_ms FROM sessions WHERE id IN ${list.sql}`,
    list.args,
  );
  return new Map(rows.map((row) => [textOf(row["id"]), Number(row["created_at_ms"])]));
}

function wrap(command: PlainCommand, known: Known): SalvagedCommand {
  const { requestId, fingerprint } = command;
  const { outcome, timeMs } = answerOf(command, known);
  return { kind: "salvaged", requestId, fingerprint, timeMs, command, outcome };
}

/** What its side answered, and when it accepted it. */
function answerOf(
  command: PlainCommand,
  { requests, sessions }: Known,
): Pick<SalvagedCommand, "outcome" | "timeMs"> {
  const { requestId, fingerprint, timeMs } = command;
  // Of the attempts of one login only the first is stored; each has a session of its own.
  const openedAtMs = command.kind === "login" ? sessions.get(command.sessionId) : undefined;
  if (command.kind === "login" && openedAtMs !== undefined) {
    const { sessionId } = command;
    return { outcome: { ok: true, kind: "login", sessionId }, timeMs: openedAtMs };
  }
  const decided = requests.get(requestId);
  if (decided === undefined) return { outcome: null, timeMs };
  // The one that is stored came first, so this one was refused, or will be.
  if (decided.fingerprint !== fingerprint) return { outcome: refusals.requestIdReused, timeMs };
  const { outcome, acceptedAtMs } = decided;
  // Another attempt's session was opened: this attempt may not have been answered.
  if (command.kind === "login" && outcome.ok) return { outcome: null, timeMs };
  const sent = outcome.ok && outcome.kind === "sendMessage";
  return { outcome, timeMs: sent ? outcome.acceptedAtMs : acceptedAtMs };
}
