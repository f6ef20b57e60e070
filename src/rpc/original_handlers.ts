/**
 * Serves the original clients' interface: calls without a deadline get one, and what is thrown
 * becomes a status by which such a client does no harm. Knows nothing of what the calls mean.
 *
 * @module
 */

import { type ServerErrorResponse, status } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import * as original from "./convert_original.ts";
import type { UnaryHandler } from "./handlers.ts";
import { addUnary, type CountingServer } from "./listener.ts";
import type { OriginalApi, OriginalContext } from "./original_api.ts";
import type { Method, MethodTable, Unary } from "./services.ts";
import { toStatus } from "./status.ts";
import { asBuffer, type Form } from "./wire.ts";

/** `ClientAccount`: the service of the original clients is in no package. */
export const originalMethods: MethodTable<OriginalApi> = {
  createAccount: method("CreateAccount", original.createAccountRequest, original.serverResponse),
  login: method("Login", original.loginRequest, original.serverResponse),
  listUsers: method("ListUsers", original.listUsersRequest, original.users),
  send: method("Send", original.sendRequest, original.serverResponse),
  getMessages: method("GetMessages", original.getMessagesRequest, original.messages),
  getChat: method("GetChat", original.getChatRequest, original.messages),
  acknowledge: method(
    "AcknowledgeReceivedMessages",
    original.acknowledgeRequest,
    original.serverResponse,
  ),
  deleteAccount: method("DeleteAccount", original.sessionRequest, original.serverResponse),
  logout: method("Logout", original.sessionRequest, original.serverResponse),
};

function method<Request, Response>(
  name: string,
  request: Form<Request>,
  response: Form<Response>,
): Method<Request, Response> {
  return { path: `/ClientAccount/${name}`, request, response };
}

/** A unary method whose types the table has matched with those of its api. */
type Run = (request: unknown, context: OriginalContext) => Promise<object>;

/** Adds the service to a server that is not bound yet. */
export function addOriginal(server: CountingServer, api: OriginalApi): void {
  for (const name of Object.keys(originalMethods) as Unary<OriginalApi>[]) {
    const method = originalMethods[name] as Method<unknown, object>;
    const run: Run = (request, context) => (api[name] as Run).call(api, request, context);
    addUnary(server, method.path, originalHandler(method, run));
  }
}

function originalHandler(method: Method<unknown, object>, run: Run): UnaryHandler {
  return async (call, callback) => {
    const end = new AbortController();
    call.once("cancelled", () => end.abort());
    if (call.cancelled) end.abort();
    const timer = setTimeout(() => end.abort(), limits.originalCallMsMax);
    const handedOver = Promise.withResolvers<boolean>();
    try {
      const context: OriginalContext = {
        from: call.getPeer(),
        deadlineMs: Math.min(Number(call.getDeadline()), Date.now() + limits.originalCallMsMax),
        signal: end.signal,
        answered: () => handedOver.promise.then(goneOut),
      };
      const answer = await run(method.request.fromBytes(call.request), context);
      const bytes = asBuffer(method.response.toBytes(answer));
      const isThere = !end.signal.aborted;
      callback(null, bytes);
      handedOver.resolve(isThere);
    } catch (error) {
      handedOver.resolve(false);
      callback(originalStatus(ChatError.from(error)));
    } finally {
      clearTimeout(timer);
    }
  };
}

/** What was handed over has yet to go out; without a connection it never will. */
function goneOut(isThere: boolean): Promise<boolean> {
  if (!isThere) return Promise.resolve(false);
  return new Promise((resolve) => void setTimeout(() => resolve(true), limits.lastBytesMs));
}

/**
 * UNIMPLEMENTED is the one status of which it is known what an original client does: it tries its
 * next address. So it gets no other one, unless another address would say the same.
 */
function originalStatus(error: ChatError): ServerErrorResponse {
  const told = toStatus(error);
  return error.reason === "INVALID_ARGUMENT" ? told : { ...told, code: status.UNIMPLEMENTED };
}
