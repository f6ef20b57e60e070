/**
 * Quorums as the checkers and budgets count them: written anew from §4, so that a mistake in the
 * core's own counting shows.
 *
 * @module
 */

import type { NodeId, Policy } from "../raft/types.ts";

/** Whether `has` contains what an election, or a majority's commit, needs of these voters. */
export function configQuorum(
  policy: Policy,
  voters: readonly NodeId[],
  has: ReadonlySet<NodeId>,
): boolean {
  return policy.quorum === "majority" ? commitSet(policy, voters, has) : anchorQuorum(voters, has);
}

/** §4's quorum(C), the same for both policies: what an anchor asks of a pending config. */
export function anchorQuorum(voters: readonly NodeId[], has: ReadonlySet<NodeId>): boolean {
  const count = voters.filter((id) => has.has(id)).length;
  if (count * 2 !== voters.length) return count * 2 > voters.length;
  // Exactly half counts with the smallest address, which comes first.
  return voters[0] !== undefined && has.has(voters[0]);
}

/** Whether `has` contains the commit set of these voters. */
export function commitSet(
  policy: Policy,
  voters: readonly NodeId[],
  has: ReadonlySet<NodeId>,
): boolean {
  if (policy.quorum === "all") return voters.every((id) => has.has(id));
  return voters.filter((id) => has.has(id)).length * 2 > voters.length;
}
