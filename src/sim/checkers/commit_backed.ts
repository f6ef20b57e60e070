/**
 * `CommitBacked`: at the instant of each acknowledgement, its entry and the newest config are on
 * the disks that §4 names. Fires first of all checkers.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import type { Index, NodeId } from "../../raft/types.ts";
import type { WrittenEntry } from "../history.ts";
import { commitSet } from "../quorum.ts";
import type { Checker, DiskLog } from "./checker.ts";

export const commitBacked: Checker = {
  name: "CommitBacked",
  holdsAcrossForks: true,
  begin({ policy }) {
    const applied = new Map<NodeId, Index>();
    return {
      onEvent(event, disks, report) {
        if (event.kind === "applied") applied.set(event.node, event.entries.at(-1)?.index ?? 0);
        if (event.kind !== "acknowledged") return;
        const { node, index, term, requestId } = event;
        const configs = inForce(disks.of(node), applied.get(node) ?? 0);
        const holders = disks.holders(index, term);
        const backed = configs.some((config) =>
          commitSet(policy, config.voters, holders) &&
          commitSet(policy, config.voters, disks.holders(config.index, config.term))
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
