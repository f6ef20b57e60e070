/**
 * A fetch of a snapshot, as long as the host is at it (§6.3): when it begins, and when this node
 * waits for it no longer. What is built of it is taken in by `follow.ts`.
 *
 * @module
 */

import type { CoreState } from "./state.ts";
import type { Index, NodeId } from "./types.ts";

/** Asks the host to fetch a snapshot of that member; it answers with its progress. */
export function beginFetch(state: CoreState, from: NodeId): void {
  state.fetching = true;
  state.fetchFrom = from;
  state.effects.push({ kind: "fetchSnapshot", from });
}

/**
 * Gives up a fetch from a member that fell silent for so long that its side has gone on without
 * it: this node neither follows nor campaigns as long as it fetches. Called at each tick.
 */
export function tickFetch(state: CoreState): void {
  const from = state.fetchFrom;
  if (from === null || state.slow - state.peer(from).heardAt < state.timeout + state.grace) return;
  state.fetchFrom = null;
  state.notice("info", `Gives up the snapshot of ${from}, which has fallen silent`);
  state.effects.push({ kind: "fetchEnded" });
}

/** The host began to fetch at an index, or gave up. */
export function onSnapshotFetching(state: CoreState, index: Index | null): void {
  state.fetching = index !== null;
  if (!state.fetching) state.fetchFrom = null;
  state.snapshotIndex = index ?? 0;
}
