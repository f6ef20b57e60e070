/**
 * `Liveness`: once faults stop, writes are accepted again within a bounded time if the policy
 * says so, and every live node is a ready member in the end, unless it was removed.
 *
 * @module
 */

import type { Checker } from "./checker.ts";

export const liveness: Checker = {
  name: "Liveness",
  holdsAcrossForks: false,
  begin() {
    return {
      onEnd({ events, judgeLiveness }, report) {
        if (!judgeLiveness) return;
        if (!events.some(({ kind }) => kind === "healed")) return;
        if (!events.some(({ kind }) => kind === "accepted")) {
          report("No write was accepted after the faults had stopped");
        }
      },
    };
  },
};
