/**
 * `ChatApi` as a node serves it: the services of accounts, messages, listings and subscriptions
 * as one, and the gate through which every call goes. Owns that gate: errors are `ChatError`s,
 * calls that were accepted are finished before the node stops, later ones are refused.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type {
  Answered,
  CallContext,
  ChatApi,
  SubscribeFrame,
  SubscribeRequest,
} from "../rpc/api.ts";
import { AccountService } from "./account_service.ts";
import { DirectoryService } from "./directory_service.ts";
import type { Gate } from "./gate.ts";
import { MessageService } from "./message_service.ts";
import { Mutations } from "./mutations.ts";
import type { ServiceParts } from "./service_parts.ts";
import type { Subscriptions } from "./subscriptions.ts";

export interface ChatServiceOptions {
  readonly parts: ServiceParts;
  readonly subscriptions: Subscriptions;
  readonly gate: Gate;
}

/** The chat service of one node. */
export function createChatService(options: ChatServiceOptions): ChatApi {
  const { parts, gate } = options;
  const mutations = new Mutations(parts);
  const accounts = new AccountService(parts, mutations);
  const messages = new MessageService(parts, mutations);
  const directory = new DirectoryService(parts);
  return {
    createAccount: (request, context) => gate.pass(() => accounts.createAccount(request, context)),
    login: (request, context) => gate.pass(() => accounts.login(request, context)),
    listSessions: (request, context) => gate.pass(() => accounts.listSessions(request, context)),
    logout: (request, context) => gate.pass(() => accounts.logout(request, context)),
    deleteAccount: (request, context) => gate.pass(() => accounts.deleteAccount(request, context)),
    listUsers: (request, context) => gate.pass(() => directory.listUsers(request, context)),
    sendMessage: (request, context) => gate.pass(() => messages.sendMessage(request, context)),
    getMessages: (request, context) => gate.pass(() => messages.getMessages(request, context)),
    getChat: (request, context) => gate.pass(() => messages.getChat(request, context)),
    acknowledgeMessages: (request, context) =>
      gate.pass(() => messages.acknowledgeMessages(request, context)),
    subscribe: (request, context) => subscribe(options, request, context),
    getCluster: () => gate.pass(() => directory.getCluster()),
  };
}

/**
 * The stream with its errors as `ChatError`s, and with what travels beside every response on
 * its first frame; the gate does not wait for it to end.
 */
async function* subscribe(
  { gate, parts, subscriptions }: ChatServiceOptions,
  request: SubscribeRequest,
  context: CallContext,
): AsyncGenerator<SubscribeFrame & Partial<Answered<object>>> {
  try {
    await gate.wait();
    let isFirst = true;
    for await (const frame of subscriptions.subscribe(request, context)) {
      yield isFirst ? parts.answer(frame) : frame;
      isFirst = false;
    }
  } catch (error) {
    throw ChatError.from(error);
  }
}
