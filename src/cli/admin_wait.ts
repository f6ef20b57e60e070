/**
 * Waiting until a cluster is whole: every member votes, answers and has applied what was
 * committed when the waiting began. Owns what "synced" means; it changes nothing.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { type AdminCluster, type ClusterStatus, isRefused } from "./admin_cluster.ts";
import { localTokenRefused } from "./admin_credentials.ts";

/** Polls until the cluster is synced; throws `NOT_UP_TO_DATE` with what is missing. */
export async function waitSynced(
  cluster: AdminCluster,
  options: { readonly membersMin: number },
): Promise<ClusterStatus> {
  let missing = "no node answered";
  let goal = 0;
  while (cluster.clock.now() < cluster.deadlineMs) {
    try {
      const status = await cluster.status();
      goal ||= Math.max(...status.members.map((member) => member.commitIndex));
      const problem = whatIsMissing(status, { membersMin: options.membersMin, goal });
      if (problem === undefined) return status;
      missing = problem;
      if (cluster.isLocal && status.refused.length > 0) throw localTokenRefused(status.refused);
    } catch (thrown) {
      // A node that joins may know no token yet, but will never know another one's own.
      if (cluster.isLocal && isRefused(thrown)) throw thrown;
      missing = ChatError.from(thrown).message;
    }
    await cluster.pause();
  }
  throw new ChatError(
    "NOT_UP_TO_DATE",
    `Cannot see the cluster synced within the timeout: ${missing}; wait longer with --timeout`,
  );
}

function whatIsMissing(
  status: ClusterStatus,
  options: { readonly membersMin: number; readonly goal: number },
): string | undefined {
  const { members, refused } = status;
  if (status.leader === "") return "there is no leader";
  if (members.length < options.membersMin) {
    return `${members.length} of ${options.membersMin} members are there`;
  }
  for (const member of members) {
    if (!member.reachable) return `${member.id} does not answer`;
    if (refused.includes(member.id)) return `${member.id} does not accept this token`;
    if (!member.voter) return `${member.id} is not a voter yet`;
    if (member.appliedIndex < options.goal) {
      return `${member.id} has applied ${member.appliedIndex} of ${options.goal}`;
    }
  }
  return undefined;
}
