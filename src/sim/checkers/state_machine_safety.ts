/**
 * `StateMachineSafety`: all nodes apply the same entry at an index, in order, and come to the
 * same outcome of it. Across a partition two sides may differ at an index, above what they had in
 * common as one of them parted. Only what is on a node's own disk is applied there.
 *
 * @module
 */

import type { Index, NodeId } from "../../raft/types.ts";
import type { HistoryEvent, WrittenEntry } from "../history.ts";
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

/** A side of a fork, from where others may differ. */
interface Branch {
  readonly name: string;
  readonly sharedThrough: Index;
  /** The side that it left; `null` if that one never parted. */
  readonly before: Branch | null;
}

/** The newest side up to each entry that any log had (§7, §9). */
class Branches {
  /** By checksum of an entry. */
  readonly #branches = new Map<string, Branch | null>();

  take(event: HistoryEvent, disks: Disks): void {
    if (event.kind !== "written") return;
    const log = disks.of(event.node);
    for (const entry of event.batches.flatMap(({ entries }) => entries)) {
      if (this.#branches.has(entry.checksum)) continue;
      const before = this.#branches.get(log.entryAt(entry.index - 1)?.checksum ?? "") ?? null;
      this.#branches.set(entry.checksum, branchOf(entry, before));
    }
  }

  /**
   * The side of an entry of a log. What lies between a side's base and its first config is that
   * side's, too: others may have something else there.
   */
  of(index: Index, log: DiskLog): string {
    let branch = this.#branches.get(log.last.checksum) ?? null;
    while (branch !== null && index <= branch.sharedThrough) branch = branch.before;
    return branch?.name ?? "";
  }
}

function branchOf({ side, sharedThrough = 0 }: WrittenEntry, before: Branch | null): Branch | null {
  if (side === undefined || side === before?.name) return before;
  return { name: side, sharedThrough, before };
}

/** What nodes applied at each index: one entry, or one of each side (§9). */
class AppliedEntries {
  readonly #outcomes = new Map<string, string | null>();
  /** By index: the entries there, each with its side in the log that it was first applied from. */
  readonly #places = new Map<Index, Map<string, string>>();

  /** What is wrong with this one, or `null`. */
  take({ index, checksum, outcome }: Applied, side: string): string | null {
    const place = this.#places.get(index) ?? new Map<string, string>();
    this.#places.set(index, place);
    if (!place.has(checksum)) {
      const unlike = [...place.values()].includes(side);
      place.set(checksum, side);
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
    const branches = new Branches();
    const applied = new AppliedEntries();
    return {
      onEvent(event, disks, report) {
        if (forked) branches.take(event, disks);
        if (event.kind !== "applied") return order.restart(event);
        const log = disks.of(event.node);
        for (const entry of event.entries) {
          const wrong = applied.take(entry, branches.of(entry.index, log));
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
