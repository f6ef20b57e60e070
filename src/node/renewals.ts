/**
 * Keeps sessions alive that are used: whoever leads writes it down, at most once a day for each, and
 * the others tell it. Owns when that is due and how many are on their way; a telling that is lost is
 * told again with a later call, and what a session's end is, the state says.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import type { Reader } from "../chat/port.ts";
import { type Session, sessionById } from "../chat/queries.ts";
import { limits } from "../limits.ts";
import type { NodeDriver } from "./driver_api.ts";
import { fingerprint } from "./mutations.ts";
import type { Clock } from "./ports.ts";

export interface RenewalsOptions {
  readonly driver: Pick<NodeDriver, "propose" | "status">;
  readonly reader: Reader;
  readonly clock: Pick<Clock, "wall" | "mono">;
  readonly idleMs: number;
  /** Tells the other members that a session was used here. */
  readonly tell: (sessionId: string) => void;
}

/** The renewals of one node. */
export class Renewals {
  readonly #options: RenewalsOptions;
  /** When a session was last asked for, by its id, longest ago first: not at every call of a day. */
  readonly #asked = new Map<string, number>();
  #running = 0;

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  /** A call was made in the session, which is open. */
  used(session: Session): void {
    if (!this.#isDue(session) || !this.#mayAsk(session.sessionId)) return;
    const { driver, tell } = this.#options;
    if (driver.status().role === "leader") void this.#renew(session);
    else tell(session.sessionId);
  }

  /** Another member says so. */
  async told(sessionId: string): Promise<void> {
    const { driver, reader } = this.#options;
    if (driver.status().role !== "leader" || this.#running >= limits.sessionRenewalsMax) return;
    if (!this.#mayAsk(sessionId)) return;
    // A failing database stops the node by its own ways.
    const session = await sessionById(reader, sessionId).catch(() => null);
    if (session !== null && !session.revoked && this.#isDue(session)) await this.#renew(session);
  }

  /** It has got older than need be, or is of a time when nobody noted it. */
  #isDue({ usedAtMs }: Session): boolean {
    const { clock, idleMs } = this.#options;
    const oldMs = Math.min(limits.sessionRenewMs, idleMs / 2);
    return usedAtMs === null || clock.wall() - usedAtMs >= oldMs;
  }

  #mayAsk(sessionId: string): boolean {
    const now = this.#options.clock.mono();
    if (now - (this.#asked.get(sessionId) ?? -Infinity) < limits.sessionAskMs) return false;
    this.#asked.delete(sessionId);
    this.#asked.set(sessionId, now);
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size <= limits.sessionsKnownMax) break;
      this.#asked.delete(oldest);
    }
    return true;
  }

  /** Whether it succeeds is nobody's to wait for: the next call in the session tries again. */
  async #renew({ accountId, sessionId }: Session): Promise<void> {
    if (this.#running >= limits.sessionRenewalsMax) return;
    this.#running += 1;
    const { driver, clock, idleMs } = this.#options;
    try {
      await driver.propose({
        kind: "renewSession",
        requestId: randomUUID(),
        fingerprint: fingerprint({ kind: "renewSession", fields: [accountId, sessionId] }),
        timeMs: clock.wall(),
        accountId,
        sessionId,
        idleMs,
      });
    } catch {
      // Not the leader any more, or there is more to do.
    } finally {
      this.#running -= 1;
    }
  }
}
