/**
 * The sides of a fork: which one a log is on, and which one gives in when they meet (§9). Pure
 * functions over what configs say; when a node gives in is the business of `meeting.ts`.
 *
 * @module
 */

import { limits } from "../limits.ts";
import { compareAddresses, findMember } from "./config.ts";
import type { CoreState } from "./state.ts";
import { compareTerms, sameTerm } from "./term.ts";
import type { Config, Mark, Member, Parting, Side, Term } from "./types.ts";

/** The side that a mark tells; of none, the one that never parted. */
export function sideOf(mark: Mark | null): Side {
  return mark?.side ?? [];
}

/** The side that this node's log is on, by its newest config. */
export function ownSideOf(state: CoreState): Side {
  return sideOf(state.newest?.config.mark ?? null);
}

/** What a side is called: the term of its last parting; `null` if it never parted. */
export function nameOf(side: Side): Term | null {
  return side.at(-1)?.term ?? null;
}

/** Whether two logs are on one side, by its name. */
export function isOneSide(left: Term | null, right: Term | null): boolean {
  return left === null || right === null ? left === right : sameTerm(left, right);
}

/** Those that go on alone, in which term, and whether an operator made them. */
export interface GoingOn {
  readonly voters: readonly Member[];
  readonly term: Term;
  readonly forced: boolean;
}

/**
 * The mark of who goes on alone. While an earlier one is open its base stays: what lies above that
 * has not met the other side yet.
 */
export function markOf(
  before: Mark | null,
  fork: Pick<Mark, "base" | "baseVoters">,
  goingOn: GoingOn,
): Mark {
  const { base, baseVoters } = before?.open ? before : fork;
  const side = [...sideOf(before), partingOf(goingOn)].slice(-limits.partingsMax);
  return { base, baseVoters, open: true, side };
}

function partingOf({ voters, term, forced }: GoingOn): Parting {
  const [first, ...others] = voters.map((voter) => voter.peerAddress).sort(compareAddresses);
  const size = others.length + (first === undefined ? 0 : 1);
  return { term, forced, size, smallest: first ?? "" };
}

/**
 * Voters of an open mark's base that this side has not met again: no members here, neither removed
 * nor replaced. An operator may know that one of them is gone for good.
 */
export function missing(config: Config): readonly Member[] {
  if (!config.mark?.open) return [];
  return config.mark.baseVoters.filter(({ id }) =>
    findMember(config, id) === undefined && !config.tombstones.includes(id)
  );
}

/**
 * Whether `left` stays and `right` gives in, by what each did where they parted: what an operator
 * forced since before all else, then who had the quorum and did nothing, then more voters, then the
 * smaller smallest address, then the higher term. A total order of sides: they are the branches of
 * one tree, and no two partings share a term.
 */
export function outranks(left: Side, right: Side): boolean {
  const [since, sinceThere] = [lacking(left, right), lacking(right, left)];
  const forced = (partings: Side) => partings.some((parting) => parting.forced);
  if (forced(since) !== forced(sinceThere)) return forced(since);
  const [ours, theirs] = [since[0], sinceThere[0]];
  if (ours === undefined || theirs === undefined) return ours !== theirs && ours === undefined;
  if (ours.size !== theirs.size) return ours.size > theirs.size;
  const address = compareAddresses(ours.smallest, theirs.smallest);
  if (address !== 0) return address < 0;
  return compareTerms(ours.term, theirs.term) > 0;
}

/** What a side did after the last parting that it has in common with the other. */
function lacking(side: Side, other: Side): Side {
  const shared = side.findLastIndex(({ term }) => other.some((each) => sameTerm(each.term, term)));
  return side.slice(shared + 1);
}
