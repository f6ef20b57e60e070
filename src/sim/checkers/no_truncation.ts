/**
 * `NoTruncation`: no committed entry is ever removed from a log, but by the meeting of two sides
 * of a partition (§9). Committed is what any node has applied.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import type { Checker } from "./checker.ts";

export const noTruncation: Checker = {
  name: "NoTruncation",
  holdsAcrossForks: false,
  begin() {
    const committed = new Set<string>();
    return {
      onEvent(event, disks, report) {
        if (event.kind === "applied") {
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
