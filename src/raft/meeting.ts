/**
 * What a node does that meets another side of a fork (§9): whether it gives in, and the steps
 * from there to that side's state. It gives up nothing before the other side has all of it. Never
 * decides who leads; the other side's leader takes it in like any node.
 *
 * @module
 */

import { beginFetch } from "./fetching.ts";
import { leaderInSight } from "./lease.ts";
import type { Peer } from "./peer.ts";
import { canReadAt } from "./reads.ts";
import { forcedSince, isOneSide, nameOf, outranks, ownSideOf } from "./side.ts";
import type { CoreState, Surrender } from "./state.ts";
import { compareTerms, sameTerm, termText } from "./term.ts";
import type { Base, Term } from "./types.ts";

/** Looks for a leader of another side to give in to; called at each tick. */
export function tickMeeting(state: CoreState): void {
  if (isLed(state)) state.ledAt = state.slow;
  const peers = [...state.peers.values()];
  const { surrender } = state;
  if (surrender === null) {
    const peer = peers.find((candidate) => givesIn(state, candidate));
    if (peer !== undefined) beginSurrender(state, peer);
  } else if (!isOwn(state, surrender.from)) {
    // That side's leader could take it in with the log that it has: there is nothing to hand over.
    state.surrender = null;
  } else if (surrender.stage === "handed") {
    if (!state.fetching) fetchAgain(state, surrender);
  } else {
    if (peers.some((candidate) => takesIn(state, candidate))) surrender.seenAt = state.slow;
    // That side elects anew above this one's terms. If it stays away, this node goes on as it was:
    // it has given up nothing yet, and what went over already is told by its request ids.
    if (state.slow - surrender.seenAt >= state.timeout) takeBack(state, surrender);
  }
}

/** Whether that leader may still take in what this node gives up: one only, once it hands over. */
function takesIn(state: CoreState, peer: Peer): boolean {
  const { surrender } = state;
  if (surrender === null) return false;
  if (peer.id === surrender.to) return isOther(state, peer);
  return surrender.stage === "asks" && givesIn(state, peer);
}

function takeBack(state: CoreState, { to, stage, number }: Surrender): void {
  state.surrender = null;
  if (stage === "hands") state.effects.push({ kind: "handOverEnded", number });
  state.notice("info", `The other side is out of reach again, with ${to}: goes on without it`);
}

/**
 * The snapshot was refused, or broke off. What was handed over is there for good, so this node
 * goes on from here, while that one leads.
 */
function fetchAgain(state: CoreState, surrender: Surrender): void {
  // A leader that has just been elected anew tells no side for a moment.
  if (state.slow - surrender.seenAt < state.timeout) return;
  if (isOther(state, state.peer(surrender.to))) fetchFrom(state, surrender);
  else state.surrender = null;
}

function fetchFrom(state: CoreState, surrender: Surrender): void {
  surrender.seenAt = state.slow;
  beginFetch(state, surrender.to);
}

/** Whether this node's side has a leader that could serve. */
function isLed(state: CoreState): boolean {
  if (state.leadership !== null) return canReadAt(state, state.fast);
  const leader = leaderInSight(state);
  const side = leader === null ? null : state.peer(leader).side;
  return side !== null && isOwn(state, nameOf(side));
}

/** Whether nobody could serve on this node's side for T, and its leader had as long for it. */
function isUnserved(state: CoreState): boolean {
  return state.slow - Math.max(state.ledAt, state.leaderSince) >= state.timeout;
}

/** Whether a log on the side of this name is on this node's side. */
export function isOwn(state: CoreState, name: Term | null): boolean {
  return isOneSide(name, nameOf(ownSideOf(state)));
}

/**
 * Whether this node leads in name only while another side has a leader, or its own has one of a
 * later term: as after a long sleep, in which the others went on. It stops, and follows if it has
 * nothing to hand over.
 */
export function isOvertaken(state: CoreState): boolean {
  const { leadership } = state;
  if (leadership === null || !isUnserved(state)) return false;
  return [...state.peers.values()].some((peer) => {
    const isHeard = !peer.gone && state.slow - peer.pingedAt < state.timeout;
    const isLater = peer.leads !== null && compareTerms(peer.leads, leadership.term) > 0;
    return (isHeard && isLater) || isOther(state, peer);
  });
}

/**
 * Whether this node has nothing to say to a leader of another side, as it has one of its own that
 * serves and does not give in. By an answer that one would hear of the term promised here and
 * campaign above it, and so would this side's leader in turn, for ever.
 */
export function ignores(state: CoreState, peer: Peer, name: Term | null): boolean {
  if (isOwn(state, name) || state.surrender !== null || isUnserved(state)) return false;
  const leader = leaderInSight(state);
  return leader !== null && leader !== peer.id;
}

/** Whether the peer leads another side, by what it said within T. */
function isOther(state: CoreState, peer: Peer): boolean {
  if (peer.side === null || peer.gone || state.slow - peer.pingedAt >= state.timeout) return false;
  return !isOwn(state, nameOf(peer.side));
}

/**
 * Whether this node gives in to that leader: its side comes first or, whichever does, this node
 * had no leader for so long that its own side does not come back by itself.
 */
function givesIn(state: CoreState, peer: Peer): boolean {
  if (!isOther(state, peer) || peer.side === null) return false;
  if (state.newest === null || state.wantsLeave || state.fetching) return false;
  const own = ownSideOf(state);
  const { tombstones } = state.newest.config;
  // Forced on a node that was removed here, most likely long after: it takes nobody with it.
  if (forcedSince(peer.side, own).some(({ term }) => tombstones.includes(term.nodeId))) {
    return false;
  }
  if (outranks(peer.side, own)) return true;
  return !isLed(state) && state.slow - state.ledAt >= state.timeout + state.grace;
}

/** From now on this node neither leads nor follows on its own side, and asks to be taken in. */
function beginSurrender(state: CoreState, peer: Peer): void {
  state.notice(
    "warn",
    `Meets the other side of a partition, which ${peer.id} leads: what was accepted here ` +
      "meanwhile goes over to it, then this node follows it",
  );
  const from = nameOf(ownSideOf(state));
  state.surrender = { to: peer.id, from, stage: "asks", number: 0, through: 0, seenAt: state.slow };
  state.leadership = null;
  state.leader = null;
  state.campaign = null;
  state.campaignAt = null;
  state.held = null;
  state.heldTail = [];
  // The followers need to hear at once that nobody leads.
  state.lastPingAt = -Infinity;
}

/**
 * A leader's entries, or its snapshot, would take the place of entries here that another side of
 * the fork may have acknowledged. If this node gives in to it, it hands these over first.
 */
export function onFork(state: CoreState, peer: Peer, term: Term): void {
  if (state.surrender === null && givesIn(state, peer)) beginSurrender(state, peer);
  const { surrender } = state;
  if (surrender === null) {
    tellFork(state, peer, term);
  } else if (surrender.stage === "asks" && takesIn(state, peer)) {
    const number = ++state.handOvers;
    const through = state.log.lastIndex;
    const { from } = surrender;
    state.surrender = { to: peer.id, from, stage: "hands", number, through, seenAt: state.slow };
    const { termStarts, base: { index: baseIndex } } = state.log;
    const place = { through, baseIndex, termStarts: [...termStarts] };
    state.effects.push({ kind: "handOver", number, to: peer.id, ...place });
  }
}

/** Once for each term: it waits until it gives in, or the other does. */
function tellFork(state: CoreState, peer: Peer, term: Term): void {
  const told = state.fork !== null && sameTerm(state.fork.term, term);
  state.fork = { leader: peer.id, term, seenAt: state.slow };
  if (told) return;
  state.notice(
    "warn",
    `Cannot follow ${peer.id} in term ${termText(term)} yet: its history lacks entries that ` +
      `this node has (up to index ${state.log.lastIndex}); the cluster has forked`,
  );
}

/** Whether this node must keep its log as it is, whoever sends entries (§9). */
export function isFrozen(state: CoreState): boolean {
  return state.surrender !== null && state.surrender.stage !== "asks";
}

/** The host has handed everything over, and it is committed there; or it failed. */
export function onHandedOver(
  state: CoreState,
  { number, done }: { readonly number: number; readonly done: boolean },
): void {
  const { surrender } = state;
  if (surrender?.stage !== "hands" || surrender.number !== number) return;
  if (!done || state.log.lastIndex !== surrender.through) {
    // It begins anew, with the same leader or another: what is there by now is told twice at most.
    state.surrender = null;
    return;
  }
  surrender.stage = "handed";
  fetchFrom(state, surrender);
}

/** The log is the other side's from its base on: what this node knew of its own is void. */
export function endSurrender(state: CoreState, base: Base): void {
  state.surrender = null;
  state.leader = null;
  state.checkpointIndex = Math.min(state.checkpointIndex, base.index);
  state.cutPoints.length = 0;
  state.askedToLeaveIn = null;
  if (!state.wantsLeave) state.leavingSince = null;
}
