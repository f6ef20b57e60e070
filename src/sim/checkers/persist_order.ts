/**
 * `PersistOrder`: what must be on a disk before it is told is there (§2). A granted vote's
 * promise is on the voter's disk when the vote leaves, a config is on its leader's disk before it is
 * on any other, and a commit that passes a config is on disk before what it commits is applied (§4).
 *
 * @module
 */

import { compareTerms, termText } from "../../raft/term.ts";
import type { NodeId } from "../../raft/types.ts";
import type { WrittenBatch, WrittenEntry } from "../history.ts";
import type { Checker, Report } from "./checker.ts";

export const persistOrder: Checker = {
  name: "PersistOrder",
  holdsAcrossForks: true,
  begin() {
    /** Configs that are, or were, on their leader's disk. */
    const led = new Set<string>();
    return {
      onEvent(event, disks, report) {
        if (event.kind === "granted") {
          const { promised } = disks.of(event.node);
          if (promised !== null && compareTerms(promised, event.term) >= 0) return;
          report(`${event.node} grants ${termText(event.term)}, which its disk does not promise`);
        }
        if (event.kind === "applied") {
          const log = disks.of(event.node);
          const config = log.configThrough(event.entries.at(-1)?.index ?? 0);
          if (config === null || config.index <= log.commitIndex) return;
          report(
            `${event.node} applies the config at ${config.index}, and its disk says that ` +
              `${log.commitIndex} is committed`,
          );
        }
        if (event.kind !== "written") return;
        for (const batch of event.batches) takeConfigs(event.node, batch, led, report);
      },
    };
  },
};

function takeConfigs(
  node: NodeId,
  batch: WrittenBatch,
  led: Set<string>,
  report: Report,
): void {
  for (const entry of batch.entries) {
    if (entry.voters === undefined) continue;
    if (entry.term.nodeId === node) led.add(placeOf(entry));
    else if (!led.has(placeOf(entry))) {
      report(`${node} has {${entry.voters}} at ${placeOf(entry)} before its leader`);
    }
  }
}

function placeOf({ index, term }: WrittenEntry): string {
  return `${index} of term ${termText(term)}`;
}
