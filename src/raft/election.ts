/**
 * The candidate's side of an election (§7): when to campaign, pre-vote, vote, by quorum or by
 * last resort, and the first steps of a new leader.
 *
 * @module
 */

import { limits } from "../limits.ts";
import {
  candidateAnchors,
  decidedConfig,
  neverCommitted,
  openConfigs,
  possibleViews,
} from "./anchors.ts";
import { isCertain, noteConfigTaken } from "./certainty.ts";
import { learnCommitted } from "./commit.ts";
import { changeConfig, findMember, isVoter, learnersBeside, usesLastResort } from "./config.ts";
import { couldByLastResort, granted, mayByLastResort, whoGrant } from "./last_resort.ts";
import { isSuspected } from "./lease.ts";
import type { VoteReply } from "./message.ts";
import type { Peer } from "./peer.ts";
import { resetProgress } from "./replication.ts";
import { commitsByAll } from "./rules.ts";
import { type Fork, markOf } from "./side.ts";
import type { Campaign, CoreState } from "./state.ts";
import { couldCommit, formerMajority, survivors } from "./survivors.ts";
import { takeTail } from "./tail.ts";
import { compareTerms, maxTerm, nextTerm, sameTerm } from "./term.ts";
import type { Config, ConfigEntry, Entry, NodeId, Term } from "./types.ts";
import { leaderGaveUp } from "./vote.ts";

/** Steps of the doubling after failed tries. */
const ATTEMPTS_MAX = 5;

/** Looks at the election clock: begins, repeats or gives up a campaign. Called at each tick. */
export function tickElection(state: CoreState): void {
  if (!wantsToLead(state)) {
    state.lastResortDue = false;
    state.campaign = null;
    state.campaignAt = null;
    if (state.leadership === null && state.leader !== null) state.attempts = 0;
    return;
  }
  if (state.campaign !== null) {
    continueCampaign(state);
    return;
  }
  state.campaignAt ??= state.mono + campaignDelay(state);
  noteLastResort(state, state.campaignAt);
  if (state.mono >= state.campaignAt && !isQuiet(state)) campaign(state, null);
}

/**
 * The tries so far failed for want of what is there now: silence that is long enough. The next
 * comes as if it was the first, as a node is certain for a while only; in the order of ranks, as
 * for others that live the same is true at the same moment.
 */
function noteLastResort(state: CoreState, campaignAt: number): void {
  const due = couldByLastResort(state);
  if (due && !state.lastResortDue) {
    state.attempts = 0;
    state.campaignAt = Math.min(campaignAt, state.mono + campaignDelay(state));
  }
  state.lastResortDue = due;
}

/** §7: who may campaign, and why it would. */
function wantsToLead(state: CoreState): boolean {
  const config = state.newest?.config;
  if (config === undefined || state.leadership !== null) return false;
  // Where quorums alone decide, one that was only asked to leave may have to lead: who asked is gone.
  const leaves = state.wantsLeave || usesLastResort(config.policy);
  if (state.leavingSince !== null && leaves) return false;
  if (state.fetching || state.surrender !== null) return false;
  if (!isVoter(config, state.self.id)) return false;
  if (state.leader === null) return !isProbing(state);
  return isSuspected(state, state.leader) || leaderGaveUp(state);
}

/**
 * §6: a node that knows others probes them for T before it claims anything; for half as long again
 * if its own vote is all that it needs. Who watches whether an older start of it lives says so
 * after T only, and nobody else can keep a copy of its data directory from serving (§3).
 */
function isProbing(state: CoreState): boolean {
  const alone = state.log.configs.every((entry) =>
    entry.config.voters.every((voter) => voter.id === state.self.id)
  );
  if (alone || state.startedAt === null) return false;
  const needsOthers = openConfigs(state).some((entry) =>
    !state.rules.quorum(entry.config, (id) => id === state.self.id)
  );
  const probesMs = needsOthers ? state.timeout : 1.5 * state.timeout;
  return state.mono - state.startedAt < probesMs;
}

/** It granted a vote a moment ago to a node that still seems to live. */
function isQuiet(state: CoreState): boolean {
  return state.mono < state.quietUntil && state.votedFor !== null &&
    !isSuspected(state, state.votedFor);
}

/** Rank x stagger among the voters not suspected, with jitter, doubling after failed tries. */
function campaignDelay(state: CoreState): number {
  const voters = state.newest?.config.voters ?? [];
  const live = voters.filter((voter) => !isSuspected(state, voter.id));
  const rank = Math.max(live.findIndex((voter) => voter.id === state.self.id), 0);
  const stagger = state.heartbeat * 2 ** Math.min(state.attempts, ATTEMPTS_MAX);
  const jitter = state.attempts === 0 ? stagger / 4 : stagger;
  return (state.attempts === 0 ? 0 : stagger / 2) + rank * stagger + state.random * jitter;
}

/** Begins with a pre-vote, or at once with the vote if the leader asked for it. */
export function campaign(state: CoreState, transferTerm: Term | null): void {
  state.role = "candidate";
  if (transferTerm !== null) {
    beginVote(state, { lastResort: false, everyPreVote: false, transferTerm });
    return;
  }
  state.campaign = {
    pre: true,
    term: nextTerm(maxTerm(state.seen, state.promised), state.self.id, false),
    lastResort: false,
    transferTerm,
    beganAt: state.mono,
    replies: new Map(),
    ownVote: 0,
    everyPreVote: false,
  };
  askVoters(state, state.campaign, 0);
  continueCampaign(state);
}

function askVoters(state: CoreState, current: Campaign, after: number): void {
  const { index, term, checksum } = state.log.last;
  for (const id of votersAsked(state)) {
    state.send(id, {
      kind: "voteRequest",
      pre: current.pre,
      term: current.term,
      last: { index, term, checksum },
      termStarts: state.log.termStarts.slice(-limits.termStartsMax),
      lastResort: current.lastResort,
      everyPreVote: current.everyPreVote,
      transferTerm: current.transferTerm,
    }, after);
  }
}

function votersAsked(state: CoreState): ReadonlySet<NodeId> {
  const ids = new Set<NodeId>();
  for (const entry of openConfigs(state)) {
    for (const voter of entry.config.voters) ids.add(voter.id);
  }
  ids.delete(state.self.id);
  return ids;
}

/** Takes an answer in; a tail is persisted first and the question asked again. */
export function onVoteReply(state: CoreState, peer: Peer, reply: VoteReply): void {
  state.seen = maxTerm(state.seen, reply.promised);
  peer.promised = reply.promised;
  const current = state.campaign;
  if (current === null || current.pre !== reply.pre || !sameTerm(current.term, reply.term)) return;
  peer.answeredAt = state.fast;
  learnCommitted(state, reply.committed);
  if (reply.tail !== null) {
    const taken = takeTail(state, peer.id, { ...reply, tail: reply.tail });
    if (taken === "unusable") fail(state);
    if (taken === "taken") askAnew(state);
    return;
  }
  current.replies.set(peer.id, reply);
  continueCampaign(state);
}

/** Looks whether the campaign is decided, can be decided by last resort, or has failed. */
function continueCampaign(state: CoreState): void {
  const current = state.campaign;
  if (current === null) return;
  const age = state.mono - current.beganAt;
  if (current.pre) {
    const waits = !allAnswered(state, current) && age < state.heartbeat;
    if (!waits && decidePreVote(state, current)) return;
  } else if (state.pending.every((pending) => pending.number > current.ownVote)) {
    if (
      current.lastResort ? mayByLastResort(state, current.replies) : wonByQuorum(state, current)
    ) {
      becomeLeader(state, current);
      return;
    }
  }
  if (age >= campaignTime(state)) fail(state);
}

/** How long a campaign waits for answers: long enough for a slow link, far below T. */
function campaignTime(state: CoreState): number {
  return Math.max(2 * state.heartbeat, state.timeout / 4);
}

/** The log is another one now. */
function askAnew(state: CoreState): void {
  state.campaign = null;
  state.campaignAt = state.mono;
}

function fail(state: CoreState): void {
  state.campaign = null;
  state.attempts++;
  state.campaignAt = state.mono + campaignDelay(state);
}

function allAnswered(state: CoreState, current: Campaign): boolean {
  for (const id of votersAsked(state)) {
    if (!current.replies.has(id) && !isSuspected(state, id)) return false;
  }
  return true;
}

function decidePreVote(state: CoreState, current: Campaign): boolean {
  const everyPreVote =
    state.newest?.config.voters.every((voter) => granted(state, current.replies, voter.id)) ??
      false;
  if (wonByQuorum(state, current) && couldServe(state, current)) {
    beginVote(state, { lastResort: false, everyPreVote, transferTerm: null });
    return true;
  }
  if (mayByLastResort(state, current.replies)) {
    beginVote(state, { lastResort: true, everyPreVote, transferTerm: null });
    return true;
  }
  return false;
}

function beginVote(
  state: CoreState,
  kind: Pick<Campaign, "lastResort" | "everyPreVote" | "transferTerm">,
): void {
  const term = nextTerm(maxTerm(state.seen, state.promised), state.self.id, kind.lastResort);
  state.promise(term);
  const ownVote = state.persist({ promised: term });
  state.leader = null;
  state.campaign = {
    pre: false,
    term,
    ...kind,
    beganAt: state.mono,
    replies: new Map(),
    ownVote,
  };
  askVoters(state, state.campaign, ownVote);
}

/** The own vote is on disk: a single voter has won. */
export function onOwnVotePersisted(state: CoreState): void {
  if (state.campaign !== null && !state.campaign.pre) continueCampaign(state);
}

/** §7 "By quorum": a quorum of every anchor, and someone certain or everyone, if that counts. */
function wonByQuorum(state: CoreState, current: Campaign): boolean {
  const newest = state.newest?.config;
  if (newest === undefined) return false;
  const has = (id: NodeId) => granted(state, current.replies, id);
  const anchors = candidateAnchors(state, current.replies);
  if (!anchors.every((entry) => state.rules.quorum(entry.config, has))) return false;
  if (!usesLastResort(newest.policy)) return true;
  const replies = [...current.replies.values()];
  const anyCertain = isCertain(state) || replies.some((reply) => reply.granted && reply.certain);
  // Of the earlier ones, too: the newest was never in force, perhaps, and whom it drops went on alone.
  return anchors.every(({ config }) => state.rules.trusted({ granted: has, anyCertain, config }));
}

/**
 * Whether a leader elected by quorum now could commit anything: under `all`, without those whom
 * this node suspects. If not, it would step down at once; the last resort must get its turn.
 */
function couldServe(state: CoreState, current: Campaign): boolean {
  const newest = state.newest?.config;
  if (newest === undefined) return false;
  const anchors = candidateAnchors(state, current.replies);
  if (!commitsByAll(newest.policy)) {
    const live = (id: NodeId) => granted(state, current.replies, id);
    // Or it goes back: what is pending may lack one who is here, or have made voters of who has died
    // since (§6).
    return state.rules.commitSet(newest, live) ||
      formerMajority(state, anchors, { before: Infinity, live }) !== null;
  }
  return survivors(state, anchors) !== null ||
    couldCommit(state, anchors, newest.voters, newest.leavers);
}

/** The first steps of a leader: a noop of its term, and the config that it will live by. */
function becomeLeader(state: CoreState, won: Campaign): void {
  const never = neverCommitted(state, won.replies);
  const c0 = decidedConfig(state);
  const term = won.term;
  const entries: Entry[] = [state.appendOwn(term, { kind: "noop" })];
  const noopIndex = state.log.lastIndex;
  const config = firstConfig(state, won, c0);
  if (config !== null) {
    const before = possibleViews(state);
    const entry = state.appendOwn(term, { kind: "config", config });
    // Who is taken back was granted nothing for long: from now on it is (§5), or it would be dropped.
    noteConfigTaken(state, before, { index: entry.index, term, config });
    entries.push(entry);
  }
  state.persist({ entries });
  state.leadership = {
    term,
    noopIndex,
    servesAfter: state.log.lastIndex,
    lastResortIndex: won.lastResort ? state.log.lastIndex : 0,
    neverCommitted: never,
    transfer: null,
    readsGivenUp: false,
    removing: new Map(),
    toldLeavers: (c0?.index ?? 0) - 1,
    leaving: new Map(),
  };
  state.campaign = null;
  state.campaignAt = null;
  state.leader = state.self.id;
  state.leaderSince = state.slow;
  state.leaderTerm = term;
  state.held = null;
  state.heldTail = [];
  resetProgress(state);
  state.notice("info", won.lastResort ? "Leads by last resort" : "Leads by quorum");
}

/** By last resort: those that granted, with a mark. By quorum: nothing yet; dropping follows. */
function firstConfig(state: CoreState, won: Campaign, c0: ConfigEntry | null): Config | null {
  const newest = state.newest?.config;
  if (newest === undefined || !won.lastResort) return null;
  const voters = whoGrant(state, newest, won.replies);
  return changeConfig(newest, {
    voters,
    learners: learnersBeside(newest.learners, voters)
      .filter((learner) => !isSuspected(state, learner.id)),
    mark: markOf(newest.mark, forkOf(state), { voters, term: won.term, forced: false }),
    c0Index: c0?.index ?? 0,
  });
}

/** Where this history leaves the one that others may go on with. */
function forkOf(state: CoreState): Fork {
  const { index, term, checksum } = state.log.positionAt(state.decidedIndex) ?? state.log.base;
  const configs = openConfigs(state).map((entry) => entry.config);
  return { base: { index, term, checksum }, configs };
}

/**
 * A leader gives up: its followers have promised a higher term, or too many of them are
 * suspected. It says in its next pings that it leads no more.
 */
export function stepDown(state: CoreState): void {
  const leadership = state.leadership;
  if (leadership === null) return;
  withdrawPending(state, leadership.term);
  // One that never served waits longer before it tries again.
  state.attempts = state.commitIndex >= leadership.servesAfter ? 0 : state.attempts + 1;
  state.leadership = null;
  state.leader = null;
  state.campaignAt = state.mono + campaignDelay(state);
  // The followers need to hear at once that nobody leads.
  state.lastPingAt = -Infinity;
}

/** §6: puts C0 behind a pending config of the own term, so that this one is no anchor. */
function withdrawPending(state: CoreState, term: Term): void {
  const c0 = decidedConfig(state);
  const c1 = state.newest;
  if (c0 === null || c1 === null || !commitsByAll(c0.config.policy)) return;
  if (c1.index === c0.index || !sameTerm(c1.term, term)) return;
  const body = {
    kind: "config",
    config: { ...c0.config, leavers: [], c0Index: c0.index },
  } as const;
  state.persist({ entries: [state.appendOwn(term, body)] });
}

/** The leader asked this node to campaign at once (§7, Transfer). */
export function onTransferNow(state: CoreState, peer: Peer, term: Term): void {
  const config = state.newest?.config;
  if (config === undefined || findMember(config, state.self.id) === undefined) return;
  // Who gives in to another side leads no more (§9).
  if (state.surrender !== null) return;
  if (state.leader !== peer.id || !sameTerm(state.leaderTerm, term)) return;
  if (!isVoter(config, state.self.id) || state.leavingSince !== null) return;
  if (compareTerms(term, state.promised) < 0) return;
  campaign(state, term);
}
