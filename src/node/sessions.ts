/**
 * Who is calling: sessions by their tokens, checked against the replicated state. Owns what it
 * remembers of checked sessions, and the news that one was revoked, on whichever node that
 * happened. It never holds a token, only the SHA-256 of it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Outcome } from "../chat/command.ts";
import type { Reader } from "../chat/port.ts";
import { findSession, openSessions, type Session } from "../chat/queries.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Clock } from "./ports.ts";

/** SHA-256 of a token, hex: what the state keeps of it. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

type Renewed = Extract<Outcome, { ok: true; kind: "renewSession" }>;

interface Known {
  session: Session;
  /** Of the revocations that were counted when the session was last seen open. */
  checkedAt: number;
}

export interface SessionsOptions {
  readonly reader: Reader;
  readonly clock: Clock;
  /** A known session is revoked. Must not throw. */
  readonly onRevoked: (session: Session) => void;
}

/** The sessions that this node knows to be open. */
export class Sessions {
  readonly #options: SessionsOptions;
  /** By token hash, longest unused first. */
  readonly #known = new Map<string, Known>();
  readonly #watched = new Map<string, Set<() => void>>();
  /** Hash of the token of each known session, by its id. */
  readonly #hashes = new Map<string, string>();
  /** How many applies may have revoked sessions: whoever was checked before must be again. */
  #revocations = 0;
  #checkPlanned = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** How many sessions this node remembers to be open: those that were used here. */
  get known(): number {
    return this.#known.size;
  }

  /**
   * The session of a token, revoked, expired or not; `null` if this node's state knows none. One that
   * has expired by this node's clock is looked up again: it may have been used at another.
   */
  async find(token: string | undefined): Promise<Session | null> {
    if (token === undefined || token === "") return null;
    const hash = tokenHash(token);
    const known = this.#known.get(hash);
    const isCurrent = known?.checkedAt === this.#revocations && !this.isExpired(known.session);
    if (known !== undefined && isCurrent) return known.session;
    const checkedAt = this.#revocations;
    const session = await findSession(this.#options.reader, hash);
    if (session !== null && !session.revoked) this.#remember(hash, { session, checkedAt });
    else if (this.#forget(hash) && session !== null) this.#options.onRevoked(session);
    return session;
  }

  /** Nobody has used it for too long, by this node's clock. */
  isExpired({ expiresAtMs }: Pick<Session, "expiresAtMs">): boolean {
    return expiresAtMs !== null && this.#options.clock.wall() >= expiresAtMs;
  }

  /** Calls `onRevoked` once if the session ends; the result stops watching. */
  watch(sessionId: string, onRevoked: () => void): () => void {
    const watchers = this.#watched.get(sessionId) ?? new Set();
    this.#watched.set(sessionId, watchers);
    watchers.add(onRevoked);
    return () => {
      watchers.delete(onRevoked);
      if (watchers.size === 0 && this.#watched.get(sessionId) === watchers) {
        this.#watched.delete(sessionId);
      }
    };
  }

  /** Something was applied; `null`: the whole state was replaced. */
  applied(outcomes: ReadonlyMap<number, Outcome> | null): void {
    for (const outcome of outcomes?.values() ?? []) {
      if (outcome.ok && outcome.kind === "renewSession") this.#renewed(outcome);
    }
    if (outcomes !== null && !mayRevoke(outcomes)) return;
    this.#revocations += 1;
    this.#plan();
  }

  #renewed({ sessionId, usedAtMs, expiresAtMs }: Renewed): void {
    const known = this.#known.get(this.#hashes.get(sessionId) ?? "");
    if (known !== undefined) known.session = { ...known.session, usedAtMs, expiresAtMs };
  }

  #remember(hash: string, known: Known): void {
    this.#known.delete(hash);
    this.#known.set(hash, known);
    this.#hashes.set(known.session.sessionId, hash);
    if (this.#known.size <= limits.sessionsKnownMax) return;
    for (const oldest of this.#known.keys()) {
      this.#forget(oldest);
      return;
    }
  }

  /** Whether it was known. */
  #forget(hash: string): boolean {
    const known = this.#known.get(hash);
    if (known !== undefined) this.#hashes.delete(known.session.sessionId);
    return this.#known.delete(hash);
  }

  #plan(): void {
    if (this.#checkPlanned) return;
    this.#checkPlanned = true;
    this.#options.clock.after(limits.sessionCheckMs, () => {
      this.#checkPlanned = false;
      // A failing database stops the node by its own ways; the sessions are checked when used.
      this.#check().catch(() => undefined);
    });
  }

  /** Finds out which of the known sessions are revoked, and says so. */
  async #check(): Promise<void> {
    const checkedAt = this.#revocations;
    const ids = new Set(this.#watched.keys());
    for (const { session } of this.#known.values()) ids.add(session.sessionId);
    const open = await this.#openOf([...ids]);
    for (const [hash, known] of [...this.#known]) {
      const { sessionId } = known.session;
      if (open.has(sessionId)) {
        known.checkedAt = Math.max(known.checkedAt, checkedAt);
      } else if (ids.has(sessionId)) {
        this.#forget(hash);
        this.#options.onRevoked(known.session);
      }
    }
    for (const id of ids) if (!open.has(id)) this.#end(id);
  }

  async #openOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const open = new Set<string>();
    for (let from = 0; from < ids.length; from += limits.sessionsCheckedMax) {
      const some = ids.slice(from, from + limits.sessionsCheckedMax);
      for (const id of await openSessions(this.#options.reader, some)) open.add(id);
    }
    return open;
  }

  #end(sessionId: string): void {
    const watchers = this.#watched.get(sessionId);
    this.#watched.delete(sessionId);
    for (const watcher of watchers ?? []) watcher();
  }
}

/** Logging out and deleting an account are the ways in which a session ends at once. */
function mayRevoke(outcomes: ReadonlyMap<number, Outcome>): boolean {
  for (const outcome of outcomes.values()) {
    if (outcome.ok && (outcome.kind === "logout" || outcome.kind === "deleteAccount")) return true;
  }
  return false;
}

/** What a caller without an open session is told. */
export function unauthenticated(session: Pick<Session, "revoked"> | null): ChatError {
  const why = session === null
    ? "no session has this token"
    : session.revoked
    ? "the session was logged out"
    : "the session was not used for too long";
  return new ChatError("UNAUTHENTICATED", `Not logged in: ${why}; log in again`);
}
