/**
 * `LeaderCompleteness`: whoever leads in a term has every entry that was acknowledged before.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import { AcknowledgedEntries } from "./acknowledged.ts";
import type { Checker } from "./checker.ts";

export const leaderCompleteness: Checker = {
  name: "LeaderCompleteness",
  holdsAcrossForks: false,
  begin() {
    const entries = new AcknowledgedEntries();
    return {
      onEvent(event, disks, report) {
        entries.take(event);
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
