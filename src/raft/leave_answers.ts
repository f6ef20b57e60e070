/**
 * The leader's answers to those who leave, and to the operator who removes somebody (§6 "Leaving").
 * When a config without them is appended is `membership.ts`; what they do is `leaving.ts`.
 *
 * @module
 */

import { committedConfig } from "./anchors.ts";
import { findMember } from "./config.ts";
import { stepDown } from "./election.ts";
import type { LeaveRequest } from "./message.ts";
import type { Peer } from "./peer.ts";
import { commitsByAll } from "./rules.ts";
import type { CoreState, Leadership } from "./state.ts";
import { sameTerm } from "./term.ts";
import type { ConfigEntry } from "./types.ts";

/**
 * C0, once all of its voters, or a majority where that commits, have on disk that it is committed:
 * whoever leads next knows that, or learns it from one of them. Who is out is needed no more then.
 */
function keptConfig(state: CoreState): ConfigEntry | null {
  const c0 = committedConfig(state);
  if (c0 === null) return null;
  const isKept = state.rules.commitSet(
    c0.config,
    (id) => id === state.self.id || state.peer(id).progress.knownCommit >= c0.index,
  );
  return isKept ? c0 : null;
}

/** Tells an operator that a removal is committed, and will stay so. */
export function answerRemovals(state: CoreState, leadership: Leadership): void {
  if (leadership.removing.size === 0) return;
  const c0 = keptConfig(state)?.config;
  if (c0 === undefined) return;
  for (const [id, { request }] of leadership.removing) {
    if (findMember(c0, id) !== undefined || !c0.tombstones.includes(id)) continue;
    leadership.removing.delete(id);
    state.effects.push({ kind: "adminAnswer", id: request, refusal: null });
  }
}

/** Says at once to those that left that they may go: this leader may be about to go, too. */
export function tellLeavers(state: CoreState, leadership: Leadership): void {
  if ((committedConfig(state)?.index ?? 0) <= leadership.toldLeavers) return;
  const c0 = keptConfig(state);
  if (c0 === null) return;
  const since = leadership.toldLeavers;
  leadership.toldLeavers = c0.index;
  // Those of earlier configs, too, which were not kept before this one was committed.
  for (const { index, config } of state.log.configs) {
    if (index <= since || index > c0.index) continue;
    for (const { id } of config.leavers) {
      if (findMember(c0.config, id) === undefined) {
        state.send(id, { kind: "leaveReply", config: c0 });
      }
    }
  }
}

/** A member asks to be dropped, in the start of it that asks; answered once that is committed. */
export function onLeaveRequest(state: CoreState, peer: Peer, request: LeaveRequest): void {
  const leadership = state.leadership;
  const c0 = committedConfig(state);
  if (leadership === null || c0 === null) return;
  const config = state.newest?.config;
  const gone = findMember(c0.config, peer.id) === undefined &&
    (config === undefined || findMember(config, peer.id) === undefined);
  if (gone) {
    // It asks again.
    if (keptConfig(state) !== null) state.send(peer.id, { kind: "leaveReply", config: c0 });
    return;
  }
  // Who asked a leader of an earlier term may be certain again: its wish has ended (§5).
  if (!sameTerm(request.term, leadership.term)) return;
  if (commitsByAll(c0.config.policy) || leadership.removing.has(peer.id)) {
    const { configIndex } = request;
    leadership.leaving.set(peer.id, { incarnation: peer.incarnation, configIndex });
    if (leadership.transfer?.to === peer.id) cancelTransfer(state, leadership);
  }
}

/**
 * The target leaves and will not campaign: proposals need not wait for it. Reads go on if it was
 * not told to yet; else only in a new term, which a leader that leaves as well does not need.
 */
function cancelTransfer(state: CoreState, leadership: Leadership): void {
  const told = leadership.transfer?.told === true;
  leadership.transfer = null;
  if (state.wantsLeave) return;
  leadership.readsGivenUp = told;
  if (told) stepDown(state);
}
