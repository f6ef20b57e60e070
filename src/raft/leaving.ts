/**
 * A node on its way out, and the handing over of leadership (§6 "Leaving", §7 "Transfer").
 *
 * @module
 */

import { openConfigs } from "./anchors.ts";
import { findMember, isVoter } from "./config.ts";
import { stepDown } from "./election.ts";
import type { Refusal } from "./io.ts";
import { isSuspected, leaderInSight } from "./lease.ts";
import type { LeaveReply } from "./message.ts";
import { isSettled, notLeader } from "./membership.ts";
import { tellLeavers } from "./leave_answers.ts";
import type { Peer } from "./peer.ts";
import { commitsByAll } from "./rules.ts";
import type { CoreState } from "./state.ts";
import { compareTerms, sameTerm } from "./term.ts";
import type { Config, NodeId, Term } from "./types.ts";

/** An operator asks this leader to hand over; `null` if it begins to. */
export function beginTransfer(state: CoreState, to: NodeId | null): Refusal | null {
  const leadership = state.leadership;
  const config = state.newest?.config;
  if (leadership === null || config === undefined) return notLeader(state);
  if (leadership.transfer !== null) return { reason: "NO_LEADER" };
  if (to === state.self.id) return null;
  const target = to ?? bestTarget(state);
  if (target === null) {
    return { reason: "INVALID_ARGUMENT", message: "no other voter is alive to lead" };
  }
  if (!isVoter(config, target)) {
    return { reason: "INVALID_ARGUMENT", message: `${target} is not a voter of this cluster` };
  }
  leadership.transfer = { to: target, deadline: state.mono + state.timeout, told: false };
  leadership.readsGivenUp = true;
  return null;
}

/** The live voter with the most of the log; the smallest address among equals. */
function bestTarget(state: CoreState): NodeId | null {
  let best: NodeId | null = null;
  let match = -1;
  for (const voter of state.newest?.config.voters ?? []) {
    if (voter.id === state.self.id || isSuspected(state, voter.id)) continue;
    // Who is on its way out itself would not campaign.
    if (state.leadership?.leaving.has(voter.id) === true) continue;
    const persisted = state.peer(voter.id).progress.match;
    if (persisted > match) {
      best = voter.id;
      match = persisted;
    }
  }
  return best;
}

/** Tells the target once it has everything; gives up leading if nothing came of it within T. */
export function continueTransfer(state: CoreState): void {
  const leadership = state.leadership;
  const transfer = leadership?.transfer;
  if (leadership === null || transfer === null || transfer === undefined) return;
  if (state.mono >= transfer.deadline) {
    stepDown(state);
  } else if (!transfer.told && state.peer(transfer.to).progress.match >= state.log.lastIndex) {
    transfer.told = true;
    state.send(transfer.to, { kind: "transferNow", term: leadership.term });
  }
}

/** Answers the operator once somebody else leads, or this node does again. */
export function answerTransfer(state: CoreState): void {
  const request = state.transferRequest;
  if (request === null || state.leadership?.transfer != null || state.leader === null) return;
  state.transferRequest = null;
  const failed = state.leader === state.self.id;
  const refusal: Refusal | null = failed ? { reason: "NO_LEADER" } : null;
  state.effects.push({ kind: "adminAnswer", id: request, refusal });
}

/** SIGTERM was received: the next steps out, repeated at each tick until `left`. */
export function continueLeave(state: CoreState): void {
  if (!state.wantsLeave || state.left) return;
  const config = state.newest?.config;
  const voter = config !== undefined && isVoter(config, state.self.id);
  if (config === undefined || !voter) {
    // The quorum of the old config may need this disk for the entry that drops it (§4).
    // And who leads next may need it until the leader says so: that config may be known to it alone.
    const waits = config !== undefined && isLeaver(state, config) && !isReleased(state);
    if (waits) askToBeDropped(state);
    else leaveNow(state);
  } else if (config.voters.length === 1) {
    // The last voter never leaves, it just ends, once it is the last for certain.
    if (!isSettled(state)) return;
    // Whom nobody else can tell.
    if (state.leadership !== null) tellLeavers(state, state.leadership);
    leaveNow(state);
  } else if (state.leadership !== null) {
    if (state.leadership.transfer !== null) return;
    if (bestTarget(state) !== null) beginTransfer(state, null);
    // Those that leave as well are dropped first.
    else if (state.leadership.leaving.size === 0) leaveNow(state);
  } else if (!commitsByAll(config.policy)) {
    leaveNow(state);
  } else {
    askToBeDropped(state);
  }
}

/** Whether this config drops this node because it asked to leave. */
function isLeaver(state: CoreState, config: Config): boolean {
  return config.leavers.some((leaver) => leaver.id === state.self.id);
}

/**
 * Whether nobody waits for this node, which its newest config drops: a leader has said so, or it was
 * an earlier start that asked, and it ended.
 */
function isReleased(state: CoreState): boolean {
  const c1 = state.newest;
  if (c1 === null || state.releasedBy >= c1.index) return true;
  const own = c1.config.leavers.some(({ id, incarnation }) =>
    id === state.self.id && incarnation === state.incarnation
  );
  return !own && isSettled(state);
}

function leaveNow(state: CoreState): void {
  state.left = true;
  state.effects.push({ kind: "left" });
}

/** From asking on, this start of the node is not certain and does not campaign (§5). */
function askToBeDropped(state: CoreState): void {
  state.leavingSince ??= state.log.lastIndex;
  if (state.mono - state.askedAt < state.heartbeat) return;
  const leaders = new Set(state.leader === null ? [] : [state.leader]);
  // Who leads by now may have no appends for one that is out.
  for (const peer of state.peers.values()) if (saysItLeads(state, peer)) leaders.add(peer.id);
  if (leaders.size === 0) return;
  state.askedAt = state.mono;
  for (const leader of leaders) sendLeaveRequest(state, leader);
}

/** The leader asks on behalf of an operator, in this term of it: with its term the wish ends. */
export function onAskToLeave(state: CoreState, from: NodeId, term: Term): void {
  if (state.leader !== from || !sameTerm(state.leaderTerm, term)) return;
  state.leavingSince ??= state.log.lastIndex;
  state.askedToLeaveIn = term;
  sendLeaveRequest(state, from);
}

function sendLeaveRequest(state: CoreState, leader: NodeId): void {
  const configIndex = state.newest?.index ?? 0;
  state.send(leader, { kind: "leaveRequest", term: state.leaderTerm, configIndex });
}

/**
 * What a later leader has committed, with this node as a voter still, shows that the config by
 * which an earlier one would have dropped it has no future: the wish is over (§5).
 */
export function forgetWish(state: CoreState): void {
  const asked = state.askedToLeaveIn;
  if (asked === null || state.wantsLeave) return;
  const committed = state.log.termAt(state.commitIndex);
  if (committed === null || compareTerms(committed, asked) <= 0) return;
  if (!openConfigs(state).every((entry) => isVoter(entry.config, state.self.id))) return;
  state.askedToLeaveIn = null;
  state.leavingSince = null;
}

/** A config without this node is committed. */
export function onLeaveReply(state: CoreState, { config }: LeaveReply): void {
  state.releasedBy = Math.max(state.releasedBy, config.index);
  if (state.wantsLeave && !state.left) leaveNow(state);
}

/** Asks a leader whose config lacks this node, or has old addresses of it, to take it in (§6.1). */
export function askToJoin(state: CoreState): void {
  if (state.wantsLeave || state.leadership !== null || state.newest === null) return;
  if (state.mono - state.askedAt < state.heartbeat) return;
  for (const peer of state.peers.values()) {
    if (!saysItLeads(state, peer) || !lacksThisNode(state, peer)) continue;
    state.askedAt = state.mono;
    state.send(peer.id, { kind: "joinRequest", member: state.self });
  }
  askHinted(state);
}

function saysItLeads(state: CoreState, peer: Peer): boolean {
  return peer.leads !== null && !peer.gone && state.slow - peer.pingedAt <= state.timeout;
}

/** A member that does not lead has named the leader, which this node's own config may lack. */
function askHinted(state: CoreState): void {
  const hint = state.hint;
  if (hint === null || state.peer(hint.leader.id).leads !== null) return;
  if (state.slow - hint.at > state.timeout) {
    state.hint = null;
  } else {
    state.askedAt = state.mono;
    state.send(hint.leader.id, { kind: "joinRequest", member: state.self });
  }
}

function lacksThisNode(state: CoreState, leader: Peer): boolean {
  const config = state.newest?.config;
  const recorded = config === undefined ? undefined : findMember(config, state.self.id);
  if (recorded === undefined) return true;
  const moved = recorded.peerAddress !== state.self.peerAddress ||
    recorded.clientAddress !== state.self.clientAddress;
  if (moved) return true;
  const learner = config !== undefined && !isVoter(config, state.self.id);
  // A learner is told "not a voter" all the time; one that gets no appends was dropped.
  const served = leaderInSight(state) === leader.id;
  const denies = leader.deniedAt > -Infinity && leader.deniedAt === leader.answeredPingAt;
  return denies && !(learner && served);
}
