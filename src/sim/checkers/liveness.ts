/**
 * `Liveness`: once faults stop, writes are accepted again within a bounded time if the policy
 * says so, and then every operation is answered and every live node is a ready member in the
 * end, unless it was removed or remembers only members that are gone.
 *
 * @module
 */

import type { Checker } from "./checker.ts";

export const liveness: Checker = {
  name: "Liveness",
  holdsAcrossForks: true,
  begin() {
    return {
      onEnd({ events, judgeLiveness, unanswered }, report) {
        if (!judgeLiveness) return;
        if (!events.some(({ kind }) => kind === "healed")) return;
        if (!events.some(({ kind }) => kind === "accepted")) {
          report("No write was accepted after the faults had stopped");
          return;
        }
        if (unanswered > 0) report(`${unanswered} operations of clients have no answer`);
        for (const event of events) {
          if (event.kind !== "final" || event.member || event.excused) continue;
          report(`${event.node} lives and is no ready member in the end`);
        }
      },
    };
  },
};
