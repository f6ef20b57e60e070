/**
 * `Liveness`: once faults stop, writes are accepted again within a bounded time if the policy
 * says so, and then every operation is answered, and every live node is a ready member in the
 * end through which writes are accepted, unless it was removed or remembers only members that are
 * gone. (Equal digests in the end are `Convergence`'s, complete subscriptions `Delivery`'s.)
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
        const late = (message: string) => report(message, "liveness");
        if (!events.some(({ kind }) => kind === "healed")) return;
        if (!events.some(({ kind }) => kind === "accepted")) {
          return late("No write was accepted after the faults had stopped");
        }
        if (unanswered > 0) late(`${unanswered} operations of clients have no answer`);
        const through = new Set(
          events.flatMap((event) => event.kind === "acceptedThrough" ? [event.node] : []),
        );
        for (const event of events) {
          if (event.kind !== "final" || event.excused) continue;
          if (!event.member) late(`${event.node} lives and is no ready member in the end`);
          else if (!through.has(event.node)) late(`No write through ${event.node} was accepted`);
        }
      },
    };
  },
};
