/**
 * Messages: sending, reading and acknowledging them (rpc.md). Owns how names and positions of a
 * request become the immutable ids that commands carry; subscriptions are on their own.
 *
 * @module
 */

import type { EntryPlace } from "../chat/command.ts";
import { formatPosition, parsePosition } from "../chat/position.ts";
import {
  accountsNamed,
  conversation,
  findAccountByName,
  inbox,
  resolveAckUpTo,
} from "../chat/queries.ts";
import {
  checkAcknowledge,
  checkBody,
  checkName,
  checkPageSize,
  checkRequestId,
} from "../chat/validate.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { sameTerm } from "../raft/term.ts";
import type {
  AcknowledgeRequest,
  AcknowledgeResponse,
  Answered,
  CallContext,
  GetChatRequest,
  GetChatResponse,
  GetMessagesResponse,
  PageRequest,
  SendMessageRequest,
  SendMessageResponse,
} from "../rpc/api.ts";
import type { Mutations } from "./mutations.ts";
import { type ServiceParts, toMessage } from "./service_parts.ts";

/** The rpcs of messages. */
export class MessageService {
  readonly #parts: ServiceParts;
  readonly #mutations: Mutations;

  constructor(parts: ServiceParts, mutations: Mutations) {
    this.#parts = parts;
    this.#mutations = mutations;
  }

  /** `NO_SUCH_USER` if no live account has the name. */
  async sendMessage(
    request: SendMessageRequest,
    context: CallContext,
  ): Promise<Answered<SendMessageResponse>> {
    const requestId = checkRequestId(request.requestId);
    const to = checkName(request.to, "to");
    const body = checkBody(request.body);
    const sent = await this.#mutations.byAuthor(context, {
      kind: "sendMessage",
      requestId,
      fields: [to, body],
      command: async (stamp, { accountId, sessionId }) => {
        const receiver = await findAccountByName(this.#parts.options.reader, to);
        const toAccountId = receiver?.accountId ?? null;
        return { ...stamp, kind: "sendMessage", accountId, sessionId, toAccountId, body };
      },
    });
    return this.#parts.answer({
      id: sent.messageId,
      seq: sent.index,
      position: formatPosition(sent),
      acceptedAtMs: sent.acceptedAtMs,
    });
  }

  async getMessages(
    request: PageRequest,
    context: CallContext,
  ): Promise<Answered<GetMessagesResponse>> {
    const limit = checkPageSize(request.pageSize);
    const { accountId } = await this.#parts.reader(context);
    const page = { limit, pageToken: request.pageToken };
    const found = await inbox(this.#parts.options.reader, accountId, page);
    const { nextPageToken } = found;
    return this.#parts.answer({ messages: found.messages.map(toMessage), nextPageToken });
  }

  /** `NO_SUCH_USER` if nobody ever had the name. */
  async getChat(
    request: GetChatRequest,
    context: CallContext,
  ): Promise<Answered<GetChatResponse>> {
    const name = checkName(request.with, "with");
    const limit = checkPageSize(request.limit, "limit");
    const range = { limit, ...chatRange(request) };
    const { accountId } = await this.#parts.reader(context);
    const { reader } = this.#parts.options;
    const others = await accountsNamed(reader, name);
    if (others.length === 0) {
      throw new ChatError("NO_SUCH_USER", `There is no user ${name}: check the name`);
    }
    const { messages, more } = await conversation(reader, { accountId, others }, range);
    return this.#parts.answer({ messages: messages.map(toMessage), more });
  }

  async acknowledgeMessages(
    request: AcknowledgeRequest,
    context: CallContext,
  ): Promise<Answered<AcknowledgeResponse>> {
    const requestId = checkRequestId(request.requestId);
    const asked = checkAcknowledge(request);
    const upTo = "upTo" in asked ? parsePosition(asked.upTo, "up_to") : null;
    let reader = "";
    const { acknowledged } = await this.#mutations.byAuthor(context, {
      kind: "acknowledge",
      requestId,
      fields: "upTo" in asked ? ["upTo", asked.upTo] : ["ids", ...asked.ids],
      command: async (stamp, { accountId, sessionId }) => {
        reader = accountId;
        const messageIds = "ids" in asked
          ? asked.ids
          : await this.#upTo(accountId, parsePosition(asked.upTo, "up_to"), limits.ackIdsMax);
        return { ...stamp, kind: "acknowledge", accountId, sessionId, messageIds };
      },
    });
    // Asked anew, since the outcome may be that of an earlier attempt.
    const left = upTo === null || reader === "" ? [] : await this.#upTo(reader, upTo, 1);
    return this.#parts.answer({ acknowledged, more: left.length > 0 });
  }

  /** What is meant by "up to a position", before it enters the log (DESIGN §8). */
  async #upTo(accountId: string, place: EntryPlace, limit: number): Promise<readonly string[]> {
    const { driver, reader } = this.#parts.options;
    const here = driver.termAt(place.index);
    if (place.index > 0 && (here === null || !sameTerm(here, place.term))) {
      throw new ChatError(
        "INVALID_ARGUMENT",
        "Cannot take the request as up_to must be a position of this history: read again first",
        { field: "up_to" },
      );
    }
    const range = { throughIndex: place.index, limit };
    return (await resolveAckUpTo(reader, accountId, range)).messageIds;
  }
}

function chatRange(
  request: GetChatRequest,
): { readonly before?: number; readonly after?: number } {
  const { before = "", after = "" } = request;
  if (before !== "" && after !== "") {
    throw new ChatError(
      "INVALID_ARGUMENT",
      "Cannot take the request as after must be empty if before is given: both are",
      { field: "after" },
    );
  }
  if (before !== "") return { before: parsePosition(before, "before").index };
  if (after !== "") return { after: parsePosition(after, "after").index };
  return {};
}
