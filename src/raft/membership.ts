/**
 * The leader's changes of configuration (§6): dropping the suspected, taking in learners,
 * promoting, removing, leaving, changing an address, closing a mark. Every change is one
 * config entry; when it commits is decided in `commit.ts`.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { decidedConfig, leaderAnchors, openConfigs, possibleViews } from "./anchors.ts";
import { isCertain, noteConfigTaken } from "./certainty.ts";
import { changeConfig, findMember, isVoter, learnersBeside, usesLastResort } from "./config.ts";
import { stepDown } from "./election.ts";
import type { Refusal } from "./io.ts";
import { answerRemovals, tellLeavers } from "./leave_answers.ts";
import { heldBackBy, isSuspected, leaderInSight, pingsLately, suspects } from "./lease.ts";
import type { Peer } from "./peer.ts";
import { commitsByAll } from "./rules.ts";
import { missing } from "./side.ts";
import type { CoreState, Leadership } from "./state.ts";
import { couldCommit, formerMajority, survivors } from "./survivors.ts";
import { sameTerm } from "./term.ts";
import type { Config, Member, NodeId } from "./types.ts";

/** A learner this close to the commit index is made a voter, in entries. */
const PROMOTE_LAG_ENTRIES = 64;
/** Doublings of the wait before a member that keeps falling out is promoted again. */
const PROMOTE_BACKOFF_MAX = 5;

/** True once the leader's first config is committed: it serves writes and changes members. */
export function isServing(state: CoreState): boolean {
  const leadership = state.leadership;
  return leadership !== null && state.commitIndex >= leadership.servesAfter;
}

/** True while no config is pending. */
export function isSettled(state: CoreState): boolean {
  const c1 = state.newest;
  return c1 !== null && c1.index <= state.commitIndex;
}

/** Appends a config of the own term and begins its persist. */
function appendConfig(state: CoreState, change: Partial<Config>): void {
  const leadership = state.leadership;
  const c1 = state.newest;
  assert(leadership !== null && c1 !== null, "Only a leader appends configs");
  const before = possibleViews(state);
  const c0Index = decidedConfig(state)?.index ?? 0;
  const config = changeConfig(c1.config, { ...change, c0Index });
  const entry = state.appendOwn(leadership.term, { kind: "config", config });
  noteConfigTaken(state, before, { index: entry.index, term: entry.term, config });
  state.persist({ entries: [entry] });
}

/** §6 "Dropping": goes on without the suspected voters, or gives up leading. */
export function dropSuspects(state: CoreState): void {
  const config = state.newest?.config;
  if (state.leadership === null || config === undefined) return;
  const out = suspects(state);
  if (!commitsByAll(config.policy)) {
    // Nobody is dropped; but a leader that no majority answers leads nobody (dissertation §6.2).
    const leads = state.rules.commitSet(config, (id) => !out.includes(id));
    if ((!leads || isStuck(state)) && !withdraw(state) && !leads) stepDown(state);
  } else if (out.length > 0 || isStuck(state)) {
    regroup(state, config);
  }
}

/**
 * A pending config may have made voters of nodes that have died since, or lack one that lives. Where an
 * earlier one has a majority that lives and could commit, this leader goes back to that. False if it
 * cannot.
 */
function withdraw(state: CoreState): boolean {
  const c1 = state.newest;
  if (c1 === null || isSettled(state)) return false;
  const live = (id: NodeId) =>
    isVoter(c1.config, id) ? !isSuspected(state, id) : pingsLately(state, id);
  const former = formerMajority(state, leaderAnchors(state), { before: c1.index, live });
  if (former === null) return false;
  appendConfig(state, { ...former, leavers: [] });
  return true;
}

/**
 * Whether this leader is certain, or a voter that follows it said so within T: then nobody has
 * gone on without that one. A leader whose own promotion is pending is never certain itself.
 */
function someoneIsCertain(state: CoreState, config: Config): boolean {
  return isCertain(state) || config.voters.some((voter) =>
    !isSuspected(state, voter.id) &&
    state.fast - state.peer(voter.id).certainAt < state.timeout
  );
}

/**
 * A leader that was out for long may have been gone on without, by last resort, by the very nodes
 * that it suspects now: it must know better before it goes on without one of them, whether by
 * itself, for an operator, or for one that takes its place (§6).
 */
function mayGoOnWithout(state: CoreState, config: Config): boolean {
  return !usesLastResort(config.policy) || state.rules.mayDrop(someoneIsCertain(state, config));
}

/**
 * Whether a voter lives and says of this very term that it cannot follow: the fork is there already,
 * and it gives in once this side serves, which it cannot as long as it counts on that one's disk.
 */
function cannotFollow(state: CoreState, id: NodeId): boolean {
  const { pingedAt, gone, cannotFollow: term } = state.peer(id);
  if (state.leadership === null || term === null || gone) return false;
  return state.slow - pingedAt < state.timeout && sameTerm(term, state.leadership.term);
}

/** §6 "Dropping": proposes those with whom it can go on, or gives up leading. */
function regroup(state: CoreState, config: Config): void {
  const voters = survivors(state, leaderAnchors(state));
  const stays = (id: NodeId) => voters?.some((voter) => voter.id === id) === true;
  const out = openConfigs(state).flatMap((entry) => entry.config.voters)
    .filter((voter) => !stays(voter.id));
  const waits = out.every((voter) => cannotFollow(state, voter.id));
  if (!waits && !mayGoOnWithout(state, config)) return;
  if (voters === null) return stepDown(state);
  // Who was on its way out by a config that never committed may be a voter again.
  const change = { voters, learners: learnersBeside(config.learners, voters) };
  if (heldBackBy(state, changeConfig(config, change)).length === 0) appendConfig(state, change);
}

/**
 * A config is pending that cannot commit with those who live: a leave, because who left died
 * first, or one that an earlier leader left behind and that lacks a voter of the one before.
 */
function isStuck(state: CoreState): boolean {
  const c1 = state.newest;
  if (c1 === null || isSettled(state) || c1.index === state.leadership?.lastResortIndex) {
    return false;
  }
  return !couldCommit(state, leaderAnchors(state), c1.config.voters, c1.config.leavers);
}

/** Every change that a serving leader makes by itself, at most one a tick. */
export function changeMembers(state: CoreState): void {
  const leadership = state.leadership;
  const config = state.newest?.config;
  if (leadership === null || config === undefined) return;
  answerRemovals(state, leadership);
  tellLeavers(state, leadership);
  if (!isServing(state) || !isSettled(state) || leadership.transfer !== null) return;
  const changed = leaveOrRemove(state, leadership, config) || promote(state, config) ||
    dropLearners(state, config) || moveSelf(state, config) || closeMark(state, config);
  if (changed) return;
}

/** §6: takes a node in as a learner, or records its new addresses. `null` if that is done. */
export function takeIn(state: CoreState, member: Member): Refusal | null {
  const config = state.newest?.config;
  if (config === undefined || state.leadership === null) return notLeader(state);
  if (config.tombstones.includes(member.id)) return { reason: "REMOVED" };
  const known = findMember(config, member.id);
  if (known !== undefined && sameAddresses(known, member)) return null;
  if (!isServing(state) || !isSettled(state)) return { reason: "NO_LEADER" };
  const peer = state.peer(member.id);
  peer.heardAt = state.slow;
  // What it had when it was dropped does not show that it can be reached now.
  if (known === undefined) peer.progress.streaming = false;
  const holder = [...config.voters, ...config.learners].find((other) =>
    other.peerAddress === member.peerAddress && other.id !== member.id
  );
  if (holder !== undefined) return replace(state, config, holder, member);
  if (known !== undefined) {
    changeAddress(state, config, member);
  } else {
    const replaced = missing(config).filter((other) =>
      other.peerAddress === member.peerAddress && other.id !== member.id
    );
    appendConfig(state, {
      learners: [...config.learners, member],
      tombstones: [...config.tombstones, ...replaced.map(({ id }) => id)],
    });
  }
  return null;
}

/** Who to ask instead. */
export function notLeader(state: CoreState): Refusal {
  const leader = leaderInSight(state);
  return leader === null || leader === state.self.id
    ? { reason: "NO_LEADER" }
    : { reason: "NOT_LEADER", leader };
}

function sameAddresses(left: Member, right: Member): boolean {
  return left.peerAddress === right.peerAddress && left.clientAddress === right.clientAddress;
}

function changeAddress(state: CoreState, config: Config, member: Member): void {
  const swap = (other: Member) => other.id === member.id ? member : other;
  appendConfig(state, { voters: config.voters.map(swap), learners: config.learners.map(swap) });
}

/**
 * §3: a joiner at the address of a member replaces it; the old id is never taken in again. A
 * member that moves there keeps its place: a voter may hold a grant, and must not be left out.
 */
function replace(state: CoreState, config: Config, holder: Member, member: Member): Refusal | null {
  const staying = config.voters.filter((voter) => voter.id !== holder.id);
  const mayGo = () =>
    isSuspected(state, holder.id) && couldCommit(state, leaderAnchors(state), staying) &&
    mayGoOnWithout(state, config);
  if (isVoter(config, holder.id) && !mayGo()) return { reason: "NO_LEADER" };
  const moved = (members: readonly Member[]) =>
    members.filter((other) => other.id !== holder.id)
      .map((other) => other.id === member.id ? member : other);
  const joins = findMember(config, member.id) === undefined;
  appendConfig(state, {
    voters: moved(config.voters),
    learners: joins ? [...moved(config.learners), member] : moved(config.learners),
    tombstones: [...config.tombstones, holder.id],
  });
  return null;
}

/** §6.5: learners that have caught up become voters; one that keeps falling out waits longer. */
function promote(state: CoreState, config: Config): boolean {
  const ready = config.learners.filter((learner) => isPromotable(state, state.peer(learner.id)));
  if (ready.length === 0) return false;
  for (const learner of ready) {
    const peer = state.peer(learner.id);
    const doublings = Math.min(peer.promotions++, PROMOTE_BACKOFF_MAX);
    peer.promoteAfter = state.mono + state.timeout * 2 ** doublings;
  }
  appendConfig(state, {
    voters: [...config.voters, ...ready],
    learners: config.learners.filter((learner) => !ready.includes(learner)),
  });
  return true;
}

function isPromotable(state: CoreState, peer: Peer): boolean {
  const progress = peer.progress;
  return progress.streaming && progress.match + PROMOTE_LAG_ENTRIES >= state.commitIndex &&
    pingsLately(state, peer.id) && state.mono >= peer.promoteAfter;
}

/** A learner that has fallen silent holds up nothing, but the log is kept for it no longer. */
function dropLearners(state: CoreState, config: Config): boolean {
  const silent = (member: Member) => {
    const peer = state.peer(member.id);
    return isSuspected(state, member.id) &&
      state.slow - peer.heardAt >= state.timeout + state.grace;
  };
  const learners = config.learners.filter((learner) => !silent(learner));
  if (learners.length === config.learners.length) return false;
  appendConfig(state, { learners });
  return true;
}

/** This node has started with other addresses than its config records (§6.5). */
function moveSelf(state: CoreState, config: Config): boolean {
  const recorded = findMember(config, state.self.id);
  if (recorded === undefined || sameAddresses(recorded, state.self)) return false;
  const taken = [...config.voters, ...config.learners].some((other) =>
    other.id !== state.self.id && other.peerAddress === state.self.peerAddress
  );
  if (taken) return false;
  changeAddress(state, config, state.self);
  return true;
}

/** §9: the mark is closed once everyone left behind is a voter here again, or is out for good. */
function closeMark(state: CoreState, config: Config): boolean {
  const { mark } = config;
  if (!mark?.open) return false;
  const met = mark.baseVoters.every(({ id }) =>
    isVoter(config, id) || config.tombstones.includes(id)
  );
  if (!met) return false;
  appendConfig(state, { mark: { ...mark, open: false } });
  return true;
}

/** §6 "Leaving": drops one that asked to be, or that an operator removes. */
function leaveOrRemove(state: CoreState, leadership: Leadership, config: Config): boolean {
  for (const [id, { incarnation, configIndex }] of leadership.leaving) {
    // A voter that has taken a newer config may be certain again: it asks anew if it still wants.
    const outdated = configIndex !== state.newest?.index ||
      state.peer(id).incarnation > incarnation;
    if (outdated || findMember(config, id) === undefined) {
      leadership.leaving.delete(id);
    } else if (drop(state, config, id, leadership.removing.has(id), incarnation)) {
      return true;
    }
  }
  for (const [id, { request, since }] of leadership.removing) {
    const silent = isSuspected(state, id);
    const mayDrop = !isVoter(config, id) || (silent && mayGoOnWithout(state, config));
    if (mayDrop && drop(state, config, id, true, null)) return true;
    if (silent && !mayDrop && state.mono - since >= state.timeout) {
      leadership.removing.delete(id);
      const refusal = { reason: "INVALID_ARGUMENT", message: mayHaveGoneOn(id) } as const;
      state.effects.push({ kind: "adminAnswer", id: request, refusal });
    } else {
      state.send(id, { kind: "askToLeave", term: leadership.term });
    }
  }
  return false;
}

/** Only a person can know that a node, which may have gone on alone, has gone for good. */
function mayHaveGoneOn(id: NodeId): string {
  return `${id} is not removed: this node was out for long, and ${id} may have gone on without ` +
    `it: start ${id} again or, if it is gone for good, stop this node, run ` +
    "`jmessage admin recover --data DIR --force` and start it again";
}

function drop(
  state: CoreState,
  config: Config,
  id: NodeId,
  tombstone: boolean,
  incarnation: number | null,
): boolean {
  const others = (member: Member) => member.id !== id;
  const voters = config.voters.filter(others);
  const leavers = incarnation === null ? [] : [{ id, incarnation }];
  const anchors = leaderAnchors(state);
  const could = voters.length > 0 && couldCommit(state, anchors, voters, leavers);
  if (isVoter(config, id) && !could) return false;
  appendConfig(state, {
    voters,
    learners: config.learners.filter(others),
    leavers,
    ...(tombstone ? { tombstones: [...config.tombstones, id] } : {}),
  });
  return true;
}
