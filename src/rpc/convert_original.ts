/**
 * The original clients' requests and answers between their wire form and that of
 * `original_api.ts`. Refuses nothing: what is missing is empty, and what that means has a code.
 *
 * @module
 */

import * as wire from "./gen/original.js";
import { assert } from "../assert.ts";
import {
  MESSAGE_ID_MAX,
  type OriginalAccountRequest,
  type OriginalAcknowledgeRequest,
  type OriginalChatRequest,
  type OriginalMessage,
  type OriginalMessages,
  type OriginalResponse,
  type OriginalSendRequest,
  type OriginalSessionRequest,
  type OriginalUser,
} from "./original_api.ts";
import { type Codec, emptyForm, type Form, form, timeFromWire, timeToWire } from "./wire.ts";

/** A message whose wire form is the inner one. */
function same<T>(codec: Codec<T>): Form<T> {
  return form(codec, { toWire: (value) => value, fromWire: (value) => value });
}

export const createAccountRequest: Form<OriginalAccountRequest> = same(wire.CreateAccountRequest);
export const loginRequest: Form<OriginalAccountRequest> = same(wire.LoginRequest);
export const listUsersRequest: Form<object> = emptyForm(wire.ListUsersRequest);
export const sendRequest: Form<OriginalSendRequest> = same(wire.SendRequest);
export const getMessagesRequest: Form<OriginalSessionRequest> = same(wire.GetMessagesRequest);
export const getChatRequest: Form<OriginalChatRequest> = same(wire.GetChatRequest);
export const acknowledgeRequest: Form<OriginalAcknowledgeRequest> = same(wire.AcknowledgeRequest);
export const sessionRequest: Form<OriginalSessionRequest> = same(wire.SessionRequest);
export const serverResponse: Form<OriginalResponse> = same(wire.ServerResponse);

export const users: Form<{ readonly users: readonly OriginalUser[] }> = form(wire.Users, {
  toWire: ({ users }) => ({ user: users }),
  fromWire: ({ user }) => ({ users: user }),
});

export const messages: Form<OriginalMessages> = form(wire.Messages, {
  toWire: ({ messages, ...status }) => ({ ...status, message: messages.map(messageToWire) }),
  fromWire: ({ message, errorCode, errorMessage }) => ({
    errorCode,
    errorMessage,
    messages: message.map(messageFromWire),
  }),
});

function messageToWire({ from, message, messageId, sentAtMs }: OriginalMessage): wire.Message {
  // The encoder would cut it to 32 bits: another message's number.
  assert(messageId <= MESSAGE_ID_MAX, `Cannot write message id ${messageId} as an int32`);
  return { from_: from, message, messageId, timeStamp: timeToWire(sentAtMs) };
}

function messageFromWire({ from_, message, messageId, timeStamp }: wire.Message): OriginalMessage {
  return { from: from_, message, messageId, sentAtMs: timeFromWire(timeStamp, "time_stamp") };
}
