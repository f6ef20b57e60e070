/**
 * `LeaderCompleteness`: whoever leads in a term has every entry that was acknowledged before. Where
 * sides of a partition may both have gone on, each has what was acknowledged before they parted.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import { AcknowledgedEntries } from "./acknowledged.ts";
import { type Checker, isForked } from "./checker.ts";

export const leaderCompleteness: Checker = {
  name: "LeaderCompleteness",
  holdsAcrossForks: true,
  begin(history) {
    const forked = isForked(history);
    const entries = new AcknowledgedEntries();
    let parted = false;
    return {
      onEvent(event, disks, report) {
        parted ||= forked && event.kind === "partitioned";
        if (!parted) entries.take(event);
        if (event.kind !== "role" || event.role !== "leader") return;
        const missing = entries.missingFrom(disks.of(event.node), event.term);
        if (missing === null) return;
        report(
          `${event.node} leads in term ${termText(event.term)} without ${missing.requestId}, ` +
            `acknowledged at ${missing.index} of term ${termText(missing.term)}`,
        );
      },
    };
  },
};
