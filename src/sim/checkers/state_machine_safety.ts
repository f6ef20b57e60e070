/**
 * `StateMachineSafety`: all nodes apply the same entry at an index, in order, and come to the
 * same outcome of it. Only what is on a node's own disk is applied there.
 *
 * @module
 */

import type { Index, NodeId } from "../../raft/types.ts";
import type { HistoryEvent } from "../history.ts";
import type { Checker, Report } from "./checker.ts";

/** Each node applies one entry after the other; a start may go back, a snapshot may skip. */
class ApplyOrder {
  readonly #last = new Map<NodeId, Index>();
  readonly #starting = new Set<NodeId>();

  take({ node, entries }: HistoryEvent & { kind: "applied" }, report: Report): void {
    for (const { index } of entries) {
      const next = (this.#last.get(node) ?? 0) + 1;
      const again = this.#starting.delete(node) && index < next;
      if (index !== next && !again) report(`${node} applies ${index} where ${next} is next`);
      this.#last.set(node, index);
    }
  }

  restart(event: HistoryEvent): void {
    if (event.kind === "started") this.#starting.add(event.node);
    if (event.kind !== "written") return;
    for (const { installed } of event.batches) {
      if (installed !== undefined) this.#last.set(event.node, installed.index);
    }
  }
}

export const stateMachineSafety: Checker = {
  name: "StateMachineSafety",
  holdsAcrossForks: false,
  begin() {
    const order = new ApplyOrder();
    const applied = new Map<
      number,
      { readonly checksum: string; readonly outcome: string | null }
    >();
    return {
      onEvent(event, disks, report) {
        if (event.kind !== "applied") return order.restart(event);
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
        order.take(event, report);
      },
    };
  },
};
