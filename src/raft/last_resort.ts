/**
 * Whether a candidate may go on by last resort (§7): nobody else is left to ask. Used only where
 * the last resort is on.
 *
 * @module
 */

import { candidateAnchors } from "./anchors.ts";
import { isCertain } from "./certainty.ts";
import { findMember, isVoter, usesLastResort, withTakenBack } from "./config.ts";
import { isSuspected } from "./lease.ts";
import type { VoteReply } from "./message.ts";
import type { Peer } from "./peer.ts";
import type { CoreState } from "./state.ts";
import type { Config, Member, NodeId } from "./types.ts";

/** Whether a node granted, by the answers to a campaign; the candidate itself does. */
export function granted(
  state: CoreState,
  replies: ReadonlyMap<NodeId, VoteReply>,
  id: NodeId,
): boolean {
  return id === state.self.id || replies.get(id)?.granted === true;
}

/** §7 "By last resort": what a campaign has to show for it, by the answers to it. */
export function mayByLastResort(
  state: CoreState,
  replies: ReadonlyMap<NodeId, VoteReply>,
): boolean {
  return nobodyElseLeft(state, replies, (id) => granted(state, replies, id));
}

/** Whether a campaign that begins now could win so: if all grant whom this node does not suspect. */
export function couldByLastResort(state: CoreState): boolean {
  return nobodyElseLeft(state, new Map(), (id) => !isSuspected(state, id));
}

/**
 * §7: those by whom the winner goes on, at their newest addresses: whoever granted, though its newest
 * config may lack one of them. That config was never in force, perhaps, and whom it was to drop may
 * know nothing of it, and be certain.
 */
export function whoGrant(
  state: CoreState,
  newest: Config,
  replies: ReadonlyMap<NodeId, VoteReply>,
): readonly Member[] {
  const grants = ({ id }: Member) => granted(state, replies, id);
  const back = candidateAnchors(state, replies).flatMap(({ config }) => config.voters)
    .filter((voter) => !isVoter(newest, voter.id) && grants(voter))
    .map((voter) => findMember(newest, voter.id) ?? voter);
  return withTakenBack(newest.voters.filter(grants), back);
}

/** Certain, a voter of all anchors, and nobody left to ask but those that grant. */
function nobodyElseLeft(
  state: CoreState,
  replies: ReadonlyMap<NodeId, VoteReply>,
  grants: (id: NodeId) => boolean,
): boolean {
  const newest = state.newest?.config;
  if (newest === undefined || !usesLastResort(newest.policy)) return false;
  if (!state.rules.mayLastResort(isCertain(state))) return false;
  return candidateAnchors(state, replies).every((entry) =>
    isVoter(entry.config, state.self.id) &&
    entry.config.voters.every(({ id }) => grants(id) || isGoneForGood(state, id))
  );
}

/**
 * Gone, or silent for T + G while this node was awake since its last answer. Silence also counts
 * from the last grant to it: a node whose disk hangs answers nothing, but goes on asking for
 * leases for T/2, and is certain for T + G after the last one that it was granted.
 */
function isGoneForGood(state: CoreState, id: NodeId): boolean {
  const peer = state.peer(id);
  if (peer.gone) return true;
  if (state.slow - peer.grantUntil < state.grace) return false;
  const since = silentSince(state, peer);
  return since !== null && state.fast - since >= state.timeout + state.grace;
}

/**
 * Fast ms since which the peer is silent and this node awake: its last answer, or, if this node
 * slept since, the first ping after waking for which a certain voter vouched (§5); else `null`.
 */
function silentSince(state: CoreState, peer: Peer): number | null {
  if (state.awakeSince <= peer.answeredAt) return peer.answeredAt;
  return state.vouchedAt >= state.awakeSince ? state.vouchedAt : null;
}
