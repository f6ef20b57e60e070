/**
 * `LeaseSafety`: no node that lacks an acknowledged entry is certain (§5).
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import { AcknowledgedEntries } from "./acknowledged.ts";
import type { Checker } from "./checker.ts";

export const leaseSafety: Checker = {
  name: "LeaseSafety",
  holdsAcrossForks: false,
  begin({ policy }) {
    const entries = new AcknowledgedEntries();
    return {
      onEvent(event, disks, report) {
        entries.take(event);
        // Without the last resort nothing rests on certainty (§5, last paragraph).
        if (event.kind !== "certain" || policy.quorum !== "all" || !policy.lastResort) return;
        const missing = entries.missingFrom(disks.of(event.node));
        if (missing === null) return;
        report(
          `${event.node} is certain without ${missing.requestId}, acknowledged by ` +
            `${missing.node} at ${missing.index} of term ${termText(missing.term)}`,
        );
      },
    };
  },
};
