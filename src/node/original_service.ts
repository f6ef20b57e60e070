/**
 * The original clients' interface as a node serves it: each of its calls is one of the chat
 * service's, with a request id made here and its failures told in codes. Owns which code tells
 * what, and what is not told at all.
 *
 * Such a client knows no request id: a call that ends without an answer, or with a status that
 * sends it to its next address, may be made again there, as a new one. So a call ends with a
 * status only where that does no harm: it did not happen, or it may happen twice. Where neither
 * is certain it ends with a code.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { findAccountByName, listAccounts } from "../chat/queries.ts";
import { ChatError, type Reason } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CallContext } from "../rpc/api.ts";
import {
  type OriginalAccountRequest,
  type OriginalApi,
  type OriginalCode,
  originalCodes as codes,
  type OriginalContext,
  type OriginalMessages as Answer,
  type OriginalResponse,
  type OriginalUser,
} from "../rpc/original_api.ts";
import { AccountService } from "./account_service.ts";
import type { Gate } from "./gate.ts";
import { MessageService } from "./message_service.ts";
import { Mutations } from "./mutations.ts";
import { OriginalLeading } from "./original_leading.ts";
import { OriginalMessages, type Reading } from "./original_messages.ts";
import type { ServiceParts } from "./service_parts.ts";

/** Which code tells that a call failed for a reason, or because of a field. */
interface Telling {
  readonly reasons: Partial<Readonly<Record<Reason, OriginalCode>>>;
  readonly fields?: Readonly<Record<string, OriginalCode>>;
  /** It may happen twice: then nobody needs to know whether it did. */
  readonly repeatable?: boolean;
}

const session = { UNAUTHENTICATED: codes.notLoggedIn } as const;

const tellings = {
  // What cannot be had as a name or a password is told like what is taken or wrong.
  createAccount: {
    reasons: { NAME_TAKEN: codes.nameExists },
    fields: { name: codes.nameExists, password: codes.wrongPassword },
  },
  // A second session is nobody's loss: who has no answer does not know the first.
  login: {
    reasons: {
      UNAUTHENTICATED: codes.wrongPassword,
      // Another address would say so too, before long; the message says how long to wait.
      RATE_LIMITED: codes.wrongPassword,
      NO_SUCH_USER: codes.noSuchUser,
    },
    repeatable: true,
  },
  send: {
    reasons: { ...session, NO_SUCH_USER: codes.noSuchReceiver },
    fields: { to: codes.noSuchReceiver, body: codes.noMessages },
  },
  getMessages: { reasons: session, repeatable: true },
  getChat: {
    reasons: { ...session, NO_SUCH_USER: codes.noSuchUser },
    fields: { with: codes.noSuchUser },
    repeatable: true,
  },
  acknowledge: { reasons: session, repeatable: true },
  ending: { reasons: session },
} as const satisfies Record<string, Telling>;

export interface OriginalServiceOptions {
  readonly parts: ServiceParts;
  readonly gate: Gate;
}

/** The service of one node. */
export function createOriginalService({ parts, gate }: OriginalServiceOptions): OriginalApi {
  const mutations = new Mutations(parts);
  const accounts = new AccountService(parts, mutations);
  const messages = new MessageService(parts, mutations);
  const reads = new OriginalMessages(parts, messages);
  const { sessions } = parts.options;
  const way = new Way(gate, new OriginalLeading(parts.options));
  return {
    createAccount: (request, context) =>
      way.mutate(tellings.createAccount, context, (requestId) => {
        const { username: name, password } = request;
        return accounts.createAccount({ requestId, name, password }, callOf(context));
      }),
    login: (request, context) =>
      way.answer(tellings.login, context, async () => {
        return done(await login({ parts, accounts }, request, callOf(context)));
      }),
    listUsers: (_request, context) => way.pass(context, () => listUsers(parts)),
    send: ({ to, message: body, sessionId }, context) =>
      way.mutate(
        tellings.send,
        context,
        (requestId) => messages.sendMessage({ requestId, to, body }, callOf(context, sessionId)),
      ),
    getMessages: ({ sessionId }, context) =>
      way.show(
        tellings.getMessages,
        { context, token: sessionId },
        (reading) => reads.unread(reading),
      ),
    getChat: ({ username, sessionId }, context) =>
      way.show(
        tellings.getChat,
        { context, token: sessionId },
        (reading) => reads.chat(username, reading),
      ),
    acknowledge: ({ messageIds, sessionId: token }, context) =>
      way.answer(tellings.acknowledge, context, async () => {
        await reads.acknowledge(messageIds, { token, signal: context.signal });
        return done();
      }),
    deleteAccount: ({ sessionId }, context) =>
      way.mutate(
        tellings.ending,
        context,
        (requestId) => accounts.deleteAccount({ requestId }, callOf(context, sessionId)),
      ),
    logout: ({ sessionId }, context) =>
      way.mutate(tellings.ending, context, async (requestId) => {
        await accounts.logout({ requestId, all: false }, callOf(context, sessionId));
        // So that whoever lists the users next sees it.
        await sessions.find(sessionId);
      }),
  };
}

/** The way of every call: to a leader, through the gate, and back with an answer. */
class Way {
  readonly #gate: Gate;
  readonly #leading: OriginalLeading;

  constructor(gate: Gate, leading: OriginalLeading) {
    this.#gate = gate;
    this.#leading = leading;
  }

  /** Waits for an election outside of the gate, so that no stopping node waits for it. */
  async pass<T>({ signal }: OriginalContext, call: () => Promise<T>): Promise<T> {
    await this.#gate.wait();
    await this.#leading.lead(signal);
    return await this.#gate.pass(call);
  }

  /** A call with an answer of its own. */
  async answer(
    telling: Telling,
    context: OriginalContext,
    call: () => Promise<OriginalResponse>,
  ): Promise<OriginalResponse> {
    try {
      return await this.pass(context, call);
    } catch (error) {
      return { ...told(telling, ChatError.from(error)), sessionId: "" };
    }
  }

  /** A call that must not happen twice, under a request id of its own. */
  mutate(
    telling: Telling,
    context: OriginalContext,
    call: (requestId: string) => Promise<unknown>,
  ): Promise<OriginalResponse> {
    return this.answer(telling, context, async () => {
      const requestId = randomUUID();
      try {
        await call(requestId);
      } catch (thrown) {
        const error = ChatError.from(thrown);
        if (error.definite) throw error;
        await this.#leading.settle(requestId, error, context.signal);
      }
      return done();
    });
  }

  /** Answers as soon as there is something to show; what comes of it then is within the gate. */
  show(
    telling: Telling,
    { context, token }: { readonly context: OriginalContext; readonly token: string },
    read: (reading: Reading) => Promise<void>,
  ): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const { signal } = context;
      const answer: Reading["answer"] = (messages) => {
        const none = messages.length === 0;
        const errorCode = none ? codes.noMessages : codes.success;
        resolve({ errorCode, errorMessage: none ? "There are no messages" : "", messages });
      };
      const answered = () => context.answered();
      this.pass(context, () => read({ token, signal, answer, answered })).catch(reject);
    }).catch((error) => ({ ...told(telling, ChatError.from(error)), messages: [] }));
  }
}

/** The code that tells an error; throws it where there is none. */
function told(telling: Telling, error: ChatError): Omit<OriginalResponse, "sessionId"> {
  const { reasons, fields = {}, repeatable = false } = telling;
  const code = error.field === undefined ? reasons[error.reason] : fields[error.field];
  const errorMessage = error.message;
  if (code !== undefined) return { errorCode: code, errorMessage };
  if (repeatable || error.definite) throw error;
  return {
    errorCode: codes.notMaster,
    errorMessage: `${errorMessage} (look before you repeat it)`,
  };
}

function done(sessionId = ""): OriginalResponse {
  return { errorCode: codes.success, errorMessage: "", sessionId };
}

function callOf({ signal, deadlineMs, from }: OriginalContext, token?: string): CallContext {
  return { token, signal, deadlineMs, ...from === undefined ? {} : { from } };
}

/** The token of a new session. `NO_SUCH_USER`, other than to clients of this version. */
async function login(
  { parts, accounts }: { readonly parts: ServiceParts; readonly accounts: AccountService },
  { username: name, password }: OriginalAccountRequest,
  call: CallContext,
): Promise<string> {
  if (await findAccountByName(parts.options.reader, name) === null) {
    throw new ChatError("NO_SUCH_USER", "Cannot log in: there is no user of this name");
  }
  const { token } = await accounts.login({ requestId: randomUUID(), name, password }, call);
  return token;
}

/** The first users by name, without a login. */
async function listUsers(
  parts: ServiceParts,
): Promise<{ readonly users: readonly OriginalUser[] }> {
  const { reader, presence } = parts.options;
  const users: OriginalUser[] = [];
  let pageToken = "";
  do {
    const limit = Math.min(limits.pageRowsMax, limits.originalUsersMax - users.length);
    const page = await listAccounts(reader, { limit, pageToken });
    for (const { accountId, name: username } of page.accounts) {
      users.push({ username, status: presence.isOnline(accountId) ? "online" : "offline" });
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && users.length < limits.originalUsersMax);
  return { users };
}
