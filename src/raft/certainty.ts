/**
 * Whether this node knows that no view without it can have been formed (§5, "Certain"). Asker's
 * side of the leases: everything here is measured by the fast clock, from the sending of the
 * ping that was answered. Used only where the last resort is on.
 *
 * @module
 */

import { possibleViews } from "./anchors.ts";
import { isVoter } from "./config.ts";
import type { Peer } from "./peer.ts";
import type { CoreState } from "./state.ts";
import type { Config, ConfigEntry, NodeId } from "./types.ts";

/** §5: the node is a voter of every possible view from C0 to C1 and nobody can have gone on without it. */
export function isCertain(state: CoreState): boolean {
  return certainBy(state, possibleViews(state));
}

/** {@linkcode isCertain}, judged by these configs. */
export function certainBy(state: CoreState, configs: readonly ConfigEntry[]): boolean {
  if (state.leavingSince !== null || configs.length === 0) return false;
  for (const { config } of configs) if (!isVoter(config, state.self.id)) return false;
  // Nearly always: this is asked at every step, so nothing is gathered for it.
  if (!someoneIsDoubtful(state, configs)) return true;
  const others = otherVoters(state, configs);
  const doubtful = others.filter((peer) => isDoubtful(state, peer));
  const timeout = state.timeout;
  if (doubtful.some((peer) => state.fast - peer.grantedAt >= timeout + state.grace)) return false;
  const out = new Set<NodeId>(doubtful.map((peer) => peer.id));
  for (const peer of others) {
    const slept = state.fast - peer.grantedAt >= timeout && state.awakeSince > peer.grantedAt;
    if (slept) out.add(peer.id);
  }
  return !configs.some((entry) => state.rules.quorum(entry.config, (id) => out.has(id)));
}

function someoneIsDoubtful(state: CoreState, configs: readonly ConfigEntry[]): boolean {
  for (const { config } of configs) {
    for (const { id } of config.voters) {
      if (id !== state.self.id && isDoubtful(state, state.peer(id))) return true;
    }
  }
  return false;
}

function otherVoters(state: CoreState, configs: readonly ConfigEntry[]): readonly Peer[] {
  const peers: Peer[] = [];
  for (const entry of configs) {
    for (const { id } of entry.config.voters) {
      if (id === state.self.id) continue;
      const peer = state.peer(id);
      if (!peers.includes(peer)) peers.push(peer);
    }
  }
  return peers;
}

/** §5: the lease lapsed while this node was not awake all the time, or the peer denies it. */
function isDoubtful(state: CoreState, peer: Peer): boolean {
  if (peer.deniesVoter) return true;
  const until = peer.foundGoneAt ?? state.fast;
  if (until - peer.grantedAt < state.timeout) return false;
  return peer.foundGoneAt === null ? state.awakeSince > peer.grantedAt : !peer.awakeToFinding;
}

/** A peer was found gone: freezes whether this node was awake since its last grant. */
export function noteGone(state: CoreState, peer: Peer): void {
  if (peer.foundGoneAt !== null) return;
  peer.foundGoneAt = state.fast;
  peer.awakeToFinding = state.awakeSince <= peer.grantedAt;
}

/** Something was heard of a peer that was found gone: the finding holds no longer. */
export function noteHeard(peer: Peer): void {
  peer.foundGoneAt = null;
  peer.awakeToFinding = false;
}

/** A ping sent at `sentAt` was answered with a grant that counts. */
export function noteGrant(peer: Peer, sentAt: number): void {
  peer.grantedAt = Math.max(peer.grantedAt, sentAt);
  peer.deniesVoter = false;
}

/**
 * A certain voter granted: at `sentAt` no view without this node had been formed, whoever was
 * silent. Clears everyone; who was found gone before must be found gone again.
 */
export function noteCertainGrant(state: CoreState, sentAt: number): void {
  if (state.vouchedAt < state.awakeSince && sentAt >= state.awakeSince) state.vouchedAt = sentAt;
  for (const peer of state.peers.values()) {
    // What another one answered to this very ping, or a later one, is not older news.
    if (peer.deniesVoter && peer.deniedAt >= sentAt) continue;
    if (peer.grantedAt === -Infinity && mayTakeForGone(state, peer, sentAt)) continue;
    noteGrant(peer, sentAt);
    if (peer.foundGoneAt !== null && peer.foundGoneAt < sentAt) noteHeard(peer);
  }
}

/**
 * Whether a peer that granted nothing to this start of the node may go on by last resort as if it
 * was gone, as it was before: the peer may not have heard of the start or, if it led by then, not
 * have told those who voted for it. Where nobody is partitioned each of this takes less than T.
 */
function mayTakeForGone(state: CoreState, peer: Peer, sentAt: number): boolean {
  if (peer.foundGoneAt !== null && peer.foundGoneAt < sentAt) return false;
  const upMs = state.mono - (state.startedAt ?? state.mono) - (state.fast - sentAt);
  return upMs < 2 * state.timeout;
}

/**
 * A config was taken: whom it newly makes a voter is trusted, if nobody is in doubt, as long as the
 * voters before it are: what this node knows of a view without it, it knows by their leases.
 */
export function noteConfigTaken(
  state: CoreState,
  before: readonly ConfigEntry[],
  taken: ConfigEntry,
): void {
  const newest = before.at(-1)?.config;
  const added = taken.config.voters.filter((voter) =>
    voter.id !== state.self.id && (newest === undefined || !isVoter(newest, voter.id))
  );
  if (added.length === 0) return;
  const certain = certainBy(state, before);
  const oldest = Math.min(state.fast, ...otherVoters(state, before).map((peer) => peer.grantedAt));
  for (const voter of added) {
    const peer = state.peer(voter.id);
    // It also counts as a grant to the new voter (§5, suspicion).
    peer.grantUntil = Math.max(peer.grantUntil, state.slow + state.timeout);
    // What it said as no voter yet, by whatever config it had then, is void like the rest.
    if (certain && isTrustedAnew(state, peer)) noteGrant(peer, oldest);
  }
}

/** Whether one that becomes a voter can be told from one that goes on as if this node was gone. */
function isTrustedAnew(state: CoreState, peer: Peer): boolean {
  const hasHeard = peer.grantedAt > -Infinity || peer.answeredAt > -Infinity ||
    (state.leadership !== null && peer.progress.match > 0);
  return hasHeard || !mayTakeForGone(state, peer, state.fast);
}

/**
 * Whether this node is certain, and would not be any more with a config on its log: one that lacks it,
 * or makes a voter of one of which it has yet to hear.
 */
export function wouldEndCertainty(state: CoreState, config: Config): boolean {
  if (!isCertain(state)) return false;
  const newest = state.newest?.config;
  const isNew = (id: NodeId) => newest === undefined || !isVoter(newest, id);
  return !isVoter(config, state.self.id) ||
    config.voters.some(({ id }) => isNew(id) && !isTrustedAnew(state, state.peer(id)));
}
