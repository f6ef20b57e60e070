/**
 * Accounts and sessions: making and deleting them, logging in and out (rpc.md). Owns passwords
 * and tokens on their way in: neither is logged, stored or replicated, only what was derived
 * from them.
 *
 * @module
 */

import { randomBytes, randomUUID } from "node:crypto";
import { type Account, findAccountByName, listSessions } from "../chat/queries.ts";
import {
  checkEndedSession,
  checkName,
  checkPageSize,
  checkPassword,
  checkRequestId,
} from "../chat/validate.ts";
import { ChatError } from "../errors.ts";
import type {
  Answered,
  CallContext,
  CreateAccountRequest,
  DeleteAccountRequest,
  ListSessionsResponse,
  LoginRequest,
  LoginResponse,
  LogoutRequest,
  PageRequest,
} from "../rpc/api.ts";
import { fingerprint, type Mutations } from "./mutations.ts";
import { orGone, type ServiceParts } from "./service_parts.ts";
import { tokenHash } from "./sessions.ts";

const TOKEN_BYTES = 32;

/** The rpcs of accounts and sessions. */
export class AccountService {
  readonly #parts: ServiceParts;
  readonly #mutations: Mutations;

  constructor(parts: ServiceParts, mutations: Mutations) {
    this.#parts = parts;
    this.#mutations = mutations;
  }

  /** `NAME_TAKEN` if a live account has the name, in whatever case. */
  async createAccount(
    request: CreateAccountRequest,
    context: CallContext,
  ): Promise<Answered<object>> {
    const requestId = checkRequestId(request.requestId);
    const name = checkName(request.name);
    const password = checkPassword(request.password);
    const mutation = { kind: "createAccount", requestId, fields: [name] } as const;
    const { driver, passwords } = this.#parts.options;
    await driver.readIndex();
    // Hashing is the costly part: a retry does not need it.
    const first = await this.#mutations.decided(mutation);
    if (first !== null) return this.#parts.answer({});
    const passwordHash = await passwords.hash(password);
    await this.#mutations.byAnybody(context, {
      ...mutation,
      command: (stamp) =>
        Promise.resolve({
          ...stamp,
          kind: "createAccount",
          accountId: requestId,
          name,
          passwordHash,
        }),
    });
    return this.#parts.answer({});
  }

  /**
   * `UNAUTHENTICATED` for an unknown user and for a wrong password, with no difference;
   * `RATE_LIMITED` for either after too many of these.
   */
  async login(request: LoginRequest, context: CallContext): Promise<Answered<LoginResponse>> {
    const requestId = checkRequestId(request.requestId);
    const { driver } = this.#parts.options;
    await driver.readIndex();
    const { name } = request;
    const checked = () => this.#checked(request);
    const account = await this.#parts.options.logins.pass({ name, from: context.from }, checked);
    if (account === null) {
      throw new ChatError("UNAUTHENTICATED", "Cannot log in: the name or the password is wrong");
    }
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const sessionId = randomUUID();
    const { outcome } = await orGone(
      driver.propose({
        kind: "login",
        requestId,
        // A retry is decided anew: it must log the token that it gives back (DESIGN §8).
        fingerprint: fingerprint({ kind: "login", fields: [request.name] }),
        timeMs: this.#parts.options.clock.wall(),
        accountId: account.accountId,
        sessionId,
        tokenHash: tokenHash(token),
        passwordHash: account.passwordHash,
        idleMs: this.#parts.options.sessionIdleMs,
      }),
      context.signal,
    );
    if (!outcome.ok) throw new ChatError(outcome.reason, outcome.message);
    this.#parts.options.presence.called(account.accountId, sessionId);
    return this.#parts.answer({ token, name: account.name });
  }

  /** The account's sessions that are open, a page of them. */
  async listSessions(
    request: PageRequest,
    context: CallContext,
  ): Promise<Answered<ListSessionsResponse>> {
    const limit = checkPageSize(request.pageSize);
    const own = await this.#parts.reader(context);
    const { reader, sessions } = this.#parts.options;
    const page = await listSessions(reader, own.accountId, {
      limit,
      pageToken: request.pageToken,
    });
    const open = page.sessions.filter((session) => !sessions.isExpired(session));
    return this.#parts.answer({
      sessions: open.map(({ sessionId: id, ...times }) => {
        return { id, ...times, current: id === own.sessionId };
      }),
      nextPageToken: page.nextPageToken,
    });
  }

  /** `INVALID_ARGUMENT` if the account has no session of the id that is named. */
  async logout(request: LogoutRequest, context: CallContext): Promise<Answered<object>> {
    const requestId = checkRequestId(request.requestId);
    const { all } = request;
    const named = checkEndedSession(request);
    // A request that names none is the one that it always was.
    const [fields, which] = named === null
      ? [[all], {}]
      : [[all, named], { endedSessionId: named }];
    await this.#mutations.byAuthor(context, {
      kind: "logout",
      requestId,
      fields,
      command: (stamp, { accountId, sessionId }) =>
        Promise.resolve({ ...stamp, kind: "logout", accountId, sessionId, all, ...which }),
    });
    return this.#parts.answer({});
  }

  async deleteAccount(
    request: DeleteAccountRequest,
    context: CallContext,
  ): Promise<Answered<object>> {
    await this.#mutations.byAuthor(context, {
      kind: "deleteAccount",
      requestId: checkRequestId(request.requestId),
      fields: [],
      command: (stamp, { accountId, sessionId }) =>
        Promise.resolve({ ...stamp, kind: "deleteAccount", accountId, sessionId }),
    });
    return this.#parts.answer({});
  }

  /** The account of this name and password, or `null`; costs the same where there is none. */
  async #checked(request: LoginRequest): Promise<Account | null> {
    const { reader, passwords } = this.#parts.options;
    const possible = holds(() => checkName(request.name)) &&
      holds(() => checkPassword(request.password));
    const account = possible ? await findAccountByName(reader, request.name) : null;
    const password = possible ? request.password : "";
    const right = await passwords.check(password, account?.passwordHash ?? null);
    return right ? account : null;
  }
}

function holds(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
