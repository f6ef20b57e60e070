/**
 * The committed histories of a run in which sides of a partition both went on (§9). Owns which
 * committed entry follows which, and what of a run's facts belongs to one side; judges nothing.
 *
 * @module
 */

import type { Outcome } from "../../chat/command.ts";
import type { Index, NodeId } from "../../raft/types.ts";
import type { History, HistoryEvent } from "../history.ts";
import { Disks } from "./checker.ts";

/** One side's part of a run. */
export interface Side {
  readonly history: History;
  /** Where its messages lie in its log, by id. */
  readonly stored: ReadonlyMap<string, Index>;
}

/**
 * What each side of a history was asked and told, as a history of its own, until the first of them
 * hands over to another: from then on nobody promises one order. A request that another side has
 * answered, too, or nobody who says where it is decided, is one without an answer. Of reads only
 * linearizable ones are left: the others go by positions, which may be another side's.
 */
export function sidesOf(history: History): readonly Side[] {
  const { events } = beforeHandOver(history);
  const { tree, places } = placed(events);
  return tree.sides().map((side) => ({
    history: { ...history, finals: [], events: ofSide(events, places, side) },
    stored: storedBy(events, side),
  }));
}

/**
 * A history up to the first hand-over, if there is one: then without what was decided in the end,
 * which may have come over.
 */
export function beforeHandOver(history: History): History {
  const end = history.events.findIndex(({ kind }) => kind === "handOver");
  return end < 0 ? history : { ...history, finals: [], events: history.events.slice(0, end) };
}

/** What is committed, as a tree: one branch, unless sides of a partition both went on. */
class CommittedTree {
  /** By checksum: that of the entry before; "" for the first. */
  readonly #parents = new Map<string, string>();
  /** The newest that each node has applied. */
  readonly #tips = new Map<NodeId, string>();

  take(event: HistoryEvent, disks: Disks): void {
    if (event.kind === "written") {
      const installed = event.batches.findLast((batch) => batch.installed)?.installed;
      if (installed !== undefined) this.#tips.set(event.node, installed.checksum);
    }
    if (event.kind !== "applied") return;
    for (const { index, checksum } of event.entries) {
      const before = disks.of(event.node).entryAt(index - 1)?.checksum ?? "";
      if (!this.#parents.has(checksum)) this.#parents.set(checksum, before);
      this.#tips.set(event.node, checksum);
    }
  }

  tipOf(node: NodeId): string | null {
    return this.#tips.get(node) ?? null;
  }

  /** Each branch from the first entry to its newest. */
  sides(): readonly ReadonlySet<string>[] {
    const inner = new Set(this.#parents.values());
    return [...this.#parents.keys()].filter((checksum) => !inner.has(checksum)).map((tip) => {
      const side = new Set<string>();
      for (let at = tip; at !== ""; at = this.#parents.get(at) ?? "") side.add(at);
      return side;
    });
  }
}

/** Places in the history of what was answered, each with the committed entry that it shows. */
interface Places {
  /** By request: the entries at which nodes said that it is decided. */
  readonly decided: ReadonlyMap<string, ReadonlySet<string>>;
  /** By event: what an acknowledgement is of, and the newest that a read may show. */
  readonly shows: ReadonlyMap<HistoryEvent, string>;
}

function placed(events: readonly HistoryEvent[]): { tree: CommittedTree; places: Places } {
  const disks = new Disks({ mayFork: true });
  const tree = new CommittedTree();
  const decided = new Map<string, Set<string>>();
  const shows = new Map<HistoryEvent, string>();
  /** By read: how often each node had gone over to another history as it began. */
  const begun = new Map<number, ReadonlyMap<NodeId, number>>();
  const switches = new Map<NodeId, number>();
  for (const event of events) {
    disks.take(event);
    tree.take(event, disks);
    if (event.kind === "written" && event.batches.some(({ installed }) => installed)) {
      switches.set(event.node, (switches.get(event.node) ?? 0) + 1);
    }
    if (event.kind === "acknowledged") {
      const checksum = disks.of(event.node).entryAt(event.index)?.checksum;
      const at = decided.get(event.requestId) ?? new Set();
      decided.set(event.requestId, at.add(checksum ?? ""));
      if (checksum !== undefined) shows.set(event, checksum);
    }
    if (event.kind === "invoked" && isLinearizable(event)) {
      begun.set(event.operation, new Map(switches));
    }
    if (event.kind !== "readAnswered" && event.kind !== "usersAnswered") continue;
    const before = begun.get(event.operation);
    const tip = tree.tipOf(event.node);
    if (
      before !== undefined && tip !== null && before.get(event.node) === switches.get(event.node)
    ) {
      shows.set(event, tip);
    }
  }
  return { tree, places: { decided, shows } };
}

function isLinearizable({ body }: HistoryEvent & { kind: "invoked" }): boolean {
  return (body.kind === "read" || body.kind === "users") && body.linearizable;
}

function ofSide(
  events: readonly HistoryEvent[],
  { decided, shows }: Places,
  side: ReadonlySet<string>,
): readonly HistoryEvent[] {
  return events.filter((event) => {
    switch (event.kind) {
      case "delivered":
        return false;
      case "acknowledged":
      case "readAnswered":
      case "usersAnswered":
        return side.has(shows.get(event) ?? "");
      case "answered": {
        const places = decided.get(event.requestId);
        return places !== undefined && [...places].every((checksum) => side.has(checksum));
      }
      default:
        return true;
    }
  });
}

/** What a side was sent counts there whoever was told of it: another side's answer may have come. */
function storedBy(events: readonly HistoryEvent[], side: ReadonlySet<string>): Side["stored"] {
  const stored = new Map<string, Index>();
  for (const event of events) {
    for (const { index, checksum, outcome } of event.kind === "applied" ? event.entries : []) {
      if (outcome === null || !side.has(checksum)) continue;
      const what: Outcome = JSON.parse(outcome);
      if (what.ok && what.kind === "sendMessage") stored.set(what.messageId, index);
    }
  }
  return stored;
}
