/**
 * `CommitBacked`: at the instant of each acknowledgement, its entry and the newest config are on
 * the disks that §4 names; and when a config is first applied anywhere, it is on the disks of a
 * quorum of the one committed before it. Fires first of all checkers.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import type { Index, NodeId } from "../../raft/types.ts";
import type { HistoryEvent, WrittenEntry } from "../history.ts";
import { anchorQuorum, commitSet } from "../quorum.ts";
import { type Checker, type DiskLog, type Disks, isForked } from "./checker.ts";

export const commitBacked: Checker = {
  name: "CommitBacked",
  holdsAcrossForks: true,
  begin(whole) {
    const { policy } = whole;
    const forked = isForked(whole);
    const applied = new Map<NodeId, Index>();
    let committed: ConfigEntry | null = null;
    return {
      onEvent(event, disks, report) {
        if (event.kind === "applied") {
          const log = disks.of(event.node);
          const next = firstCommitted(event, log, committed);
          // Another side of a fork may have come further: its config was not before this one.
          const elsewhere = forked && committed !== null &&
            !log.holds(committed.index, committed.term);
          const before = elsewhere ? null : committed;
          const message = next && before && unbacked(next, before, disks);
          if (message !== null) report(message);
          committed = next ?? committed;
          applied.set(event.node, event.entries.at(-1)?.index ?? 0);
        }
        if (event.kind !== "acknowledged") return;
        const { node, index, term, requestId } = event;
        const configs = inForce(disks.of(node), applied.get(node) ?? 0);
        const holders = disks.backers(index, term);
        const backed = configs.some((config) =>
          commitSet(policy, config.voters, holders) &&
          commitSet(policy, config.voters, disks.backers(config.index, config.term))
        );
        if (backed) return;
        const asked = configs.map((config) => `{${config.voters}} at ${config.index}`);
        report(
          `${node} acknowledges ${requestId} at ${index} of term ${termText(term)}, on disk at ` +
            `{${[...holders]}}; its configs are ${asked.join(", ") || "none"}`,
        );
      },
    };
  },
};

type ConfigEntry = WrittenEntry & { readonly voters: readonly NodeId[] };

/** The config that a node knows to be committed before any other applies it, if this is one. */
function firstCommitted(
  event: HistoryEvent & { readonly kind: "applied" },
  log: DiskLog,
  committed: ConfigEntry | null,
): ConfigEntry | null {
  for (let index = event.commitIndex; index > (committed?.index ?? 0); index--) {
    const entry = log.entryAt(index);
    if (entry?.voters !== undefined) return entry as ConfigEntry;
  }
  return null;
}

/** §4: what is wrong if a pending config committed without a quorum of the one before it. */
function unbacked(next: ConfigEntry, before: ConfigEntry, disks: Disks): string | null {
  // A last resort goes on without that quorum (§7), and across a partition beside the other side.
  if (next.marked === true || before.marked === true) return null;
  const holders = disks.holders(next.index, next.term);
  if (anchorQuorum(before.voters, holders)) return null;
  return `{${next.voters}} at ${next.index} is committed on the disks of {${[...holders]}}, ` +
    `no quorum of {${before.voters}} at ${before.index}`;
}

/**
 * The configs by which an entry that was just applied may have committed: the newest applied
 * one, and whichever came after it. (A later one may be on disk before the answer leaves.)
 */
function inForce(log: DiskLog, applied: Index): readonly ConfigEntry[] {
  const configs: ConfigEntry[] = [];
  for (let index = log.last.index; index >= log.baseIndex && index > 0; index--) {
    const entry = log.entryAt(index);
    if (entry?.voters === undefined) continue;
    configs.push(entry as ConfigEntry);
    if (index <= applied) break;
  }
  return configs;
}
