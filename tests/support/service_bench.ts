/**
 * A member's services over a driver without a core, and short ways to call them. Owns nothing of
 * the rules.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { createChatService } from "../../src/node/chat_service.ts";
import { Gate } from "../../src/node/gate.ts";
import { LoginThrottle } from "../../src/node/login_throttle.ts";
import { Passwords } from "../../src/node/passwords.ts";
import { Presence } from "../../src/node/presence.ts";
import { Renewals } from "../../src/node/renewals.ts";
import { ServiceParts } from "../../src/node/service_parts.ts";
import { Sessions } from "../../src/node/sessions.ts";
import { Subscriptions } from "../../src/node/subscriptions.ts";
import type { CallContext, ChatApi } from "../../src/rpc/api.ts";
import { FakeDriver, type FakeLog } from "./fake_driver.ts";
import { HandClock } from "./hand_clock.ts";

/** Far enough away for every test. */
const deadlineMs = Number.MAX_SAFE_INTEGER;

/** Thirty days. */
export const SESSION_IDLE_MS = 30 * 86_400_000;

/** One member. */
export class ServiceBench {
  readonly chat: ChatApi;
  readonly presence: Presence;
  readonly sessions: Sessions;
  readonly subscriptions: Subscriptions;
  readonly gate = new Gate();
  readonly parts: ServiceParts;
  readonly renewals: Renewals;

  private constructor(readonly driver: FakeDriver, readonly clock: HandClock) {
    const presence = this.presence = new Presence(clock);
    const reader = driver.chat;
    const sessions = this.sessions = new Sessions({
      reader,
      clock,
      onRevoked: (session) => presence.revoked(session.accountId, session.sessionId),
    });
    driver.onApplied((_messages, _applied, outcomes) => sessions.applied(outcomes));
    this.renewals = new Renewals({
      driver,
      reader,
      clock,
      idleMs: SESSION_IDLE_MS,
      tell: (sessionId) => presence.sessionUsed(sessionId),
    });
    presence.onSessionUsed((sessionId) => void this.renewals.told(sessionId));
    const passwords = new Passwords({ N: 2, r: 1, p: 1 });
    const parts = this.parts = new ServiceParts({
      driver,
      reader,
      clock,
      clusterId: () => "cluster-1",
      sessions,
      presence,
      passwords,
      logins: new LoginThrottle(clock),
      renewals: this.renewals,
      sessionIdleMs: SESSION_IDLE_MS,
    });
    this.subscriptions = new Subscriptions(parts);
    this.chat = createChatService({
      parts,
      subscriptions: this.subscriptions,
      gate: this.gate,
    });
  }

  /** A member of a cluster's log; the first one leads. */
  static async open(number = 1, log: FakeLog = [], clock = new HandClock()): Promise<ServiceBench> {
    const driver = await FakeDriver.open(number, log);
    driver.leads = number === 1;
    const bench = new ServiceBench(driver, clock);
    bench.gate.open();
    driver.tellRole();
    return bench;
  }

  /** Registers and logs in; gives the token. */
  async user(name: string): Promise<string> {
    const password = `password of ${name}`;
    await this.chat.createAccount({ requestId: randomUUID(), name, password }, context());
    return await this.login(name);
  }

  async login(name: string): Promise<string> {
    const password = `password of ${name}`;
    const request = { requestId: randomUUID(), name, password };
    return (await this.chat.login(request, context())).token;
  }

  send(token: string, to: string, body: string, requestId: string = randomUUID()) {
    return this.chat.sendMessage({ requestId, to, body }, context(token));
  }

  async close(): Promise<void> {
    this.subscriptions.close();
    await this.driver.close();
  }
}

/** The context of a call. */
export function context(
  token?: string,
  more: { readonly position?: string; readonly signal?: AbortSignal } = {},
): CallContext {
  return { token, deadlineMs, signal: new AbortController().signal, ...more };
}
