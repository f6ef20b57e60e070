/**
 * The committed histories of a run in which sides of a partition both went on (§9). Owns which
 * committed entry follows which, and what of a run's facts belongs to one side; judges nothing.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
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
 * hands over to another: from then on nobody promises one order. A request whose answer may be
 * another side's, or of nobody who says where it is decided, is one without an answer. Of reads only
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
  /** By answer: the entries of which it may tell. */
  readonly tells: ReadonlyMap<HistoryEvent, readonly string[]>;
  /** By event: what an acknowledgement is of, and the newest that a read may show. */
  readonly shows: ReadonlyMap<HistoryEvent, string>;
}

function placed(events: readonly HistoryEvent[]): { tree: CommittedTree; places: Places } {
  const disks = new Disks({ mayFork: true });
  const tree = new CommittedTree();
  const decisions = new Decisions();
  const tells = new Map<HistoryEvent, readonly string[]>();
  const shows = new Map<HistoryEvent, string>();
  /** By read: how often each node had gone over to another history as it began. */
  const begun = new Map<number, ReadonlyMap<NodeId, number>>();
  const switches = new Map<NodeId, number>();
  for (const event of events) {
    disks.take(event);
    tree.take(event, disks);
    decisions.take(event);
    if (event.kind === "answered") tells.set(event, decisions.toldBy(event));
    if (event.kind === "written" && event.batches.some(({ installed }) => installed)) {
      switches.set(event.node, (switches.get(event.node) ?? 0) + 1);
    }
    if (event.kind === "acknowledged") {
      const checksum = disks.of(event.node).entryAt(event.index)?.checksum;
      decisions.add(event.requestId, checksum ?? "");
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
  return { tree, places: { tells, shows } };
}

/** Where requests were decided so far, and with which outcome. */
class Decisions {
  /** By request: the entries at which nodes said that it is decided. */
  readonly #places = new Map<string, Set<string>>();
  /** By checksum, as JSON. */
  readonly #outcomes = new Map<string, string>();

  add(requestId: string, checksum: string): void {
    this.#places.set(requestId, (this.#places.get(requestId) ?? new Set()).add(checksum));
  }

  take(event: HistoryEvent): void {
    if (event.kind !== "applied") return;
    for (const { checksum, outcome } of event.entries) {
      if (outcome !== null) this.#outcomes.set(checksum, outcome);
    }
  }

  /** Of several places, those whose outcome it is: sides give a login sessions of their own. */
  toldBy({ requestId, outcome }: HistoryEvent & { kind: "answered" }): readonly string[] {
    const places = [...this.#places.get(requestId) ?? []];
    const fitting = places.filter((checksum) => {
      const decided = this.#outcomes.get(checksum);
      return decided !== undefined && isDeepStrictEqual(JSON.parse(decided), outcome);
    });
    return fitting.length > 0 ? fitting : places;
  }
}

function isLinearizable({ body }: HistoryEvent & { kind: "invoked" }): boolean {
  return (body.kind === "read" || body.kind === "users") && body.linearizable;
}

function ofSide(
  events: readonly HistoryEvent[],
  { tells, shows }: Places,
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
        const places = tells.get(event) ?? [];
        return places.length > 0 && places.every((checksum) => side.has(checksum));
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
