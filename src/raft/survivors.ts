/**
 * With whom a node could lead under `all`: the voters that live, of its newest config or of an
 * earlier one that may be in force (§6, "Dropping"). Decides nothing itself.
 *
 * @module
 */

import { findMember, isVoter } from "./config.ts";
import { isSuspected, pingsLately } from "./lease.ts";
import type { CoreState } from "./state.ts";
import type { Config, ConfigEntry, Member, NodeId } from "./types.ts";

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
    const voters = [...staying, ...back];
    const has = (id: NodeId) => voters.some((voter) => voter.id === id);
    if (!has(state.self.id)) continue;
    if (anchors.every((anchor) => state.rules.quorum(anchor.config, has))) return voters;
  }
  return null;
}

/** Those of `base` that live and were not removed since, at their newest addresses. */
function live(state: CoreState, base: Config, newest: Config): readonly Member[] {
  return base.voters
    .filter(({ id }) => isVoter(newest, id) ? !isSuspected(state, id) : pingsLately(state, id))
    .filter(({ id }) => !newest.tombstones.includes(id))
    .map((voter) => findMember(newest, voter.id) ?? voter);
}
