/**
 * `StateMachineSafety`: all nodes apply the same entry at an index, in order, and come to the
 * same outcome of it. Across a partition two sides may differ at an index, if one has
 * a mark that the other lacks. Only what is on a node's own disk is applied there.
 *
 * @module
 */

import type { Index, NodeId } from "../../raft/types.ts";
import type { HistoryEvent } from "../history.ts";
import { type Checker, type DiskLog, type Disks, isForked, type Report } from "./checker.ts";

type Applied = (HistoryEvent & { readonly kind: "applied" })["entries"][number];

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

/** The newest config with a mark up to each entry that any log had: what tells sides apart (§7). */
class Marks {
  /** By checksum of an entry: that of the config; "" if there is none. */
  readonly #marks = new Map<string, string>();

  take(event: HistoryEvent, disks: Disks): void {
    if (event.kind !== "written") return;
    const log = disks.of(event.node);
    for (const { index, checksum, marked } of event.batches.flatMap(({ entries }) => entries)) {
      if (this.#marks.has(checksum)) continue;
      const before = log.entryAt(index - 1)?.checksum ?? "";
      this.#marks.set(checksum, marked === true ? checksum : this.#marks.get(before) ?? "");
    }
  }

  of(log: DiskLog): string {
    return this.#marks.get(log.last.checksum) ?? "";
  }
}

/** What nodes applied at each index: one entry, or one of each side (§9). */
class AppliedEntries {
  readonly #outcomes = new Map<string, string | null>();
  /** By index: the entries there, each with the mark of the log that it was first applied from. */
  readonly #places = new Map<Index, Map<string, string>>();

  /** What is wrong with this one, or `null`. */
  take({ index, checksum, outcome }: Applied, mark: string): string | null {
    const place = this.#places.get(index) ?? new Map<string, string>();
    this.#places.set(index, place);
    if (!place.has(checksum)) {
      const unlike = [...place.values()].includes(mark);
      place.set(checksum, mark);
      if (unlike) return `applies another entry at ${index}`;
    }
    if (!this.#outcomes.has(checksum)) this.#outcomes.set(checksum, outcome);
    const first = this.#outcomes.get(checksum)!;
    if (first === outcome) return null;
    return `comes to ${outcome} at ${index}, another to ${first}`;
  }
}

export const stateMachineSafety: Checker = {
  name: "StateMachineSafety",
  holdsAcrossForks: true,
  begin(history) {
    const forked = isForked(history);
    const order = new ApplyOrder();
    const marks = new Marks();
    const applied = new AppliedEntries();
    return {
      onEvent(event, disks, report) {
        if (forked) marks.take(event, disks);
        if (event.kind !== "applied") return order.restart(event);
        const log = disks.of(event.node);
        const mark = marks.of(log);
        for (const entry of event.entries) {
          const wrong = applied.take(entry, mark);
          if (wrong !== null) report(`${event.node} ${wrong}`);
          if (!log.holds(entry.index, entry.term)) {
            report(`${event.node} applies ${entry.index}, which is not on its disk`);
          }
        }
        order.take(event, report);
      },
    };
  },
};
