/**
 * Sessions of simulated users: opened, used, ended from within and from another one. Owns what a
 * user does about them and in which order; how a command is repeated is `clients.ts`'s.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { PlainCommand } from "../chat/command.ts";
import { author, type CommandFields } from "./client_commands.ts";
import type { ClientCalls, User } from "./client_races.ts";

/** How long a session lives unused, ms: clocks differ and step, but not by so much. */
const IDLE_MS = limits.sessionIdleDaysDefault * 86_400_000;

/** The sessions of one run's users. */
export class ClientSessions {
  readonly #calls: ClientCalls;

  constructor(calls: ClientCalls) {
    this.#calls = calls;
  }

  /** Each attempt asks for a session of its own: a token is given out once only (§8). */
  async login(user: User): Promise<void> {
    const operation = this.#calls.invoke({ kind: "login", user: user.number });
    let attempt = 0;
    const outcome = await this.#calls.answer(operation, user, (fields) => {
      const id = `session-${operation}-${attempt++}`;
      return {
        ...fields,
        kind: "login",
        accountId: user.accountId,
        sessionId: id,
        tokenHash: `token of ${id}`,
        passwordHash: "hash",
        idleMs: IDLE_MS,
      };
    });
    if (!outcome?.ok || outcome.kind !== "login") return;
    user.session = outcome.sessionId;
    user.sessions.push(outcome.sessionId);
  }

  /** Ends the session in which it asks. */
  async logout(user: User): Promise<void> {
    await this.#end(user, user.session, {});
  }

  /** Logs out, and in again with a new session: the old one must stay revoked. */
  async replace(user: User): Promise<void> {
    const { session } = user;
    await this.logout(user);
    // What is tried in it now is refused, whoever leads.
    void this.#calls.send(user, user, { session });
    await this.login(user);
  }

  /** A device is lost: the user logs in at another one, and ends there the session of the first. */
  async lose(user: User): Promise<void> {
    const { session } = user;
    await this.login(user);
    await this.#end(user, session, { endedSessionId: session });
    void this.#calls.send(user, user, { session });
    void this.#calls.send(user, user);
  }

  /** Ends all sessions from a new one, so that there are several; then nothing is done in any. */
  async endAll(user: User): Promise<void> {
    await this.login(user);
    const { session } = user;
    const sessions = [...user.sessions];
    const body = { kind: "logoutOfAll", user: user.number, sessions } as const;
    await this.#calls.answer(this.#calls.invoke(body), user, (fields) => ({
      ...fields,
      kind: "logout",
      ...author(user, session),
      all: true,
    }));
    for (const ended of sessions.slice(-2)) void this.#calls.send(user, user, { session: ended });
    await this.login(user);
  }

  /** Names a session of somebody else's, who goes on in it. */
  async endAnothers(user: User, other: User): Promise<void> {
    const { session } = other;
    await this.#end(user, session, { endedSessionId: session });
    void this.#calls.send(other, other, { session });
  }

  /** Says that its session was used, as a leader does of itself: once, whatever comes of it. */
  async use(user: User): Promise<void> {
    const { session } = user;
    const operation = this.#calls.invoke({ kind: "useSession", user: user.number, session });
    await this.#calls.once(operation, (fields) => ({
      ...fields,
      kind: "renewSession",
      ...author(user, session),
      idleMs: IDLE_MS,
    }));
  }

  async #end(
    user: User,
    ended: string,
    named: { readonly endedSessionId?: string },
  ): Promise<void> {
    const { session } = user;
    const body = { kind: "logout", user: user.number, session: ended } as const;
    const command = (fields: CommandFields): PlainCommand => ({
      ...fields,
      kind: "logout",
      ...author(user, session),
      all: false,
      ...named,
    });
    await this.#calls.answer(this.#calls.invoke(body), user, command);
  }
}
