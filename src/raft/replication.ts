/**
 * The leader's side of the log: what to send to whom, pipelined, and what answers mean
 * (Raft §5.3, dissertation §10.2.1; here §2 and §6). Never decides what is committed.
 *
 * @module
 */

import { limits } from "../limits.ts";
import { committedConfig } from "./anchors.ts";
import { findMember } from "./config.ts";
import type { AppendReply } from "./message.ts";
import { newProgress, type Peer, type Progress } from "./peer.ts";
import { nameOf, ownSideOf } from "./side.ts";
import type { CoreState, Leadership } from "./state.ts";
import { compareTerms, maxTerm, sameTerm } from "./term.ts";
import type { Entry, Index, LogPosition, NodeId } from "./types.ts";

/** A new leader knows nothing of the others' logs, and holds no lease of its new term (§8). */
export function resetProgress(state: CoreState): void {
  for (const peer of state.peers.values()) {
    peer.progress = newProgress(state.log.lastIndex + 1);
    peer.readLeaseAt = -Infinity;
    peer.certainAt = -Infinity;
  }
}

/** Sends to every member what it lacks and has room for, or a heartbeat of the log when due. */
export function replicate(state: CoreState): void {
  const leadership = state.leadership;
  const config = state.newest?.config;
  if (leadership === null || config === undefined) return;
  const through = sendableThrough(state);
  // Who leaves persists the config without it, too: the old quorum may need its disk (§4).
  for (const members of [config.voters, config.learners, config.leavers]) {
    for (const member of members) {
      if (member.id !== state.self.id) {
        replicateTo(state, state.peer(member.id), leadership, through);
      }
    }
  }
}

/** §2: a config, and whatever follows it, is sent only when it is persisted here. */
function sendableThrough(state: CoreState): Index {
  const unpersisted = state.log.configs.find((entry) => entry.index > state.persistedIndex);
  return state.rules.sendThrough(state.log.lastIndex, unpersisted?.index ?? null);
}

function replicateTo(
  state: CoreState,
  peer: Peer,
  leadership: Leadership,
  through: Index,
): void {
  const progress = peer.progress;
  retryIfSilent(state, progress);
  const heartbeatDue = state.mono - progress.sentAt >= state.heartbeat;
  if (progress.reading !== 0 || (progress.waits && !heartbeatDue)) return;
  if (progress.needsSnapshot) {
    if (heartbeatDue) askToFetch(state, peer, leadership);
    return;
  }
  const room = progress.streaming ? limits.appendsInFlightMax : 1;
  while (progress.next <= through && progress.inFlight.length < room) {
    if (!sendNext(state, peer, leadership, through)) return;
  }
  const untold = progress.streaming && progress.toldCommit < state.commitIndex &&
    progress.match > progress.toldCommit;
  if (heartbeatDue || untold) sendEmpty(state, peer, leadership);
}

/** Nothing moved for two intervals although something is on its way: begin again from the match. */
function retryIfSilent(state: CoreState, progress: Progress): void {
  if (progress.inFlight.length === 0) return;
  const since = Math.max(progress.sentAt, progress.movedAt);
  if (state.mono - since < 2 * state.heartbeat) return;
  progress.streaming = false;
  progress.inFlight = [];
  progress.next = progress.match + 1;
}

/** Sends the next entries; `false` if they must be read from disk or a snapshot is needed. */
function sendNext(state: CoreState, peer: Peer, leadership: Leadership, through: Index): boolean {
  const progress = peer.progress;
  const log = state.log;
  if (progress.next <= log.base.index) {
    progress.needsSnapshot = true;
    askToFetch(state, peer, leadership);
    return false;
  }
  const prev = log.positionAt(progress.next - 1);
  if (prev === null || !log.inMemory(progress.next)) {
    const from = prev === null ? progress.next - 1 : progress.next;
    progress.reading = readLog(state, peer.id, from, through);
    return false;
  }
  sendAppend(state, peer, leadership, prev, log.slice(progress.next, through));
  return true;
}

/** Asks the host for entries that are on disk only; one request a peer at a time. */
export function readLog(state: CoreState, peer: NodeId, from: Index, to: Index): number {
  const request = state.nextRead++;
  const bounded = Math.min(to, from + state.bounds.appendEntriesMax);
  state.reads.set(request, { peer, request: null, prev: null });
  state.effects.push({ kind: "readLog", request, from, to: bounded });
  return request;
}

/** The host has read entries for a peer that is behind the memory window. */
export function onLogReadForAppend(
  state: CoreState,
  peer: Peer,
  request: number,
  entries: readonly Entry[],
): void {
  const progress = peer.progress;
  const leadership = state.leadership;
  if (progress.reading !== request) return;
  progress.reading = 0;
  const first = entries[0];
  if (leadership === null || first === undefined) return;
  const prev = first.index === progress.next ? state.log.positionAt(progress.next - 1) : first;
  const rest = first === prev ? entries.slice(1) : entries;
  if (prev === null || prev.index !== progress.next - 1) return;
  sendAppend(state, peer, leadership, prev, rest);
}

function sendEmpty(state: CoreState, peer: Peer, leadership: Leadership): void {
  const progress = peer.progress;
  const prev = state.log.positionAt(progress.next - 1);
  if (prev !== null && progress.next > state.log.base.index) {
    sendAppend(state, peer, leadership, prev, []);
  } else {
    sendNext(state, peer, leadership, sendableThrough(state));
  }
}

function sendAppend(
  state: CoreState,
  peer: Peer,
  leadership: Leadership,
  prev: LogPosition,
  entries: readonly Entry[],
): void {
  const progress = peer.progress;
  state.send(peer.id, {
    kind: "append",
    term: leadership.term,
    prev: { index: prev.index, term: prev.term, checksum: prev.checksum },
    entries,
    commitIndex: state.commitIndex,
    c0Index: committedConfig(state)?.index ?? 0,
    mark: nameOf(ownSideOf(state)),
  });
  progress.sentAt = state.mono;
  progress.waits = false;
  progress.toldCommit = state.commitIndex;
  const last = entries.at(-1);
  if (last !== undefined) {
    progress.next = last.index + 1;
    progress.inFlight.push(last.index);
  }
}

function askToFetch(state: CoreState, peer: Peer, leadership: Leadership): void {
  peer.progress.sentAt = state.mono;
  const { base: { index: baseIndex }, termStarts } = state.log;
  state.send(peer.id, {
    kind: "snapshotNeeded",
    term: leadership.term,
    from: state.self.id,
    baseIndex,
    termStarts: termStarts.filter(({ index }) => index <= baseIndex).slice(-limits.termStartsMax),
    mark: nameOf(ownSideOf(state)),
  });
}

/**
 * Takes in an answer. Returns true if the answerer has promised a higher term, so that this
 * leader can serve it no longer and must campaign above it.
 */
export function onAppendReply(state: CoreState, peer: Peer, reply: AppendReply): boolean {
  state.seen = maxTerm(state.seen, reply.promised);
  const leadership = state.leadership;
  if (leadership === null || !sameTerm(reply.term, leadership.term)) return false;
  const config = state.newest?.config;
  if (compareTerms(reply.promised, leadership.term) > 0) {
    return config !== undefined && findMember(config, peer.id) !== undefined;
  }
  const progress = peer.progress;
  progress.snapshotIndex = reply.snapshotIndex;
  progress.movedAt = state.mono;
  if (reply.ok) {
    acceptMatch(state, progress, reply.matchIndex);
    const known = Math.min(reply.commitIndex, reply.matchIndex);
    progress.knownCommit = Math.max(progress.knownCommit, known);
  } else if (reply.snapshotIndex > 0) {
    progress.needsSnapshot = true;
  } else {
    progress.streaming = false;
    progress.inFlight = [];
    progress.next = Math.max(
      progress.match + 1,
      Math.min(reply.matchIndex + 1, state.log.lastIndex + 1),
    );
    // What was refused there will be again, as long as nothing changes: not as fast as it can.
    progress.waits = progress.next === progress.refusedAt;
    progress.refusedAt = progress.next;
    progress.needsSnapshot = progress.next <= state.log.base.index;
  }
  return false;
}

function acceptMatch(state: CoreState, progress: Progress, matchIndex: Index): void {
  progress.match = Math.min(Math.max(progress.match, matchIndex), state.log.lastIndex);
  progress.next = Math.max(progress.next, progress.match + 1);
  progress.needsSnapshot = false;
  while ((progress.inFlight[0] ?? Infinity) <= progress.match) progress.inFlight.shift();
  // It took nothing of what it was sent: it holds a config back (§5), and refuses all that follows.
  const holdsBack = progress.match < progress.refusedAt &&
    (progress.waits || progress.inFlight.length > 0);
  if (holdsBack) return;
  progress.streaming = true;
  progress.refusedAt = 0;
  progress.waits = false;
}
