/**
 * A node of a cluster in memory: what tests break of it. Used by tests alone.
 *
 * @module
 */

import type { ChatError } from "../errors.ts";

/** What is wrong with a node, or not. */
export interface FakeNode {
  readonly address: string;
  clusterId: string;
  /** Refuses connections at once. */
  dead: boolean;
  /** Takes requests and never answers. */
  hung: boolean;
  /** Does the next so many mutations, then loses their answers. */
  answersToLose: number;
  /** Answers the next so many calls in time, but the answers come when it is revived. */
  answersToHold: number;
  /** Has applied the log up to this seq only. */
  appliedMax: number;
  /** What it believes about the leader, if that is wrong. */
  belief: { leader: string; term: string } | null;
  /** Thrown by the next calls but GetCluster, in order. */
  readonly failures: ChatError[];
}

/** One that is in order. */
export function soundNode(address: string, clusterId: string): FakeNode {
  return {
    address,
    clusterId,
    dead: false,
    hung: false,
    answersToLose: 0,
    answersToHold: 0,
    appliedMax: Infinity,
    belief: null,
    failures: [],
  };
}
