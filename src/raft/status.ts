/**
 * What a node tells about itself and its cluster. Derived from the state on demand; decides
 * nothing.
 *
 * @module
 */

import { committedConfig } from "./anchors.ts";
import { isCertain } from "./certainty.ts";
import { findMember, isVoter, usesLastResort } from "./config.ts";
import type { CoreStatus, MemberStatus } from "./io.ts";
import { isSuspected, leaderInSight } from "./lease.ts";
import { missing } from "./side.ts";
import type { CoreState } from "./state.ts";
import type { Config, Member, Role } from "./types.ts";

/** The role as the rest of the world names it. */
export function roleOf(state: CoreState): Role {
  if (state.leadership !== null) return "leader";
  const config = state.newest?.config;
  if (config === undefined || findMember(config, state.self.id) === undefined) return "joiner";
  if (!isVoter(config, state.self.id)) return "learner";
  return state.campaign === null ? "follower" : "candidate";
}

/**
 * §1: a voter of a config that it knows to be committed, and certain. One that a newer config
 * lacks was removed, and may never hear that this is committed.
 */
export function isReady(state: CoreState): boolean {
  const c0 = committedConfig(state)?.config;
  const c1 = state.newest?.config;
  if (c0 === undefined || c1 === undefined || state.surrender !== null) return false;
  if (!isVoter(c0, state.self.id) || !isVoter(c1, state.self.id)) return false;
  return !usesLastResort(c0.policy) || isCertain(state);
}

export function statusOf(state: CoreState): CoreStatus {
  const config = state.newest?.config;
  const leader = leaderInSight(state);
  return {
    role: roleOf(state),
    term: state.leadership?.term ?? (state.leader === null ? state.promised : state.leaderTerm),
    leader,
    lastIndex: state.log.lastIndex,
    commitIndex: state.commitIndex,
    appliedIndex: state.applied.index,
    ready: isReady(state),
    certain: isCertain(state),
    livesByLastResort: config?.mark?.open === true,
    missing: config === undefined ? [] : missing(config),
    // Without a leader nothing is written now, whoever lives.
    tolerates: config === undefined || leader === null ? 0 : tolerated(state, config),
    policy: config?.policy ?? null,
    members: config === undefined ? [] : membersOf(state, config),
  };
}

/** How many more nodes may fail at once, right now, without stopping writes (§1). */
function tolerated(state: CoreState, config: Config): number {
  const voters = config.voters.length;
  const live = config.voters.filter((voter) => !isSuspected(state, voter.id)).length;
  if (usesLastResort(config.policy)) return Math.max(live - 1, 0);
  const dead = voters - live;
  return Math.max(Math.floor((voters - 1) / 2) - dead, 0);
}

function membersOf(state: CoreState, config: Config): readonly MemberStatus[] {
  const row = (voter: boolean) => (member: Member): MemberStatus => {
    const self = member.id === state.self.id;
    // Not `state.peer`: to be asked must change nothing.
    const peer = state.peers.get(member.id);
    const heard = peer?.gone === false && state.slow - peer.pingedAt < state.timeout;
    const leads = state.leadership !== null;
    return {
      member,
      voter,
      reachable: self || heard,
      matchIndex: self ? state.persistedIndex : leads ? peer?.progress.match ?? 0 : null,
      incarnation: self ? state.incarnation : peer?.incarnation || null,
    };
  };
  return [...config.voters.map(row(true)), ...config.learners.map(row(false))];
}
