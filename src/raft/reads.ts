/**
 * When a leader may answer a linearizable read from its own state (§8): its leases prove that
 * nobody else can have committed anything since. Reads clocks and leases; changes nothing.
 *
 * @module
 */

import { committedConfig } from "./anchors.ts";
import { usesLastResort } from "./config.ts";
import { commitsByAll } from "./rules.ts";
import type { CoreState } from "./state.ts";
import type { NodeId } from "./types.ts";

/** Part of T that a lease is trusted for: the rest is margin for drift of the clocks. */
const LEASE_TRUSTED = 0.9;

/** §8: whether this node may serve a linearizable read at `fastMs`. */
export function canReadAt(state: CoreState, fastMs: number): boolean {
  const leadership = state.leadership;
  const c0 = committedConfig(state)?.config;
  const c1 = state.newest?.config;
  if (leadership === null || c0 === undefined || c1 === undefined) return false;
  if (leadership.readsGivenUp || state.applied.index < leadership.servesAfter) return false;
  const trusted = state.timeout * LEASE_TRUSTED;
  const age = (id: NodeId) => fastMs - (state.peers.get(id)?.readLeaseAt ?? -Infinity);
  const holds = (id: NodeId) => id === state.self.id || age(id) < trusted;
  if (!commitsByAll(c0.policy)) {
    return state.rules.quorum(c0, holds) && state.rules.quorum(c1, holds) &&
      state.rules.commitSet(c0, holds) && state.rules.commitSet(c1, holds);
  }
  if (state.rules.quorum(c0, (id) => !holds(id))) return false;
  return !usesLastResort(c0.policy) ||
    c0.voters.every((voter) => holds(voter.id) || age(voter.id) - trusted <= state.grace);
}
