/**
 * The sides of a fork: which one a log is on, and which one gives in when they meet (§9). Pure
 * functions over what configs say; when a node gives in is the business of `meeting.ts`.
 *
 * @module
 */

import { compareAddresses } from "./config.ts";
import type { CoreState } from "./state.ts";
import { compareTerms, sameTerm } from "./term.ts";
import type { Mark, Member, Side, Term } from "./types.ts";

/** The mark of the newest config, whose side this log is on; `null`: of none. */
export function markOf(state: CoreState): Mark | null {
  return state.newest?.config.mark ?? null;
}

/** The side that a mark names. */
export function sideOf(mark: Mark | null): Side {
  if (mark === null) return "unmarked";
  const { forced, term, size, smallest } = mark;
  return { forced, term, size, smallest };
}

/** What a mark says of the voters that go on by it, in the term of their leader. */
export function rankOf(
  voters: readonly Member[],
  term: Term,
): Pick<Mark, "term" | "size" | "smallest"> {
  const [first, ...others] = voters.map((voter) => voter.peerAddress).sort(compareAddresses);
  return { term, size: others.length + (first === undefined ? 0 : 1), smallest: first ?? "" };
}

/** Whether two logs are on one side, by the terms of their marks. */
export function isOneSide(left: Term | null, right: Term | null): boolean {
  return left === null || right === null ? left === right : sameTerm(left, right);
}

/** The term of a side's mark; `null` without one. */
export function markTermOf(side: Side): Term | null {
  return side === "unmarked" ? null : side.term;
}

/**
 * Whether `left` stays and `right` gives in: what an operator forced before all else, then the
 * side of the quorum, then more voters, then the smaller smallest address. A total order: no two
 * sides were marked in one term.
 */
export function outranks(left: Side, right: Side): boolean {
  const forced = (side: Side) => side !== "unmarked" && side.forced;
  if (forced(left) !== forced(right)) return forced(left);
  if (left === "unmarked" || right === "unmarked") return left !== right && left === "unmarked";
  if (left.size !== right.size) return left.size > right.size;
  const address = compareAddresses(left.smallest, right.smallest);
  if (address !== 0) return address < 0;
  return compareTerms(left.term, right.term) > 0;
}
