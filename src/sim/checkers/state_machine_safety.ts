/**
 * `StateMachineSafety`: all nodes apply the same entry at an index, in order, and come to the
 * same outcome of it. Only what is on a node's own disk is applied there.
 *
 * @module
 */

import type { Checker } from "./checker.ts";

export const stateMachineSafety: Checker = {
  name: "StateMachineSafety",
  holdsAcrossForks: false,
  begin() {
    const applied = new Map<
      number,
      { readonly checksum: string; readonly outcome: string | null }
    >();
    return {
      onEvent(event, disks, report) {
        if (event.kind !== "applied") return;
        for (const { index, term, checksum, outcome } of event.entries) {
          const first = applied.get(index) ?? { checksum, outcome };
          applied.set(index, first);
          if (first.checksum !== checksum) {
            report(`${event.node} applies another entry at ${index}`);
          }
          if (first.outcome !== outcome) {
            report(`${event.node} comes to ${outcome} at ${index}, another to ${first.outcome}`);
          }
          if (!disks.of(event.node).holds(index, term)) {
            report(`${event.node} applies ${index}, which is not on its disk`);
          }
        }
      },
    };
  },
};
