/**
 * `NoTruncation`: no committed entry is ever removed from a log, but by the meeting of two sides
 * of a partition (§9), which cuts nothing that was committed before they parted. Committed is what
 * any node has applied.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import { type Checker, isForked } from "./checker.ts";

export const noTruncation: Checker = {
  name: "NoTruncation",
  holdsAcrossForks: true,
  begin(history) {
    const forked = isForked(history);
    const committed = new Set<string>();
    let parted = false;
    return {
      onEvent(event, disks, report) {
        parted ||= forked && event.kind === "partitioned";
        if (event.kind === "applied" && !parted) {
          for (const { checksum } of event.entries) committed.add(checksum);
        }
        if (event.kind !== "written") return;
        const lost = disks.removed.find(({ checksum }) => committed.has(checksum));
        if (lost === undefined) return;
        report(`${event.node} removes entry ${lost.index} of term ${termText(lost.term)}`);
      },
    };
  },
};
