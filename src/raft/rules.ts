/**
 * The rules on which safety rests, each a small pure predicate with the section that it comes
 * from. The core asks them by name, so that a reader finds every decision in one place and a
 * test can break one of them at a time and show that the properties notice.
 *
 * @module
 */

import { hasMajority, hasQuorum } from "./config.ts";
import { compareTerms } from "./term.ts";
import type { Config, Index, LogPosition, NodeId, Policy } from "./types.ts";

/** What a candidate has gathered, for {@linkcode Rules.trusted}. */
export interface Grants {
  readonly granted: (id: NodeId) => boolean;
  /** Whether one of the granting nodes is certain, the candidate included. */
  readonly anyCertain: boolean;
  /** Of the candidate's log, and perhaps in force. */
  readonly config: Config;
}

export interface Rules {
  /** Raft §5.4.1: a candidate's log is at least as fresh as the voter's. */
  fresh(candidate: LogPosition, voter: LogPosition): boolean;
  /** §4: more than half, or half with the smallest address. */
  quorum(config: Config, has: (id: NodeId) => boolean): boolean;
  /** §4: whether the commit set of a config has it: every voter, or more than half. */
  commitSet(config: Config, has: (id: NodeId) => boolean): boolean;
  /** §4: whether a pending config also needs a quorum of every anchor. */
  pendingNeedsAnchors(): boolean;
  /** §2: how far a leader may send, given its end and its first config not yet persisted. */
  sendThrough(last: Index, firstUnpersistedConfig: Index | null): Index;
  /** §5: when a granted lease began, of the ping's sending and its answer's arrival. */
  leaseBegan(sentMs: number, receivedMs: number): number;
  /** §7: whether grants from a quorum may be trusted where the last resort is on. */
  trusted(grants: Grants): boolean;
  /** §7: whether a node may go on by last resort, as far as it knows of itself. */
  mayLastResort(certain: boolean): boolean;
  /** §6: whether a sitting leader may drop whom it suspects, as far as it knows of itself. */
  mayDrop(certain: boolean): boolean;
  /** §3: whether a promise must be on disk before a vote is told. */
  persistsPromise(): boolean;
  /** §4, §6: who counts in quorums and commits. */
  counted(config: Config): Config;
  /** §7: whether a voter that refuses for freshness does so whatever the candidate's rank. */
  smallestWins(): boolean;
}

/** The rules of the protocol. */
export const RULES: Rules = {
  fresh(candidate, voter) {
    const order = compareTerms(candidate.term, voter.term);
    return order > 0 || (order === 0 && candidate.index >= voter.index);
  },
  quorum: hasQuorum,
  commitSet(config, has) {
    return commitsByAll(config.policy)
      ? config.voters.every((voter) => has(voter.id))
      : hasMajority(config, has);
  },
  pendingNeedsAnchors: () => true,
  sendThrough(last, firstUnpersistedConfig) {
    return firstUnpersistedConfig === null ? last : Math.min(last, firstUnpersistedConfig - 1);
  },
  leaseBegan: (sentMs) => sentMs,
  trusted({ granted, anyCertain, config }) {
    return anyCertain || config.voters.every((voter) => granted(voter.id));
  },
  mayLastResort: (certain) => certain,
  mayDrop: (certain) => certain,
  persistsPromise: () => true,
  counted: (config) => config,
  smallestWins: () => false,
};

/** True under `all`: every voter must have an entry before it is committed. */
export function commitsByAll(policy: Policy): boolean {
  return policy.quorum === "all";
}
