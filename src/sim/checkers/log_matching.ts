/**
 * `LogMatching`: an index and a term name one entry, with one checksum; and one checksum has one
 * predecessor, so two logs that agree somewhere agree on everything below. A log that begins with a
 * snapshot has the config that was in force there.
 *
 * @module
 */

import { sameTerm, termText } from "../../raft/term.ts";
import type { WrittenEntry } from "../history.ts";
import type { Checker } from "./checker.ts";

export const logMatching: Checker = {
  name: "LogMatching",
  holdsAcrossForks: true,
  begin() {
    const checksums = new Map<string, string>();
    const predecessors = new Map<string, string>();
    /** By checksum: what was seen first with it. Mostly the same comes again, on another disk. */
    const known = new Map<string, WrittenEntry>();
    /** By checksum: the config in force there, as far as any log has shown it. */
    const inForce = new Map<string, string>();
    const isKnown = ({ index, term, checksum }: WrittenEntry) => {
      const first = known.get(checksum);
      return first?.index === index && sameTerm(first.term, term);
    };
    return {
      onEvent(event, disks, report) {
        if (event.kind !== "written") return;
        const log = disks.of(event.node);
        for (const { installed } of event.batches) {
          const there = inForce.get(installed?.checksum ?? "");
          if (installed === undefined || there === undefined) continue;
          if (there === configText(installed)) continue;
          report(`${event.node} begins at ${placeOf(installed)} with another config than is there`);
        }
        for (const entry of event.batches.flatMap(({ entries }) => entries)) {
          if (entry.voters !== undefined) inForce.set(entry.checksum, configText(entry));
          if (!isKnown(entry)) {
            const place = placeOf(entry);
            const checksum = checksums.get(place) ?? entry.checksum;
            checksums.set(place, checksum);
            if (checksum !== entry.checksum) report(`${event.node} has another entry at ${place}`);
            else known.set(checksum, entry);
          }
          const previous = log.entryAt(entry.index - 1)?.checksum;
          // The entry may have been cut again by a later batch of the same write.
          if (previous === undefined || log.entryAt(entry.index) !== entry) continue;
          const config = inForce.get(previous);
          if (config !== undefined && entry.voters === undefined) {
            inForce.set(entry.checksum, config);
          }
          const before = predecessors.get(entry.checksum) ?? previous;
          predecessors.set(entry.checksum, before);
          if (before !== previous) {
            report(`${event.node}: what precedes ${placeOf(entry)} differs`);
          }
        }
      },
    };
  },
};

function configText({ voters, marked }: WrittenEntry): string {
  return `${voters}${marked === true ? " marked" : ""}`;
}

function placeOf({ index, term }: WrittenEntry): string {
  return `${index} of term ${termText(term)}`;
}
