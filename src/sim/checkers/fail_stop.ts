/**
 * `FailStop`: no node stops itself. Crashes come from outside; a node that stops because an
 * invariant of its own broke is a fault that nobody injected.
 *
 * @module
 */

import type { Checker } from "./checker.ts";

export const failStop: Checker = {
  name: "FailStop",
  holdsAcrossForks: true,
  begin() {
    return {
      onEvent(event, _disks, report) {
        if (event.kind === "fatal") report(`${event.node} stopped itself: ${event.message}`);
      },
    };
  },
};
