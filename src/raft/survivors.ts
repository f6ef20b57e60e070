/**
 * With whom a node could lead under `all`: the voters that live, of its newest config or of an
 * earlier one that may be in force (§6, "Dropping"). Decides nothing itself.
 *
 * @module
 */

import { findMember, isVoter, withTakenBack } from "./config.ts";
import { isSuspected, pingsLately } from "./lease.ts";
import type { CoreState } from "./state.ts";
import type { Config, ConfigEntry, Index, Leaver, Member, NodeId } from "./types.ts";

/**
 * Voters of a config that could commit now, given the anchors: those alive of C1 and, where they
 * are no quorum of an anchor, of the newest anchor where both together are. (A leader may have
 * died with a config pending that lacks one who is back; those of C1 that live stay, as they are
 * granted and so cannot be left out.) `null` if there are none such.
 */
export function survivors(
  state: CoreState,
  anchors: readonly ConfigEntry[],
): readonly Member[] | null {
  const newest = state.newest?.config;
  if (newest === undefined) return null;
  const bases = [newest, ...anchors.map(({ config }) => config).reverse()];
  const staying = live(state, newest, newest);
  for (const base of bases) {
    const back = live(state, base, newest).filter(({ id }) => !isVoter(newest, id));
    const voters = withTakenBack(staying, back);
    const has = (id: NodeId) => voters.some((voter) => voter.id === id);
    if (!has(state.self.id)) continue;
    if (anchors.every((anchor) => state.rules.quorum(anchor.config, has))) return voters;
  }
  return null;
}

/**
 * Under `majority`: the newest of the anchors below `before` by which its voters that live could commit,
 * given all of them; `null` if there is none.
 */
export function formerMajority(
  state: CoreState,
  anchors: readonly ConfigEntry[],
  { before, live }: { readonly before: Index; readonly live: (id: NodeId) => boolean },
): Config | null {
  const could = ({ index, config }: ConfigEntry) => {
    const has = (id: NodeId) => isVoter(config, id) && live(id);
    return index < before && state.rules.commitSet(config, live) &&
      anchors.every((anchor) => state.rules.quorum(anchor.config, has));
  };
  return anchors.findLast(could)?.config ?? null;
}

/**
 * Whether a config of these voters could commit now: this node is among them, those alive are its
 * commit set and, with a leaver who is still here to persist it, a quorum of every anchor (§4).
 */
export function couldCommit(
  state: CoreState,
  anchors: readonly ConfigEntry[],
  voters: readonly Member[],
  leavers: readonly Leaver[] = [],
): boolean {
  const live = (id: NodeId) => !isSuspected(state, id);
  // Who leaves is granted nothing any more, by those who have the config that drops it.
  const leaves = (id: NodeId) =>
    leavers.some((leaver) => leaver.id === id) && (live(id) || pingsLately(state, id));
  const stays = (id: NodeId) => live(id) && voters.some((voter) => voter.id === id) || leaves(id);
  const config = state.newest?.config;
  return config !== undefined && stays(state.self.id) &&
    state.rules.commitSet({ ...config, voters }, live) &&
    anchors.every((anchor) => state.rules.quorum(anchor.config, stays));
}

/** Those of `base` that live, at their newest addresses. */
function live(state: CoreState, base: Config, newest: Config): readonly Member[] {
  return base.voters
    .filter(({ id }) => isVoter(newest, id) ? !isSuspected(state, id) : pingsLately(state, id))
    .map((voter) => findMember(newest, voter.id) ?? voter);
}
