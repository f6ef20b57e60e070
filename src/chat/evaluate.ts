/**
 * Decides one command against the batch: the rule of request ids first, then the clock, then
 * what the command asks for. Owns that order; never runs SQL.
 *
 * @module
 */

import { createAccount, deleteAccount } from "./account_commands.ts";
import { setAdminToken } from "./admin_commands.ts";
import { type Batch, storeRequest } from "./batch.ts";
import type { Command, EntryPlace, Outcome, PlainCommand } from "./command.ts";
import { acknowledge, sendMessage } from "./message_commands.ts";
import { refusals } from "./refusals.ts";
import { evaluateSalvaged } from "./salvaged_commands.ts";
import { login, logout, renewSession } from "./session_commands.ts";

/** Where and when a command is decided. */
export interface Stamp {
  readonly place: EntryPlace;
  /** Never before that of an earlier command. */
  readonly timeMs: number;
}

/** A command with its place in the log. */
export interface PlacedCommand {
  readonly place: EntryPlace;
  readonly command: Command;
}

/**
 * The outcome of the next command, with its effects in `batch`. A request id that was decided
 * before gives the first outcome again, or `REQUEST_ID_REUSED` for other fields, before anything
 * else is looked at, and changes nothing (§8). A repeated login alone is decided anew, since the
 * first token cannot be given out again; what is stored stays the first outcome. A salvaged
 * command has rules of its own (salvaged_commands.ts).
 */
export function evaluate(batch: Batch, { place, command }: PlacedCommand): Outcome {
  if (command.kind === "salvaged") return evaluateSalvaged(batch, { place, command });
  const { rows } = batch;
  const first = rows.requests.get(command.requestId);
  if (first !== undefined && first.fingerprint !== command.fingerprint) {
    return refusals.requestIdReused;
  }
  if (first !== undefined && command.kind !== "login") return first.outcome;
  const stamp = { place, timeMs: Math.max(rows.lastTimeMs, command.timeMs) };
  const outcome = decide(batch, command, stamp);
  if (first !== undefined) return outcome;
  const { requestId, fingerprint } = command;
  const acceptedAtMs = stamp.timeMs;
  storeRequest(batch, { requestId, index: place.index, fingerprint, acceptedAtMs, outcome });
  return outcome;
}

function decide(batch: Batch, command: PlainCommand, stamp: Stamp): Outcome {
  switch (command.kind) {
    case "createAccount":
      return createAccount(batch, command, stamp);
    case "login":
      return login(batch, command, stamp);
    case "renewSession":
      return renewSession(batch, command, stamp);
    case "logout":
      return logout(batch, command, stamp);
    case "deleteAccount":
      return deleteAccount(batch, command, stamp);
    case "sendMessage":
      return sendMessage(batch, command, stamp);
    case "acknowledge":
      return acknowledge(batch, command, stamp);
    case "setAdminToken":
      return setAdminToken(batch, command, stamp);
  }
}
