/**
 * Requests and answers about messages and subscriptions between their wire form and that of
 * `api.ts`.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type {
  AcknowledgeRequest,
  AcknowledgeResponse,
  GetChatRequest,
  GetChatResponse,
  GetMessagesResponse,
  Message,
  SendMessageRequest,
  SendMessageResponse,
  SubscribeFrame,
  SubscribeRequest,
} from "./api.ts";
import { v1 } from "./gen/messages.js";
import { type Form, form, integer, invalid, text, timeFromWire, timeToWire } from "./wire.ts";

function messageToWire(message: Message): v1.Message {
  return { ...message, sentAt: timeToWire(message.sentAtMs) };
}

function messageFromWire(wire: v1.Message): Message {
  return {
    id: text(wire.id, "message.id"),
    seq: integer(wire.seq, "message.seq"),
    position: text(wire.position, "message.position"),
    from: wire.from,
    to: wire.to,
    body: wire.body,
    sentAtMs: timeFromWire(wire.sentAt, "message.sent_at"),
    acknowledged: wire.acknowledged,
  };
}

/** `SendMessageRequest`. */
export const sendMessageRequest: Form<SendMessageRequest> = form(v1.SendMessageRequest, {
  toWire: (request) => request,
  fromWire: ({ requestId, to, body }) => ({
    requestId: text(requestId, "request_id"),
    to: text(to, "to"),
    body: text(body, "body"),
  }),
});

/** `SendMessageResponse`. */
export const sendMessageResponse: Form<SendMessageResponse> = form(v1.SendMessageResponse, {
  toWire: ({ id, seq, position, acceptedAtMs }) => ({
    id,
    seq,
    position,
    acceptedAt: timeToWire(acceptedAtMs),
  }),
  fromWire: ({ id, seq, position, acceptedAt }) => ({
    id: text(id, "id"),
    seq: integer(seq, "seq"),
    position: text(position, "position"),
    acceptedAtMs: timeFromWire(acceptedAt, "accepted_at"),
  }),
});

/** `GetMessagesResponse`. */
export const getMessagesResponse: Form<GetMessagesResponse> = form(v1.GetMessagesResponse, {
  toWire: ({ messages, nextPageToken }) => ({
    messages: messages.map(messageToWire),
    nextPageToken,
  }),
  fromWire: ({ messages, nextPageToken }) => ({
    messages: messages.map(messageFromWire),
    nextPageToken,
  }),
});

function getChatToWire(request: GetChatRequest): v1.GetChatRequest {
  const { limit, before, after } = request;
  if (before !== undefined && after !== undefined) {
    throw invalid("before", "it excludes after, give only one of them");
  }
  return {
    with: request.with,
    limit: limit ?? null,
    before: before ?? null,
    after: after ?? null,
  };
}

/** `GetChatRequest`. */
export const getChatRequest: Form<GetChatRequest> = form(v1.GetChatRequest, {
  toWire: getChatToWire,
  fromWire: ({ with: name, limit, before, after }) => ({
    with: text(name, "with"),
    ...(limit ? { limit } : {}),
    ...(before ? { before } : {}),
    ...(after ? { after } : {}),
  }),
});

/** `GetChatResponse`. */
export const getChatResponse: Form<GetChatResponse> = form(v1.GetChatResponse, {
  toWire: ({ messages, more }) => ({ messages: messages.map(messageToWire), more }),
  fromWire: ({ messages, more }) => ({ messages: messages.map(messageFromWire), more }),
});

function acknowledgeFromWire(wire: v1.AcknowledgeMessagesRequest): AcknowledgeRequest {
  const requestId = text(wire.requestId, "request_id");
  const { ids, upTo } = wire;
  if (upTo !== "") {
    if (ids.length > 0) throw invalid("up_to", "it excludes ids, give only one of them");
    return { requestId, upTo };
  }
  if (ids.length === 0) throw invalid("ids", "it is missing, and so is up_to");
  if (ids.length > limits.ackIdsMax) {
    throw invalid("ids", `there are more than ${limits.ackIdsMax}, send them in parts`);
  }
  return { requestId, ids: ids.map((id) => text(id, "ids")) };
}

/** `AcknowledgeMessagesRequest`. */
export const acknowledgeMessagesRequest: Form<AcknowledgeRequest> = form(
  v1.AcknowledgeMessagesRequest,
  {
    toWire: ({ requestId, ids = [], upTo = "" }) => ({ requestId, ids, upTo }),
    fromWire: acknowledgeFromWire,
  },
);

/** `AcknowledgeMessagesResponse`. */
export const acknowledgeMessagesResponse: Form<AcknowledgeResponse> = form(
  v1.AcknowledgeMessagesResponse,
  {
    toWire: (response) => response,
    fromWire: ({ acknowledged, more }) => ({ acknowledged, more }),
  },
);

function subscribeFromWire(wire: v1.SubscribeRequest): SubscribeRequest {
  const { positions, fromUnacknowledged } = wire;
  if (positions.length > limits.positionsMax) {
    throw invalid("positions", `there are more than ${limits.positionsMax}, send the newest`);
  }
  return {
    positions: positions.map((position) => text(position, "positions")),
    ...(fromUnacknowledged ? { fromUnacknowledged } : {}),
  };
}

/** `SubscribeRequest`. */
export const subscribeRequest: Form<SubscribeRequest> = form(v1.SubscribeRequest, {
  toWire: ({ positions, fromUnacknowledged = false }) => ({ positions, fromUnacknowledged }),
  fromWire: subscribeFromWire,
});

/** `SubscribeResponse`; `null` is a frame of a kind that is not known here. */
export const subscribeResponse: Form<SubscribeFrame | null> = form(v1.SubscribeResponse, {
  toWire: (frame) => {
    if (frame === null) return {};
    return frame.kind === "message"
      ? { message: messageToWire(frame.message) }
      : { heartbeat: { position: frame.position } };
  },
  fromWire: ({ message, heartbeat }) => {
    if (message) return { kind: "message", message: messageFromWire(message) };
    return heartbeat ? { kind: "heartbeat", position: heartbeat.position } : null;
  },
});
