/**
 * Which configs count: C0, C1, and the anchors between them whose quorums an election or a
 * commit needs (§4). Reads the log and the commit index only.
 *
 * @module
 */

import type { VoteReply } from "./message.ts";
import { commitsByAll } from "./rules.ts";
import type { CoreState } from "./state.ts";
import { compareTerms, sameTerm } from "./term.ts";
import type { ConfigEntry, Entry, Index, NodeId } from "./types.ts";

/** C0: the newest config that this node knows to be committed. */
export function committedConfig(state: CoreState): ConfigEntry | null {
  return newestThrough(state, state.commitIndex);
}

/**
 * The newest config that is committed, whether or not this node may tell: what a leader counts
 * from in its own term, as it will have told by the time that anything more commits.
 */
export function decidedConfig(state: CoreState): ConfigEntry | null {
  return newestThrough(state, state.decidedIndex);
}

function newestThrough(state: CoreState, index: Index): ConfigEntry | null {
  const configs = state.log.configs;
  for (let at = configs.length - 1; at >= 0; at--) {
    const entry = configs[at]!;
    if (entry.index <= index) return entry;
  }
  return null;
}

/** C0 and every config after it, oldest first. Without a C0, every config. */
export function openConfigs(state: CoreState): readonly ConfigEntry[] {
  const configs = state.log.configs;
  // Most of the time there is one: this is asked several times a step.
  if (configs.length <= 1) return configs;
  const c0 = configs.findLastIndex((entry) => entry.index <= state.commitIndex);
  return c0 <= 0 ? configs : configs.slice(c0);
}

/**
 * The configs from C0 to C1 by which a view can have been formed: all but those that a later
 * one of the same term skipped. Certainty is judged by these (§5).
 */
export function possibleViews(state: CoreState): readonly ConfigEntry[] {
  return withoutSkipped(openConfigs(state));
}

/** The newest config that is on this disk. */
export function persistedConfig(state: CoreState): ConfigEntry | null {
  return newestThrough(state, state.persistedIndex);
}

/** The anchors of a leader: C0 and what lies below its own noop and may be committed. */
export function leaderAnchors(state: CoreState): readonly ConfigEntry[] {
  const leadership = state.leadership;
  if (leadership === null) return [];
  const decided = decidedConfig(state)?.index ?? 0;
  const open = openConfigs(state).filter((entry) => entry.index >= decided);
  return withoutSkipped(open).filter((entry, at) =>
    at === 0 || (entry.index < leadership.noopIndex && !leadership.neverCommitted.has(entry.index))
  );
}

/** The anchors of a candidate, given who granted with which log. */
export function candidateAnchors(
  state: CoreState,
  replies: ReadonlyMap<NodeId, VoteReply>,
): readonly ConfigEntry[] {
  const open = openConfigs(state);
  const never = neverCommitted(state, replies);
  return withoutSkipped(open).filter((entry, at) => at === 0 || !never.has(entry.index));
}

/**
 * Indexes of open configs that, under `all`, can never commit: a voter of theirs showed not to
 * have them when it granted a higher term.
 */
export function neverCommitted(
  state: CoreState,
  replies: ReadonlyMap<NodeId, VoteReply>,
): ReadonlySet<Index> {
  const never = new Set<Index>();
  for (const entry of openConfigs(state)) {
    if (!commitsByAll(entry.config.policy) || entry.index <= state.commitIndex) continue;
    for (const voter of entry.config.voters) {
      const reply = replies.get(voter.id);
      if (reply === undefined || !reply.granted || reply.pre) continue;
      const lacks = reply.last.index < entry.index ||
        compareTerms(reply.last.term, entry.term) < 0;
      if (lacks) never.add(entry.index);
    }
  }
  return never;
}

/** Leaves out a config that a later one of the same term skipped: it could not commit alone. */
export function withoutSkipped(open: readonly ConfigEntry[]): readonly ConfigEntry[] {
  if (open.length <= 2) return open;
  return open.filter((_, at) => at === 0 || !isSkipped(open, at));
}

function isSkipped(configs: readonly ConfigEntry[], at: number): boolean {
  const entry = configs[at];
  return entry !== undefined && configs.slice(at + 1).some((later) => skips(later, entry));
}

/** The configs among entries that come together, but for those that another of them skips. */
export function configsAmong(entries: readonly Entry[]): readonly ConfigEntry[] {
  const configs = entries.filter((entry) => entry.kind === "config");
  return configs.filter((_, at) => !isSkipped(configs, at));
}

/** Whether the later of two configs skipped the earlier (§4). */
export function skips(
  later: Pick<ConfigEntry, "term" | "config">,
  earlier: Pick<ConfigEntry, "term" | "index">,
): boolean {
  return sameTerm(later.term, earlier.term) && later.config.c0Index < earlier.index;
}
