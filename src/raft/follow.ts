/**
 * The follower's side of the log: taking entries in from a leader's append or a voter's tail,
 * what it refuses to cut, and what it holds back because of a live grant (§4, §5, §7). Also
 * the switch to an installed snapshot (§6).
 *
 * @module
 */

import { assert } from "../assert.ts";
import { openConfigs, possibleViews, skips } from "./anchors.ts";
import { noteConfigTaken } from "./certainty.ts";
import { commitThrough } from "./commit.ts";
import { isVoter } from "./config.ts";
import { beginFetch, onSnapshotFetching } from "./fetching.ts";
import { heldBackBy } from "./lease.ts";
import { lastCommonIndex, termAtStarts } from "./log.ts";
import type { Append, SnapshotNeeded } from "./message.ts";
import { endSurrender, ignores, isFrozen, isOwn, onFork } from "./meeting.ts";
import type { Peer } from "./peer.ts";
import { commitsByAll } from "./rules.ts";
import type { CoreState } from "./state.ts";
import { compareTerms, sameTerm } from "./term.ts";
import type { Base, Entry, Index, LogPosition, NodeId, Term, TermStart } from "./types.ts";

/** How the place before an append's entries compares with this log. */
type PrevCheck = "match" | "conflict" | "beyond" | "fork";

/** Takes a leader's append in and answers it. */
export function onAppend(state: CoreState, peer: Peer, append: Append): void {
  if (ignores(state, peer, append.mark)) return;
  if (compareTerms(append.term, state.promised) < 0) {
    replyTo(state, peer, append.term, { ok: false, matchIndex: state.log.lastIndex });
    return;
  }
  // Each answer would bring the same append again: the leader tries every two intervals.
  if (isFrozen(state) && !state.fetching) return;
  if (state.fetching) {
    // Until the switch it acknowledges nothing above its old log (§6.3).
    replyTo(state, peer, append.term, { ok: false, matchIndex: state.commitIndex });
    return;
  }
  const check = checkPrev(state, append);
  if (check === "fork") {
    onFork(state, peer, append.term);
  } else if (check === "beyond") {
    // Undecided: promises nothing (§7). The leader tries again from the end of this log.
    replyTo(state, peer, append.term, { ok: false, matchIndex: state.log.lastIndex });
  } else if (check === "conflict") {
    if (isOwn(state, append.mark)) {
      followLeader(state, peer, append.term);
      persistPromise(state, append.term);
    }
    const hint = Math.min(append.prev.index - 1, state.commitIndex);
    replyTo(state, peer, append.term, { ok: false, matchIndex: hint });
  } else {
    takeAppend(state, peer, append);
  }
}

function checkPrev(state: CoreState, append: Append): PrevCheck {
  const { prev } = append;
  const base = state.log.base;
  if (prev.index > state.log.lastIndex) return "beyond";
  if (prev.index >= base.index) {
    if (state.log.has(prev)) return "match";
    return prev.index <= state.decidedIndex ? "fork" : "conflict";
  }
  const atBase = append.entries[base.index - prev.index - 1];
  if (atBase !== undefined) return atBase.checksum === base.checksum ? "match" : "fork";
  // Below the base the terms are known for ever: who has one of them there has what led to it.
  const last = append.entries.at(-1) ?? prev;
  const term = state.log.termAt(last.index);
  return term !== null && sameTerm(term, last.term) ? "match" : "fork";
}

/** From now on this node follows the sender, whose term is at least as high as its promise. */
export function followLeader(state: CoreState, peer: Peer, term: Term): void {
  state.followedAt = state.slow;
  // What a voter handed to a candidate holds nobody out any more once a leader's log counts.
  state.heldTail = [];
  const changed = state.leader !== peer.id || !sameTerm(state.leaderTerm, term);
  if (!changed && state.leadership === null && state.campaign === null) return;
  assert(
    state.leadership === null || !sameTerm(state.leadership.term, term),
    "Two leaders never share a term",
  );
  state.leadership = null;
  state.campaign = null;
  state.campaignAt = null;
  state.attempts = 0;
  state.votedFor = null;
  state.held = null;
  // It said so while it was a candidate; links keep the order of messages.
  peer.gaveUpTerm = null;
  state.leader = peer.id;
  state.leaderSince = state.slow;
  state.leaderTerm = term;
  state.leaderIncarnation = peer.incarnation;
  state.leaderSuspects = [];
}

/** Promises a leader's term if it is higher. */
function persistPromise(state: CoreState, term: Term): void {
  if (compareTerms(term, state.promised) <= 0) return;
  state.promise(term);
  state.persist({ promised: term });
}

function takeAppend(state: CoreState, peer: Peer, append: Append): void {
  const taken = takeEntries(state, peer.id, append);
  if (taken === "fork") {
    onFork(state, peer, append.term);
    return;
  }
  followLeader(state, peer, append.term);
  state.held = taken.held.length === 0 ? null : {
    from: peer.id,
    message: { ...append, prev: taken.end, entries: taken.held },
  };
  const commit = Math.min(append.commitIndex, taken.end.index);
  if (taken.end.index >= append.c0Index) commitThrough(state, commit);
  replyTo(state, peer, append.term, { ok: true, matchIndex: taken.end.index });
}

/** Tries again what a live grant held back. */
export function retryHeld(state: CoreState): void {
  const held = state.held;
  if (held === null) return;
  const { entries, commitIndex } = held.message;
  if (countUnheld(state, entries, commitIndex) === 0) return;
  state.held = null;
  if (state.leader !== held.from || !sameTerm(state.leaderTerm, held.message.term)) return;
  onAppend(state, state.peer(held.from), held.message);
}

/** What came of {@linkcode takeEntries}. */
interface Taken {
  /** Position of the last entry that is now on this log (in memory; a persist is begun). */
  readonly end: LogPosition;
  /** What is held back: a config that a live grant forbids, and all that follows it. */
  readonly held: readonly Entry[];
}

/** Entries of a leader's append or a voter's tail, as {@linkcode takeEntries} takes them. */
type Offered = Pick<Append, "prev" | "entries" | "term" | "commitIndex" | "mark"> & {
  /** What is promised where something is cut, if not `term`. */
  readonly cutTerm?: Term;
};

/**
 * Takes entries after `prev`, which is on this log, into the log, cutting what differs; begins
 * one persist, with the promise of its term if that is higher. Nothing is changed on "fork": an
 * entry that is committed here would be cut, or a command by another side (§9).
 */
export function takeEntries(state: CoreState, from: NodeId, offered: Offered): Taken | "fork" {
  const { prev, entries } = offered;
  const log = state.log;
  const skip = countKnown(state, entries);
  const fresh = entries.slice(skip);
  const known = entries[skip - 1] ?? prev;
  const first = fresh[0];
  const truncateFrom = first !== undefined && first.index <= log.lastIndex ? first.index : null;
  if (truncateFrom !== null && giveUp(state, truncateFrom, { from, ...offered })) return "fork";
  const cut = countUnheld(state, fresh, offered.commitIndex);
  const taken = fresh.slice(0, cut);
  if (!chainHolds(state, known, taken)) return { end: known, held: [] };
  const truncate = truncateFrom !== null && taken.length > 0 ? truncateFrom : null;
  if (truncate !== null) log.truncate(truncate, known);
  for (const entry of taken) takeEntry(state, entry);
  const term = truncate === null ? offered.term : offered.cutTerm ?? offered.term;
  const promises = compareTerms(term, state.promised) > 0;
  if (promises) state.promise(term);
  if (promises || taken.length > 0) {
    state.persist({
      ...(promises ? { promised: term } : {}),
      ...(truncate === null ? {} : { truncateFrom: truncate }),
      entries: taken,
    });
  }
  return { end: taken.at(-1) ?? known, held: fresh.slice(cut) };
}

/**
 * Whether a cut at an index gives up what may have been acknowledged: what is committed or, if the
 * other log is on another side of a fork, any command (§7). Not what a voter lacks that all of it
 * would have needed: under `all` that was never committed.
 */
function giveUp(
  state: CoreState,
  index: Index,
  { from, mark }: Pick<Offered, "mark"> & { readonly from: NodeId },
): boolean {
  if (index <= state.decidedIndex) return true;
  if (isOwn(state, mark)) return false;
  const needed = openConfigs(state).every(({ config }) =>
    commitsByAll(config.policy) && isVoter(config, from)
  );
  if (needed) return false;
  if (!state.log.inMemory(index)) return true;
  for (let at = index; at <= state.log.lastIndex; at++) {
    if (state.log.entry(at)?.kind === "command") return true;
  }
  return false;
}

function takeEntry(state: CoreState, entry: Entry): void {
  if (entry.kind !== "config") return state.log.append(entry);
  const before = possibleViews(state);
  state.log.append(entry);
  state.remember(entry.config);
  noteConfigTaken(state, before, { index: entry.index, term: entry.term, config: entry.config });
  if (
    state.leavingSince !== null && !state.wantsLeave && entry.index > state.leavingSince &&
    isVoter(entry.config, state.self.id)
  ) {
    state.leavingSince = null;
  }
}

/** How many of the entries this log has already. */
function countKnown(state: CoreState, entries: readonly Entry[]): number {
  let count = 0;
  for (const entry of entries) {
    if (entry.index > state.log.base.index && !state.log.has(entry)) break;
    count++;
  }
  return count;
}

/**
 * How many of the entries come before the first config that a live grant holds back (§5). One that
 * another of them skipped is never the newest on this disk: they are written together.
 */
function countUnheld(state: CoreState, entries: readonly Entry[], leaderCommit: Index): number {
  const held = entries.filter((entry) =>
    entry.kind === "config" && entry.index > leaderCommit &&
    heldBackBy(state, entry.config).length > 0
  );
  let count = entries.length;
  // The last first: one that is held back itself skips nothing that could be taken.
  for (const entry of held.toReversed()) {
    const at = entries.indexOf(entry);
    const later = entries.slice(at + 1, count);
    if (!later.some((other) => other.kind === "config" && skips(other, entry))) count = at;
  }
  return count;
}

/** Whether each checksum follows from its predecessor's: else the message is damaged. */
function chainHolds(state: CoreState, prev: LogPosition, entries: readonly Entry[]): boolean {
  let previous = prev;
  for (const entry of entries) {
    const expected = state.chain(previous.checksum, entry.index, entry.term, entry);
    if (entry.index !== previous.index + 1 || expected !== entry.checksum) {
      state.notice("warn", `Entry ${entry.index} from a peer has a wrong checksum and is dropped`);
      return false;
    }
    previous = entry;
  }
  return true;
}

function replyTo(
  state: CoreState,
  peer: Peer,
  term: Term,
  answer: { readonly ok: boolean; readonly matchIndex: Index },
): void {
  state.send(peer.id, {
    kind: "appendReply",
    term,
    promised: state.promised,
    ...answer,
    commitIndex: state.decidedIndex,
    applied: answer.ok ? null : state.applied,
    snapshotIndex: state.snapshotIndex,
  }, state.newestPending);
}

/** The leader's log no longer reaches back to this one's end (§6.2). */
export function onSnapshotNeeded(state: CoreState, peer: Peer, message: SnapshotNeeded): void {
  if (ignores(state, peer, message.mark)) return;
  if (compareTerms(message.term, state.promised) < 0) {
    // As to an append: or the leader would never hear that it must campaign above this promise.
    replyTo(state, peer, message.term, { ok: false, matchIndex: state.log.lastIndex });
    return;
  }
  if (state.leadership !== null) return;
  if (state.fetching || isFrozen(state) || state.commitIndex >= message.baseIndex) {
    replyTo(state, peer, message.term, { ok: false, matchIndex: state.commitIndex });
    return;
  }
  if (partsFrom(state, message)) return onFork(state, peer, message.term);
  beginFetch(state, message.from);
}

/**
 * Whether this log has anything that may have been acknowledged on another side than the sender's.
 * A node that was only away while the others parted from somebody else has not (§9).
 */
function partsFrom(
  state: CoreState,
  { from, baseIndex, termStarts, mark }: SnapshotNeeded,
): boolean {
  const { log } = state;
  if (isOwn(state, mark)) return false;
  const mine = { starts: log.termStarts, last: log.lastIndex };
  const common = lastCommonIndex(mine, { starts: termStarts, last: baseIndex });
  return common < log.lastIndex && giveUp(state, common + 1, { from, mark });
}

/**
 * A snapshot stands ready beside the current state: switches the log to its base, in one
 * persist. Without a persist in the effects the snapshot was not wanted (§6.4).
 */
export function onSnapshotBuilt(
  state: CoreState,
  base: Base,
  termStarts: readonly TermStart[],
): void {
  onSnapshotFetching(state, null);
  if (state.leadership !== null) return;
  const surrenders = state.surrender?.stage === "handed";
  if (!surrenders && !continues(state, base, termStarts)) return;
  // What follows the base on this very history may be acknowledged: it stays.
  const keeps = !surrenders && state.log.lastIndex > base.index && state.log.has(base);
  if (keeps && !state.log.inMemory(base.index + 1)) return;
  const kept: Entry[] = [];
  for (let index = base.index + 1; keeps && index <= state.log.lastIndex; index++) {
    const entry = state.log.entry(index);
    if (entry !== undefined) kept.push(entry);
  }
  state.log.install(base, termStarts);
  if (base.config !== null) state.remember(base.config.config);
  for (const entry of kept) state.log.append(entry);
  state.commitIndex = base.index;
  state.commitPending = 0;
  state.applied = base;
  state.applyTold = base.index;
  state.held = null;
  if (surrenders) endSurrender(state, base);
  state.persistInstall(base, termStarts, kept);
}

/** Whether a snapshot is ahead of this node on its own history. */
function continues(state: CoreState, base: Base, termStarts: readonly TermStart[]): boolean {
  // A commit on its way to the disk may be told as soon as it is there: it is not taken back.
  if (base.index <= state.decidedIndex) return false;
  const mine = state.log.termAt(state.commitIndex);
  const theirs = state.commitIndex === 0 ? mine : termAtStarts(termStarts, state.commitIndex);
  if (mine !== null && theirs !== null && sameTerm(mine, theirs)) return true;
  state.notice("warn", `Cannot install a snapshot at ${base.index}: the cluster has forked`);
  return false;
}
