/**
 * Sending and acknowledging. Owns a message's identity (the request id of its sending) and the
 * rule that an acknowledgement never goes back.
 *
 * @module
 */

import type { Batch, MessageState, NewMessage } from "./batch.ts";
import type { Command, Outcome } from "./command.ts";
import type { Stamp } from "./evaluate.ts";
import { refuseSession } from "./authorize.ts";
import { refusals } from "./refusals.ts";

/** `NO_SUCH_USER` if the receiver is gone by now; to oneself is allowed. */
export function sendMessage(
  batch: Batch,
  command: Extract<Command, { kind: "sendMessage" }>,
  stamp: Stamp,
): Outcome {
  const { rows } = batch;
  const refused = refuseSession(rows, command, stamp);
  if (refused !== null) return refused;
  const receiver = command.toAccountId === null
    ? undefined
    : rows.accounts.get(command.toAccountId);
  if (receiver === undefined || receiver.deletedAtMs !== null) return refusals.noSuchUser;
  return deliver(batch, { ...command, toAccountId: receiver.id }, stamp).outcome;
}

/** A sending to an account. */
export type Delivery = Extract<Command, { kind: "sendMessage" }> & { readonly toAccountId: string };

/** Puts a message where its receiver reads it. */
export function deliver(
  { rows, changes }: Batch,
  command: Delivery,
  stamp: Stamp,
): { readonly message: NewMessage; readonly outcome: Outcome } {
  const message: NewMessage = {
    id: command.requestId,
    index: stamp.place.index,
    term: stamp.place.term,
    fromAccountId: command.accountId,
    toAccountId: command.toAccountId,
    body: command.body,
    sentAtMs: stamp.timeMs,
    acknowledged: false,
  };
  rows.messages.set(message.id, message);
  changes.messages.push(message);
  const outcome: Outcome = {
    ok: true,
    kind: "sendMessage",
    messageId: message.id,
    index: message.index,
    term: message.term,
    acceptedAtMs: message.sentAtMs,
  };
  return { message, outcome };
}

/**
 * Marks messages that this account received. All or none: one that another account received is
 * `PERMISSION_DENIED`. An id without a message, and one acknowledged before, counts as nothing,
 * so a client may acknowledge again what it is not sure about.
 */
export function acknowledge(
  batch: Batch,
  command: Extract<Command, { kind: "acknowledge" }>,
  stamp: Stamp,
): Outcome {
  const { rows } = batch;
  const refused = refuseSession(rows, command, stamp);
  if (refused !== null) return refused;
  const messages: MessageState[] = [];
  for (const id of new Set(command.messageIds)) {
    const message = rows.messages.get(id);
    if (message === undefined) continue;
    if (message.toAccountId !== command.accountId) return refusals.notReceiver;
    if (!message.acknowledged) messages.push(message);
  }
  for (const message of messages) markAcknowledged(batch, message);
  return { ok: true, kind: "acknowledge", acknowledged: messages.length };
}

/** Acknowledges a message that was not. */
export function markAcknowledged({ changes }: Batch, message: MessageState): void {
  message.acknowledged = true;
  changes.acknowledged.push(message);
}
