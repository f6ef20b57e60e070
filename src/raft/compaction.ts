/**
 * How much of the log may be forgotten (§10): nothing that is not durably applied, that a member
 * still needs, or that another side of a fork has not met (§9).
 *
 * @module
 */

import { openConfigs } from "./anchors.ts";
import type { CoreState } from "./state.ts";
import type { Base, Index, LogPosition } from "./types.ts";

/** Cuts the log at the newest place where it may be. */
export function compact(state: CoreState): void {
  const bound = boundOf(state);
  let cut: LogPosition | undefined;
  while ((state.cutPoints[0]?.index ?? Infinity) <= bound) cut = state.cutPoints.shift();
  if (cut === undefined || cut.index <= state.log.base.index) return;
  const base: Base = {
    index: cut.index,
    term: cut.term,
    checksum: cut.checksum,
    config: state.log.configs.findLast((entry) => entry.index <= cut.index) ?? null,
  };
  state.log.compact(base);
  state.effects.push({ kind: "compact", base });
}

/** What lies above this index stays: a tail, and what others need. */
function boundOf(state: CoreState): Index {
  let bound = Math.min(
    state.checkpointIndex,
    state.applied.index,
    state.commitIndex,
    state.log.lastIndex - state.bounds.tailEntries,
  );
  for (const entry of openConfigs(state)) {
    const { mark } = entry.config;
    if (mark?.open) bound = Math.min(bound, mark.base.index);
  }
  const config = state.newest?.config;
  for (const member of [...config?.voters ?? [], ...config?.learners ?? []]) {
    const peer = state.peer(member.id);
    const heard = state.slow - peer.heardAt < state.timeout + state.grace;
    const snapshot = peer.progress.snapshotIndex;
    if (snapshot > 0 && heard) bound = Math.min(bound, snapshot);
  }
  return bound;
}
