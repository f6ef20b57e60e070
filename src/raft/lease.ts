/**
 * Pings, the leases they ask for, and suspicion: the only failure detector (§5). Granter's side
 * is measured by the slow clock, so that a stall of this node is never another one's silence.
 *
 * @module
 */

import { configsAmong, openConfigs, persistedConfig, withoutSkipped } from "./anchors.ts";
import { isCertain, noteCertainGrant, noteGone, noteGrant, noteHeard } from "./certainty.ts";
import { findMember, isVoter } from "./config.ts";
import type { Ping, Pong } from "./message.ts";
import type { Peer } from "./peer.ts";
import { canReadAt } from "./reads.ts";
import { ownSideOf } from "./side.ts";
import type { CoreState } from "./state.ts";
import { compareTerms, maxTerm, sameTerm, ZERO_TERM } from "./term.ts";
import type { Config, Member, NodeId } from "./types.ts";

/** Refusals this far apart mean that the process is dead, in ms (§5, "gone"). */
const REFUSALS_APART_MS = 20;

/** §5: this node's grant to it has run out, or it is gone. */
export function isSuspected(state: CoreState, id: NodeId): boolean {
  if (id === state.self.id) return false;
  const peer = state.peer(id);
  return peer.gone || peer.grantUntil <= state.slow;
}

/**
 * Whom this node follows, or itself as the leader; `null` once it suspects the one it followed, or
 * gets no appends any more: a leader may answer its pings and have dropped it.
 */
export function leaderInSight(state: CoreState): NodeId | null {
  const { leader, self } = state;
  if (leader === null || leader === self.id) return leader;
  const served = state.slow - state.followedAt < state.timeout;
  return served && !isSuspected(state, leader) ? leader : null;
}

/**
 * Whether a node that is granted nothing, being no voter, lives: it pinged lately, with a disk
 * that writes.
 */
export function pingsLately(state: CoreState, id: NodeId): boolean {
  const peer = state.peer(id);
  return !peer.gone && peer.asksLease && state.slow - peer.pingedAt < 3 * state.heartbeat;
}

/** Voters of C1 that this node suspects. */
export function suspects(state: CoreState): readonly NodeId[] {
  const config = state.newest?.config;
  if (config === undefined) return [];
  const found: NodeId[] = [];
  for (const { id } of config.voters) if (isSuspected(state, id)) found.push(id);
  return found;
}

/**
 * A leader that this node cannot follow (§9): as long as that one grants it a lease, it needs this
 * node's disk. So it is asked for none, while the voters of this node's own side are.
 */
function notAsked(state: CoreState): CoreState["fork"] {
  const { fork } = state;
  if (fork === null || state.slow - fork.seenAt >= state.timeout) return null;
  return leaderInSight(state) === null ? fork : null;
}

/** §5: pings every member, and whoever pings this node, once an interval. */
export function sendPings(state: CoreState): void {
  state.lastPingAt = state.mono;
  // Who gives in to another side leaves this one: it is to go on without it (§9).
  const round = state.beginPingRound(state.surrender === null);
  const leads = state.leadership !== null;
  const ping: Ping = {
    kind: "ping",
    nonce: round.nonce,
    asksLease: round.asks,
    leads,
    term: state.leadership?.term ?? state.promised,
    suspects: leads ? suspects(state) : [],
    side: canReadAt(state, state.fast) ? ownSideOf(state) : null,
    cannotFollow: null,
  };
  const parted = notAsked(state);
  for (const id of pingTargets(state)) {
    if (id !== parted?.leader) state.send(id, ping);
    else state.send(id, { ...ping, asksLease: false, cannotFollow: parted.term });
  }
}

/**
 * §6.1: who has no leader, or is in no view, asks every address that it ever knew. So does a
 * leader: one that it dropped may know only of members that died since, and wait for them for ever.
 */
export function callsEverybody(state: CoreState): boolean {
  const config = state.newest?.config;
  if (config === undefined) return false;
  return state.leadership !== null || leaderInSight(state) === null ||
    !isVoter(config, state.self.id);
}

function pingTargets(state: CoreState): ReadonlySet<NodeId> {
  const targets = new Set<NodeId>(callsEverybody(state) ? state.known.keys() : []);
  for (const entry of openConfigs(state)) {
    for (const member of entry.config.voters) targets.add(member.id);
    for (const member of entry.config.learners) targets.add(member.id);
  }
  for (const peer of state.peers.values()) {
    if (state.slow - peer.pingedAt < state.timeout) targets.add(peer.id);
  }
  // It may lead another side, and never have heard of this node (§9).
  if (state.hint !== null && state.slow - state.hint.at < state.timeout) {
    targets.add(state.hint.leader.id);
  }
  targets.delete(state.self.id);
  return targets;
}

/** Anything was heard of the peer: it is not gone; from a newer start, its link's past is void. */
export function noteMessage(state: CoreState, peer: Peer): void {
  peer.heardAt = state.slow;
  peer.firstRefusal = null;
  peer.gone = false;
  noteHeard(peer);
}

/** One connection to the peer was refused while its link is down. */
export function noteRefused(state: CoreState, peer: Peer): void {
  if (peer.firstRefusal === null) {
    peer.firstRefusal = state.mono;
  } else if (state.mono - peer.firstRefusal >= REFUSALS_APART_MS) {
    peer.gone = true;
    // A leader that died leads no side: this node may have made a mark since, and be on another.
    peer.side = null;
    noteGone(state, peer);
  }
}

/** Answers a ping, with a grant if nothing speaks against it (§5). */
export function onPing(state: CoreState, peer: Peer, ping: Ping): void {
  const silent = state.slow - peer.pingedAt >= state.timeout;
  if (silent || peer.unansweredSince === Infinity) peer.unansweredSince = state.slow;
  peer.pingedAt = state.slow;
  peer.asksLease = ping.asksLease;
  peer.leads = ping.leads ? ping.term : null;
  peer.side = ping.side;
  peer.cannotFollow = ping.cannotFollow;
  peer.gaveUpTerm = ping.leads ? null : ping.term;
  state.seen = maxTerm(state.seen, ping.term);
  const fromLeader = peer.id === state.leader && ping.leads &&
    sameTerm(ping.term, state.leaderTerm);
  if (fromLeader) state.leaderSuspects = ping.suspects;
  const config = persistedConfig(state);
  const voter = isVoterEverywhere(state, peer.id);
  // What a leader said that is itself suspected now, or followed no more, counts no more.
  const led = state.leadership === null && leaderInSight(state) !== null;
  const named = led && state.leader !== peer.id && state.leaderSuspects.includes(peer.id);
  const granted = ping.asksLease && voter && !named && !hearsNothing(state, peer);
  if (granted) peer.grantUntil = state.slow + state.timeout;
  const pong: Pong = {
    kind: "pong",
    nonce: ping.nonce,
    promised: state.promised,
    config: { index: config?.index ?? 0, term: config?.term ?? ZERO_TERM },
    voter,
    certain: isCertain(state) && !awaitsLastResort(state),
    granted,
    leader: voter ? null : leaderMember(state),
  };
  // It speaks of promise and config, so it waits for the disk: a node whose disk hangs is silent.
  state.send(peer.id, pong, state.newestPending);
}

/**
 * Whether a config by last resort may be on its way from whom this node voted for. It would leave
 * out who was gone then, and is back now: nobody can rely on this node's word meanwhile.
 */
function awaitsLastResort(state: CoreState): boolean {
  for (const { gone, lastResort } of state.peers.values()) {
    if (gone || lastResort === null || state.slow - lastResort.at >= state.timeout) continue;
    if (state.leader === null || compareTerms(state.leaderTerm, lastResort.term) < 0) return true;
  }
  return false;
}

/**
 * Whom this leader hears but does not reach: it acknowledges nothing, and would hold up all writes
 * for as long as it is granted (§5). Counted from its first ping: a link that was down is silence.
 */
function hearsNothing(state: CoreState, peer: Peer): boolean {
  return state.leadership !== null && state.slow - peer.unansweredSince >= state.timeout;
}

/** The leader that this node follows, as its newest config records it. */
function leaderMember(state: CoreState): Member | null {
  const config = state.newest?.config;
  if (state.leader === null || config === undefined) return null;
  return findMember(config, state.leader) ?? null;
}

/**
 * Voter of the persisted C1 and of every config being persisted or held back after it. One that
 * another of these skips does not count: the answer waits for the disk of what is being persisted,
 * and what is held back waits for the grants that it would break, whatever is answered meanwhile.
 */
function isVoterEverywhere(state: CoreState, id: NodeId): boolean {
  const persisted = persistedConfig(state);
  if (persisted === null) return false;
  const alone = persisted === state.newest && state.held === null && state.heldTail.length === 0;
  if (alone) return isVoter(persisted.config, id);
  const onDiskThen = state.log.configs.filter((entry) => entry.index >= persisted.index);
  const counts = [
    ...withoutSkipped(onDiskThen),
    ...configsAmong(state.held?.message.entries ?? []),
    ...configsAmong(state.heldTail),
  ];
  return counts.every(({ config }) => isVoter(config, id));
}

/** Takes an answer in: what it grants counts from when its ping was sent (§5). */
export function onPong(state: CoreState, peer: Peer, pong: Pong): void {
  const round = state.rounds.find((candidate) => candidate.nonce === pong.nonce);
  if (round === undefined) return;
  peer.answeredAt = state.fast;
  peer.unansweredSince = Infinity;
  peer.promised = pong.promised;
  state.seen = maxTerm(state.seen, pong.promised);
  if (round.sentAt < peer.answeredPingAt) return;
  peer.answeredPingAt = round.sentAt;
  const led = state.leadership?.term;
  const follows = led !== undefined && sameTerm(pong.promised, led);
  peer.certainAt = pong.certain && follows ? round.sentAt : -Infinity;
  if (!pong.voter) {
    peer.deniesVoter = true;
    peer.deniedAt = round.sentAt;
    if (pong.leader !== null && pong.leader.id !== state.self.id) {
      state.hint = { leader: pong.leader, at: state.slow };
    }
    return;
  }
  const term = state.log.termAt(pong.config.index);
  const holds = pong.config.index > 0 && term !== null && sameTerm(term, pong.config.term);
  if (!round.asks || !pong.granted || !holds) return;
  const began = state.rules.leaseBegan(round.sentAt, state.fast);
  noteGrant(peer, began);
  if (follows) peer.readLeaseAt = round.sentAt;
  const configs = openConfigs(state);
  if (pong.certain && configs.some((entry) => isVoter(entry.config, peer.id))) {
    noteCertainGrant(state, began);
  }
}

/**
 * §5: whom this node's live grants forbid to leave out of `config`. Empty: it may be proposed
 * or persisted. Asks about every voter: a start counts as a grant also to those of whom nothing
 * was heard since.
 */
export function heldBackBy(state: CoreState, config: Config): readonly NodeId[] {
  const voters = new Set<NodeId>();
  for (const entry of openConfigs(state)) {
    for (const voter of entry.config.voters) voters.add(voter.id);
  }
  voters.delete(state.self.id);
  return [...voters].filter((id) => !isVoter(config, id) && holdsBack(state, config, id));
}

function holdsBack(state: CoreState, config: Config, id: NodeId): boolean {
  if (isSuspected(state, id)) return false;
  const leaver = config.leavers.find((candidate) => candidate.id === id);
  // Of which start it was that asked, one that has just started itself may have heard nothing.
  return leaver?.incarnation !== state.peer(id).incarnation;
}
