/**
 * The voter's side of an election (§7): whether to grant, and what to hand to a candidate that
 * lacks something. Never campaigns.
 *
 * @module
 */

import { committedConfig } from "./anchors.ts";
import { isSuspected } from "./lease.ts";
import { lastCommonIndex, termAtStarts } from "./log.ts";
import type { VoteReply, VoteRequest } from "./message.ts";
import type { Peer } from "./peer.ts";
import { nameOf, ownSideOf } from "./side.ts";
import type { CoreState, LogRead } from "./state.ts";
import { compareTerms, maxTerm, sameTerm } from "./term.ts";
import type { Entry, Index, LogPosition, NodeId, Term } from "./types.ts";
import { isCertain } from "./certainty.ts";
import { compareAddresses, findMember } from "./config.ts";

/** Answers a pre-vote or a vote. */
export function onVoteRequest(state: CoreState, peer: Peer, request: VoteRequest): void {
  if (!request.pre) state.seen = maxTerm(state.seen, request.term);
  const verdict = judge(state, peer, request);
  if (verdict === "granted" && !request.pre) {
    grant(state, peer, request);
  }
  if (verdict === "stale" && sendTail(state, peer, request)) return;
  replyTo(state, peer, request, { granted: verdict === "granted", meeting: verdict === "meeting" });
}

type Verdict = "granted" | "refused" | "stale" | "meeting";

function judge(state: CoreState, peer: Peer, request: VoteRequest): Verdict {
  // A node that has no config grants no votes (§3); a learner answers as a voter does (§6.2).
  if (state.newest === null) return "refused";
  if (compareTerms(request.term, state.promised) <= 0) return "refused";
  if (!request.pre && isStarting(state) && !request.everyPreVote) return "refused";
  if (!mayLeave(state, peer, request)) return "refused";
  const last = state.log.last;
  if (!state.rules.fresh(request.last, last) && !winsByRank(state, peer)) return "stale";
  return wouldCutCommitted(state, request) ? "meeting" : "granted";
}

/** Never true in the protocol: who has the smaller address has no say in what survives. */
function winsByRank(state: CoreState, peer: Peer): boolean {
  if (!state.rules.smallestWins()) return false;
  const config = state.newest?.config;
  const member = config === undefined ? undefined : findMember(config, peer.id);
  return member !== undefined && compareAddresses(member.peerAddress, state.self.peerAddress) < 0;
}

/** Nobody grants for T after a start: it may have answered a leader just before (§7). */
function isStarting(state: CoreState): boolean {
  return state.startedAt !== null && state.mono - state.startedAt < state.timeout;
}

/** §7: whether this voter may turn away from the leader that it knows. */
function mayLeave(state: CoreState, peer: Peer, request: VoteRequest): boolean {
  if (state.leadership !== null) return transferred(request, state.leadership.term);
  const granted = leaderGranted(state);
  if (granted !== null && granted !== peer.id && granted !== state.leader) {
    return transferred(request, state.promised);
  }
  const leader = state.leader;
  if (leader === null || leader === peer.id) return true;
  if (isSuspected(state, leader) || leaderGaveUp(state)) return true;
  return transferred(request, state.leaderTerm);
}

/**
 * Who leads the term promised here, by its pings, and holds a grant of this node: it may read by
 * that (§8), also while this node has taken no append of it, for being far behind.
 */
function leaderGranted(state: CoreState): NodeId | null {
  for (const peer of state.peers.values()) {
    const leads = peer.leads !== null && sameTerm(peer.leads, state.promised);
    if (leads && !isSuspected(state, peer.id)) return peer.id;
  }
  return null;
}

/** The leader of this term asked the candidate to campaign. */
function transferred(request: VoteRequest, term: Term): boolean {
  return request.transferTerm !== null && sameTerm(request.transferTerm, term);
}

/** The leader that this node knows says that it leads no more, or has started anew. */
export function leaderGaveUp(state: CoreState): boolean {
  if (state.leader === null || state.leader === state.self.id) return false;
  const peer = state.peer(state.leader);
  if (peer.incarnation > state.leaderIncarnation) return true;
  return peer.gaveUpTerm !== null && compareTerms(peer.gaveUpTerm, state.leaderTerm) >= 0;
}

/** §7: granting would give up an entry that this node knows to be committed. */
function wouldCutCommitted(state: CoreState, request: VoteRequest): boolean {
  const index = state.decidedIndex;
  if (index === 0) return false;
  if (request.last.index < index) return true;
  const mine = state.log.termAt(index);
  const oldest = request.termStarts[0];
  if (mine === null || oldest === undefined || oldest.index > index) return false;
  const theirs = termAtStarts(request.termStarts, index);
  return theirs === null || !sameTerm(mine, theirs);
}

/** Promises the candidate's term on disk and keeps quiet for a while. */
function grant(state: CoreState, peer: Peer, request: VoteRequest): void {
  state.promise(request.term);
  if (state.rules.persistsPromise()) state.persist({ promised: request.term });
  if (state.leader === state.self.id) state.leader = null;
  state.leadership = null;
  state.campaign = null;
  state.campaignAt = null;
  state.votedFor = peer.id;
  if (request.lastResort) peer.lastResort = { term: request.term, at: state.slow };
  state.quietUntil = state.mono + state.timeout / 2;
}

function replyTo(
  state: CoreState,
  peer: Peer,
  request: VoteRequest,
  answer: {
    readonly granted: boolean;
    readonly meeting: boolean;
    readonly tail?: VoteReply["tail"];
  },
): void {
  const { index, term, checksum } = state.log.last;
  const c0 = committedConfig(state);
  const reply: VoteReply = {
    kind: "voteReply",
    pre: request.pre,
    term: request.term,
    promised: state.promised,
    certain: isCertain(state),
    last: { index, term, checksum },
    committed: c0 === null ? null : { index: c0.index, term: c0.term },
    tail: null,
    mark: nameOf(ownSideOf(state)),
    ...answer,
  };
  state.send(peer.id, reply, state.newestPending);
}

/** §7: a refusal for freshness carries what the candidate lacks. True if that must be read first. */
function sendTail(state: CoreState, peer: Peer, request: VoteRequest): boolean {
  const common = lastCommonIndex(
    { starts: state.log.termStarts, last: state.log.lastIndex },
    { starts: request.termStarts, last: request.last.index },
  );
  if (common < state.log.base.index) return false;
  const prev = state.log.positionAt(common);
  if (prev !== null && state.log.inMemory(common + 1)) {
    const entries = state.log.slice(common + 1, sendableTail(state));
    replyTo(state, peer, request, { granted: false, meeting: false, tail: tailOf(prev, entries) });
    return true;
  }
  const number = state.nextRead++;
  // Of the base only the place is known: there is no such entry to be read.
  const atBase = common === state.log.base.index ? state.log.base : null;
  state.reads.set(number, { peer: peer.id, request, prev: atBase });
  const to = Math.min(sendableTail(state), common + state.bounds.appendEntriesMax);
  const from = atBase === null ? common : common + 1;
  state.effects.push({ kind: "readLog", request: number, from, to });
  return true;
}

/** Only what is on this disk is handed on. */
function sendableTail(state: CoreState): Index {
  return Math.min(state.log.lastIndex, state.persistedIndex);
}

function tailOf(prev: LogPosition, entries: readonly Entry[]): VoteReply["tail"] {
  return {
    prev: { index: prev.index, term: prev.term, checksum: prev.checksum },
    entries,
  };
}

/** The host has read the tail that a candidate lacks. */
export function onLogReadForTail(
  state: CoreState,
  read: LogRead & { readonly request: VoteRequest },
  entries: readonly Entry[],
): void {
  const prev = read.prev ?? entries[0];
  const rest = read.prev === null ? entries.slice(1) : entries;
  const last = entries.at(-1);
  // What was cut from this log while it was read is not handed on.
  if (prev === undefined || last === undefined || !state.log.has(last)) return;
  replyTo(state, state.peer(read.peer), read.request, {
    granted: false,
    meeting: false,
    tail: tailOf(prev, rest),
  });
}
