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
import type { Config, LogPosition, Mark, Member, NodeId, Parting, Side, Term } from "./types.ts";

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

/** Where those that go on alone leave all others. */
export interface Fork {
  /** Newest entry that they know to be committed. */
  readonly base: LogPosition;
  /** The configs from C0 to C1: any voter of them may be left behind, and go on as well. */
  readonly configs: readonly Pick<Config, "voters">[];
}

/** Those that go on alone, in which term, and whether an operator made them. */
export interface GoingOn {
  readonly voters: readonly Member[];
  readonly term: Term;
  readonly forced: boolean;
}

/**
 * The mark of who goes on alone. While an earlier one is open its base stays, since what lies above
 * that has not met the other side yet, and to whom that one left behind come those whom this one
 * does.
 */
export function markOf(before: Mark | null, fork: Fork, goingOn: GoingOn): Mark {
  const open = before?.open ? before : null;
  const left = new Map<NodeId, Member>();
  for (const voters of [open?.baseVoters ?? [], ...fork.configs.map((config) => config.voters)]) {
    for (const voter of voters) left.set(voter.id, voter);
  }
  const side = [...sideOf(before), partingOf(goingOn)].slice(-limits.partingsMax);
  return { base: open?.base ?? fork.base, baseVoters: [...left.values()], open: true, side };
}

function partingOf({ voters, term, forced }: GoingOn): Parting {
  const [first, ...others] = voters.map((voter) => voter.peerAddress).sort(compareAddresses);
  const size = others.length + (first === undefined ? 0 : 1);
  return { term, forced, size, smallest: first ?? "" };
}

/**
 * Voters that an open mark left behind and this side has not met again: no members, neither removed
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
  const forced = forcedSince(left, right).length > 0;
  if (forced !== forcedSince(right, left).length > 0) return forced;
  const [[ours], [theirs]] = [lacking(left, right), lacking(right, left)];
  if (ours === undefined || theirs === undefined) return ours !== theirs && ours === undefined;
  if (ours.size !== theirs.size) return ours.size > theirs.size;
  const address = compareAddresses(ours.smallest, theirs.smallest);
  if (address !== 0) return address < 0;
  return compareTerms(ours.term, theirs.term) > 0;
}

/** What an operator forced on a side after it left the other, each on the node of its term. */
export function forcedSince(side: Side, other: Side): Side {
  return lacking(side, other).filter((parting) => parting.forced);
}

/** What a side did after the last parting that it has in common with the other. */
function lacking(side: Side, other: Side): Side {
  const shared = side.findLastIndex(({ term }) => other.some((each) => sameTerm(each.term, term)));
  return side.slice(shared + 1);
}
