/**
 * Who is online: an open subscription, or a call within the last 30 s, at any member. Owns what
 * happened at this node and what the other members told of theirs over their links; nothing of
 * it is replicated or stored, and what a member told ends with its link, so that neither a dead
 * client nor a dead node leaves a ghost.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import type { NodeId } from "../raft/types.ts";
import type { Presence as PresenceFrame, PresenceAccount } from "../rpc/peer_api.ts";
import type { Clock } from "./ports.ts";

/** An account as this node itself has seen it. */
interface Local {
  /** Open subscriptions here. */
  streams: number;
  /** Monotonic time of the newest call, by session. */
  readonly calls: Map<string, number>;
  /** Wall clock, ms since the epoch. */
  lastSeenMs: number;
  /** What the peers have been told last. */
  toldOnline: boolean;
}

/** What one peer told. */
type Told = Map<string, PresenceAccount>;

/** Presence at this node and, as told, at its peers. */
export class Presence {
  readonly #clock: Pick<Clock, "mono" | "wall">;
  readonly #local = new Map<string, Local>();
  readonly #told = new Map<NodeId, Told>();
  /** Accounts with calls that have yet to become too old. */
  readonly #recent = new Set<string>();
  /** Accounts whose state the peers do not have yet. */
  #changed = new Set<string>();
  /** Sessions that were used here, of which the peers are to be told. */
  readonly #used = new Set<string>();
  #onUsed: (sessionId: string) => void = () => {};

  constructor(clock: Pick<Clock, "mono" | "wall">) {
    this.#clock = clock;
  }

  /** A call by the session. */
  called(accountId: string, sessionId: string): void {
    const local = this.#touch(accountId);
    local.calls.set(sessionId, this.#clock.mono());
    this.#recent.add(accountId);
    this.#note(accountId, local);
  }

  /** A subscription opened; call the result, once, when it has ended. */
  opened(accountId: string): () => void {
    const local = this.#touch(accountId);
    local.streams += 1;
    this.#note(accountId, local);
    let open = true;
    return () => {
      assert(open, "A subscription ends once");
      open = false;
      local.streams -= 1;
      local.lastSeenMs = this.#clock.wall();
      this.#note(accountId, local);
    };
  }

  /** The session is revoked: its calls count no more. Its subscriptions end by themselves. */
  revoked(accountId: string, sessionId: string): void {
    const local = this.#local.get(accountId);
    if (local === undefined || !local.calls.delete(sessionId)) return;
    this.#note(accountId, local);
  }

  /** How many accounts are online by what happened at this node. */
  get onlineHere(): number {
    let count = 0;
    for (const local of this.#local.values()) if (this.#onlineHere(local)) count += 1;
    return count;
  }

  /** Whoever leads is to note that the session was used: the peers are told, once. */
  sessionUsed(sessionId: string): void {
    if (this.#used.size < limits.sessionsKnownMax) this.#used.add(sessionId);
  }

  /** Who hears of the sessions that peers tell so of. Must not throw. */
  onSessionUsed(listener: (sessionId: string) => void): void {
    this.#onUsed = listener;
  }

  isOnline(accountId: string): boolean {
    const local = this.#local.get(accountId);
    if (local !== undefined && this.#onlineHere(local)) return true;
    for (const told of this.#told.values()) if (told.get(accountId)?.online) return true;
    return false;
  }

  /** Newest time at which any member saw the account, ms since the epoch; `null` if none did. */
  lastSeenMs(accountId: string): number | null {
    let newest = this.#local.get(accountId)?.lastSeenMs ?? 0;
    for (const told of this.#told.values()) {
      newest = Math.max(newest, told.get(accountId)?.lastSeenMs ?? 0);
    }
    return newest === 0 ? null : newest;
  }

  /** Takes what a peer tells over its link. */
  told(peer: NodeId, frame: PresenceFrame): void {
    let told = this.#told.get(peer);
    if (told === undefined || frame.complete) this.#told.set(peer, told = new Map());
    for (const account of frame.accounts) {
      told.delete(account.accountId);
      told.set(account.accountId, account);
    }
    dropOldest(told, limits.presenceKnownMax);
    for (const sessionId of frame.usedSessions ?? []) this.#onUsed(sessionId);
  }

  /** The peer's link is down: what it told holds no more, but when it saw whom does. */
  peerGone(peer: NodeId): void {
    const told = this.#told.get(peer);
    if (told === undefined) return;
    this.#told.delete(peer);
    for (const { accountId, lastSeenMs } of told.values()) {
      const local = this.#local.get(accountId) ?? this.#add(accountId);
      local.lastSeenMs = Math.max(local.lastSeenMs, lastSeenMs);
    }
    this.#bound();
  }

  /** Everything of this node, for a new link; one frame at least. */
  complete(): readonly PresenceFrame[] {
    return frames([...this.#local.keys()].map((id) => this.#account(id)), true);
  }

  /** What has changed since the last call, for every open link; often nothing. */
  changes(): readonly PresenceFrame[] {
    this.#expire();
    if (this.#changed.size === 0 && this.#used.size === 0) return [];
    const accounts = [...this.#changed].map((id) => this.#account(id));
    this.#changed = new Set();
    for (const { accountId, online } of accounts) {
      const local = this.#local.get(accountId);
      if (local !== undefined) local.toldOnline = online;
    }
    const [first, ...others] = frames(accounts, false);
    return first === undefined ? [] : [{ ...first, ...this.#takeUsed() }, ...others];
  }

  #takeUsed(): Pick<PresenceFrame, "usedSessions"> {
    const usedSessions = [...this.#used].slice(0, limits.usedSessionsMax);
    for (const sessionId of usedSessions) this.#used.delete(sessionId);
    return usedSessions.length === 0 ? {} : { usedSessions };
  }

  /** Notes whose last call has become too old. */
  #expire(): void {
    const oldest = this.#clock.mono() - limits.onlineAfterCallMs;
    for (const accountId of this.#recent) {
      const local = this.#local.get(accountId);
      assert(local !== undefined, "An account with recent calls is known");
      for (const [session, at] of local.calls) if (at <= oldest) local.calls.delete(session);
      if (local.calls.size > 0) continue;
      this.#recent.delete(accountId);
      this.#note(accountId, local);
    }
  }

  #onlineHere(local: Local): boolean {
    if (local.streams > 0) return true;
    const oldest = this.#clock.mono() - limits.onlineAfterCallMs;
    for (const at of local.calls.values()) if (at > oldest) return true;
    return false;
  }

  #account(accountId: string): PresenceAccount {
    const local = this.#local.get(accountId);
    const online = local !== undefined && this.#onlineHere(local);
    return { accountId, online, lastSeenMs: local?.lastSeenMs ?? 0 };
  }

  /** Peers are told of comings and goings only, not of each call. */
  #note(accountId: string, local: Local): void {
    if (this.#onlineHere(local) !== local.toldOnline) this.#changed.add(accountId);
  }

  #touch(accountId: string): Local {
    const local = this.#local.get(accountId) ?? this.#add(accountId);
    local.lastSeenMs = this.#clock.wall();
    return local;
  }

  #add(accountId: string): Local {
    const local: Local = { streams: 0, calls: new Map(), lastSeenMs: 0, toldOnline: false };
    this.#local.set(accountId, local);
    this.#bound();
    return local;
  }

  /** Forgets those longest known; whoever may be online stays. */
  #bound(): void {
    if (this.#local.size <= limits.presenceKnownMax) return;
    for (const [accountId, local] of this.#local) {
      if (local.streams > 0 || this.#recent.has(accountId)) continue;
      this.#local.delete(accountId);
      if (this.#local.size <= limits.presenceKnownMax) return;
    }
  }
}

/** Cuts what is to be told into frames; only the first of a complete telling voids the rest. */
function frames(accounts: readonly PresenceAccount[], complete: boolean): readonly PresenceFrame[] {
  const cut: PresenceFrame[] = [];
  for (let from = 0; from < accounts.length; from += limits.presenceAccountsMax) {
    const part = accounts.slice(from, from + limits.presenceAccountsMax);
    cut.push({ complete: complete && from === 0, accounts: part });
  }
  if (cut.length === 0) cut.push({ complete, accounts: [] });
  return cut;
}

function dropOldest(map: Map<string, unknown>, sizeMax: number): void {
  for (const key of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(key);
  }
}
