/**
 * What every rpc of the chat service needs, whatever it is about: who calls, how new the state
 * must be, and what travels beside the response. Owns those rules (rpc.md, DESIGN §8); the
 * services beside it own the rpcs.
 *
 * @module
 */

import type { Reader } from "../chat/port.ts";
import { formatPosition, parsePosition } from "../chat/position.ts";
import type { MessageRow, Session } from "../chat/queries.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { compareTerms, sameTerm } from "../raft/term.ts";
import type { Term } from "../raft/types.ts";
import type { Answered, CallContext, Message, ResponseInfo } from "../rpc/api.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { LoginThrottle } from "./login_throttle.ts";
import type { Passwords } from "./passwords.ts";
import type { Clock } from "./ports.ts";
import type { Presence } from "./presence.ts";
import type { Renewals } from "./renewals.ts";
import { type Sessions, unauthenticated } from "./sessions.ts";

/** What the chat service is made from. */
export interface ServiceOptions {
  readonly driver: NodeDriver;
  readonly reader: Reader;
  readonly clock: Clock;
  readonly clusterId: () => string;
  readonly sessions: Sessions;
  readonly presence: Presence;
  readonly passwords: Passwords;
  /** Shared by all services by which one can log in. */
  readonly logins: LoginThrottle;
  readonly renewals: Pick<Renewals, "used">;
  /** How long a new session lives without being used, ms. */
  readonly sessionIdleMs: number;
}

/** The common ground of the services. */
export class ServiceParts {
  readonly options: ServiceOptions;
  /** Text of the newest position, made once for all responses that carry it. */
  #position = { checksum: "-", text: "" };

  constructor(options: ServiceOptions) {
    this.options = options;
  }

  /** The response with the cluster and how new the state was that answered it. */
  answer<T extends object>(response: T): Answered<T> {
    const info: ResponseInfo = {
      clusterId: this.options.clusterId(),
      position: this.position(),
    };
    return { ...response, info };
  }

  /** Position of the newest entry that the state shows. */
  position(): string {
    const applied = this.options.driver.appliedPosition();
    if (applied.checksum !== this.#position.checksum) {
      this.#position = { checksum: applied.checksum, text: formatPosition(applied) };
    }
    return this.#position.text;
  }

  /** Waits until this node shows what the caller has seen; throws `NOT_UP_TO_DATE` (§8). */
  async catchUp(context: CallContext): Promise<void> {
    if (context.position === undefined || context.position === "") return;
    const { index, term } = parsePosition(context.position);
    const { driver } = this.options;
    if (!this.#isForeign(index, term)) await driver.waitApplied(index, this.#waitUntil(context));
  }

  /** Seen on the other side of a partition: that history is not to be waited for (§9). */
  #isForeign(index: number, term: Term): boolean {
    const { driver } = this.options;
    const here = driver.termAt(index);
    if (here !== null) return !sameTerm(here, term);
    // Terms never decrease along a log: what it may still get is no older than its end.
    const last = driver.termAt(driver.status().lastIndex);
    return last !== null && compareTerms(term, last) < 0;
  }

  /** The caller of a read, at session consistency. Throws `UNAUTHENTICATED`, `NOT_UP_TO_DATE`. */
  async reader(context: CallContext): Promise<Session> {
    await this.catchUp(context);
    const { driver, sessions } = this.options;
    let session = await sessions.find(context.token);
    if (session === null && context.token && driver.status().role !== "leader") {
      // The login may be in this node's log and not applied yet: that is no reason to refuse.
      await driver.waitApplied(driver.status().lastIndex, this.#waitUntil(context));
      session = await sessions.find(context.token);
    }
    return this.seen(session);
  }

  /** The session, which must be open; its account has been seen. */
  seen(session: Session | null): Session {
    const { sessions, renewals } = this.options;
    if (session === null || session.revoked || sessions.isExpired(session)) {
      throw unauthenticated(session);
    }
    renewals.used(session);
    this.options.presence.called(session.accountId, session.sessionId);
    return session;
  }

  #waitUntil(context: CallContext): number {
    return Math.min(context.deadlineMs, this.options.clock.wall() + limits.catchUpWaitMsMax);
  }
}

/** A stored message as clients see it. */
export function toMessage(row: MessageRow): Message {
  const { id, index, from, to, body, sentAtMs, acknowledged } = row;
  const position = formatPosition(row);
  return { id, seq: index, position, from, to, body, sentAtMs, acknowledged };
}

/** Rejects when the caller has gone or its deadline has passed: what was begun goes on. */
export function orGone<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      reject(
        new ChatError(
          "COMMIT_TIMEOUT",
          "The write was not confirmed before the call's deadline and may still happen: " +
            "retry it with the same request id",
        ),
      );
    };
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", gone));
  });
}
