/**
 * `Convergence`: equal digests at equal applied indexes; equal indexes once faults stop and
 * writes are accepted.
 *
 * @module
 */

import { type Checker, isForked } from "./checker.ts";

export const convergence: Checker = {
  name: "Convergence",
  holdsAcrossForks: true,
  begin() {
    return {
      onEnd(history, report) {
        const { events, judgeLiveness } = history;
        // Sides that have not met are different at one index.
        if (isForked(history) && !judgeLiveness) return;
        const finals = events.filter((event) => event.kind === "final");
        const digests = new Map<number, { readonly node: string; readonly digest: string }>();
        for (const { node, appliedIndex, digest } of finals) {
          const first = digests.get(appliedIndex) ?? { node, digest };
          digests.set(appliedIndex, first);
          if (first.digest !== digest) {
            report(`${first.node} and ${node} differ at index ${appliedIndex}`);
          }
        }
        const accepted = events.some(({ kind }) => kind === "accepted");
        const indexes = new Set(
          finals.filter(({ member }) => member).map(({ appliedIndex }) => appliedIndex),
        );
        if (judgeLiveness && accepted && indexes.size > 1) {
          report(`Members end at different indexes: ${[...indexes]}`, "liveness");
        }
      },
    };
  },
};
