/**
 * What is committed, and when it may be told (§4). Moves the commit index on leaders and
 * followers; a commit that passes a config is on disk before anyone hears of it.
 *
 * @module
 */

import { leaderAnchors } from "./anchors.ts";
import type { CoreState } from "./state.ts";
import { sameTerm } from "./term.ts";
import type { EntryId, Index, NodeId } from "./types.ts";

/** Takes note that everything up to `index` is committed; tells it once §4 allows. */
export function commitThrough(state: CoreState, index: Index): void {
  const from = state.decidedIndex;
  if (index <= from) return;
  const passesConfig = state.log.configs.some((entry) =>
    entry.index > from && entry.index <= index
  );
  if (passesConfig) {
    state.commitPending = index;
    state.persist({ commitIndex: index });
  } else if (state.commitPending === 0) {
    state.commitIndex = index;
  }
}

/** Takes note of an entry that another node knows to be committed: so it is if this log has it. */
export function learnCommitted(state: CoreState, entry: EntryId | null): void {
  const term = entry === null ? null : state.log.termAt(entry.index);
  if (entry !== null && term !== null && sameTerm(term, entry.term)) {
    commitThrough(state, entry.index);
  }
}

/** Persists up to `number` are on disk: what they carried is persisted, and may be told. */
export function onPersisted(state: CoreState, number: number): void {
  while ((state.pending[0]?.number ?? Infinity) <= number) {
    const done = state.pending.shift();
    if (done === undefined) break;
    state.persistedIndex = Math.max(state.persistedIndex, done.lastIndex);
    if (done.commitIndex !== null && done.commitIndex > state.commitIndex) {
      state.commitIndex = done.commitIndex;
    }
  }
  if (state.commitPending <= state.commitIndex) state.commitPending = 0;
}

/** §4, "Commit": moves the leader's commit index as far as its followers' answers allow. */
export function commitAsLeader(state: CoreState): void {
  const leadership = state.leadership;
  const c1 = state.newest;
  if (leadership === null || c1 === null) return;
  // Everything there is is committed: nothing to count at most steps.
  if (state.log.lastIndex <= state.decidedIndex) return;
  const index = persistedByCommitSet(state);
  if (index < c1.index || index < leadership.noopIndex) return;
  const pending = c1.index > state.commitIndex;
  const exempt = c1.index === leadership.lastResortIndex;
  if (pending && !exempt && state.rules.pendingNeedsAnchors()) {
    const has = (id: NodeId) => persistedBy(state, id) >= c1.index;
    if (!leaderAnchors(state).every((entry) => state.rules.quorum(entry.config, has))) return;
  }
  commitThrough(state, index);
}

/** Highest index that the commit set of C1 has persisted. */
function persistedByCommitSet(state: CoreState): Index {
  const c1 = state.newest;
  if (c1 === null) return 0;
  const config = state.rules.counted(c1.config);
  const indexes = config.voters.map((voter) => persistedBy(state, voter.id));
  indexes.sort((left, right) => right - left);
  for (const index of indexes) {
    if (state.rules.commitSet(config, (id) => persistedBy(state, id) >= index)) return index;
  }
  return 0;
}

function persistedBy(state: CoreState, id: NodeId): Index {
  if (id === state.self.id) return state.persistedIndex;
  return state.peers.get(id)?.progress.match ?? 0;
}

/** Tells the host to apply what is committed and on this disk. */
export function applyCommitted(state: CoreState): void {
  const through = Math.min(state.commitIndex, state.persistedIndex);
  if (through <= state.applyTold) return;
  state.applyTold = through;
  state.effects.push({ kind: "apply", through });
}
