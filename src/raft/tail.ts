/**
 * What a fresher voter hands over to a candidate that lacks it (§7): either side can become the
 * leader then. Owns what of it is taken; when it is asked for, and what follows, is `election.ts`.
 *
 * @module
 */

import { configsAmong } from "./anchors.ts";
import { wouldEndCertainty } from "./certainty.ts";
import { usesLastResort } from "./config.ts";
import { takeEntries } from "./follow.ts";
import type { VoteReply } from "./message.ts";
import type { CoreState } from "./state.ts";
import { compareTerms } from "./term.ts";
import type { ConfigEntry, NodeId } from "./types.ts";

/** A refusal for freshness. */
type Refusal = VoteReply & { readonly tail: NonNullable<VoteReply["tail"]> };

/**
 * Takes a voter's entries in. Terms of pre-votes repeat, so it may answer an earlier campaign: what
 * a leader has sent since then is fresher than the voter was, and may be acknowledged ("stale"). A
 * long tail comes in parts, so the voter's end counts and not the part's; and like an append of
 * that term it needs the promise of it.
 */
export function takeTail(
  state: CoreState,
  from: NodeId,
  { last, mark, tail, term: campaigned }: Refusal,
): "taken" | "unusable" | "stale" {
  if (state.rules.fresh(state.log.last, last)) return "stale";
  if (tail.entries.length === 0 || !state.log.has(tail.prev)) return "unusable";
  // Who is certain vouches for the voter, which can go on by that: else it could neither vouch nor lead,
  // and perhaps nobody.
  const ends = ({ config }: ConfigEntry) =>
    usesLastResort(config.policy) && wouldEndCertainty(state, config);
  if (configsAmong(tail.entries).some(ends)) return "unusable";
  const { term } = last;
  // What this node confirmed to a leader of a later term, that one counts on. By the promise of a
  // higher term it learns that it is gone.
  const cutTerm = compareTerms(term, state.promised) < 0 ? campaigned : term;
  const taken = takeEntries(state, from, { ...tail, term, cutTerm, commitIndex: 0, mark });
  if (taken === "fork") {
    state.notice("warn", "Cannot take a voter's entries: the cluster has forked");
    return "unusable";
  }
  state.heldTail = taken.held;
  return "taken";
}
