/**
 * The core's refusals as the errors that callers of a node see. Owns their wording; decides
 * nothing.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type { RoleChange } from "./driver_api.ts";
import { limits } from "../limits.ts";
import type { CoreStatus, Refusal } from "../raft/io.ts";
import { termText } from "../raft/term.ts";

/** A refusal as a `ChatError`; `status` names the leader's client address. */
export function refusalError(refusal: Refusal, status: CoreStatus): ChatError {
  switch (refusal.reason) {
    case "NOT_LEADER": {
      const member = status.members.find((one) => one.member.id === refusal.leader)?.member;
      if (member === undefined) return noLeader();
      const leader = member.clientAddress;
      return new ChatError("NOT_LEADER", `Not the leader, the leader is at ${leader}`, {
        leader,
        term: termText(status.term),
      });
    }
    case "NO_LEADER":
      return noLeader();
    case "OVERLOADED":
      return new ChatError("OVERLOADED", "Too much waits for its commit: try again later", {
        retryAfterMs: limits.overloadRetryMs,
      });
    case "REMOVED":
      return new ChatError("REMOVED", "This node was removed from the cluster: start a new one");
    case "INVALID_ARGUMENT":
      return new ChatError("INVALID_ARGUMENT", refusal.message);
  }
}

/** Why a node in this role does not answer as a leader; `null`: it leads. */
export function notLeading(role: RoleChange | null, status: () => CoreStatus): ChatError | null {
  if (role?.role === "leader") return null;
  const leader = role?.leader ?? null;
  const refusal: Refusal = leader === null
    ? { reason: "NO_LEADER" }
    : { reason: "NOT_LEADER", leader };
  return refusalError(refusal, status());
}

/** The node is stopping, or has stopped. */
export function closing(): ChatError {
  return new ChatError("SHUTTING_DOWN", "The node is stopping: try another");
}

function noLeader(): ChatError {
  return new ChatError("NO_LEADER", "No leader is known yet: try again, or another node");
}
