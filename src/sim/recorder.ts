/**
 * Writes the history of a run while it happens, and mixes each fact into the world's
 * fingerprint. Owns the list of facts; judges none.
 *
 * @module
 */

import type { RoleChange } from "../node/driver_api.ts";
import { nameOf, sideOf } from "../raft/side.ts";
import { compareTerms, termText } from "../raft/term.ts";
import type {
  Config,
  Entry,
  Index,
  LogPosition,
  NodeId,
  PersistBatch,
  Term,
} from "../raft/types.ts";
import type { HistoryEvent, HistoryFact, WrittenBatch, WrittenEntry } from "./history.ts";
import type { Applied } from "./mortal_stores.ts";
import type { World } from "./world.ts";

/** The facts of one run, in order. */
export class Recorder {
  readonly #world: World;
  readonly events: HistoryEvent[] = [];
  /** The newest entry that a client was, or may have been, told of. */
  acknowledged: (HistoryEvent & { readonly kind: "acknowledged" }) | null = null;
  /**
   * The latest of those or, if that came later, the first entry of its term that a leader has applied: from then on
   * it may tell of others.
   */
  decided: (LogPlace & { readonly node: NodeId }) | null = null;
  readonly #served = new Map<NodeId, Term>();
  /** Called with each fact. Must not throw, nor record. */
  onFact: (event: HistoryEvent) => void = () => {};

  constructor(world: World) {
    this.#world = world;
  }

  fact(fact: HistoryFact): void {
    const event = { at: this.#world.now, ...fact };
    this.events.push(event);
    if (event.kind === "acknowledged") this.acknowledged = this.decided = event;
    this.onFact(event);
    if (!this.#world.traces) return;
    const node = "node" in fact && fact.node !== null ? fact.node : "-";
    this.#world.trace(node, fact.kind, detailOf(fact));
  }

  role(node: NodeId, { role, term, ready }: RoleChange, commitIndex: Index): void {
    this.fact({ kind: "role", node, role, term, ready, commitIndex });
  }

  written(node: NodeId, batches: readonly PersistBatch[]): void {
    this.fact({ kind: "written", node, batches: batches.map(summaryOf) });
  }

  applied(
    node: NodeId,
    { entries, outcomes, commitIndex }: Applied,
  ): void {
    const applied = entries.map(({ index, term, checksum }) => {
      const outcome = outcomes.get(index);
      return { index, term, checksum, outcome: outcome ? JSON.stringify(outcome) : null };
    });
    this.#noteFirst(node, applied);
    this.fact({ kind: "applied", node, entries: applied, commitIndex });
  }

  #noteFirst(node: NodeId, applied: readonly LogPlace[]): void {
    const first = firstOfOwnTerm(node, applied, this.#served.get(node));
    if (first === null) return;
    this.#served.set(node, first.term);
    this.decided = { node, ...first };
  }
}

type LogPlace = Pick<LogPosition, "index" | "term">;

/**
 * The first entry of a term that this node leads, or led, among some that it applies; `null` if
 * there is none but of the term of which it had some `before`.
 */
export function firstOfOwnTerm<P extends LogPlace>(
  node: NodeId,
  applied: readonly P[],
  before: Term | undefined,
): P | null {
  const last = applied.at(-1)?.term;
  // Mostly they are of one term, which began long ago.
  if (last === undefined || (before !== undefined && compareTerms(last, before) <= 0)) return null;
  const isLater = ({ term }: P) =>
    term.nodeId === node && (before === undefined || compareTerms(term, before) > 0);
  return applied.find(isLater) ?? null;
}

function summaryOf(batch: PersistBatch): WrittenBatch {
  const { install, truncateFrom, promised, commitIndex } = batch;
  return {
    entries: batch.entries.map(entrySummary),
    ...(truncateFrom === undefined ? {} : { truncateFrom }),
    ...(promised === undefined ? {} : { promised }),
    ...(commitIndex === undefined ? {} : { commitIndex }),
    ...(install === undefined ? {} : { installed: installSummary(install.base) }),
  };
}

function entrySummary(entry: Entry): WrittenEntry {
  const { index, term, checksum } = entry;
  if (entry.kind !== "config") return { index, term, checksum };
  return { index, term, checksum, ...configSummary(entry.config) };
}

function installSummary(base: NonNullable<PersistBatch["install"]>["base"]): WrittenEntry {
  const { index, term, checksum, config } = base;
  const summary = config === null ? { voters: [], marked: false } : configSummary(config.config);
  return { index, term, checksum, ...summary };
}

function configSummary({ voters, mark, c0Index }: Config) {
  const side = nameOf(sideOf(mark));
  const sharedThrough = Math.max(mark?.base.index ?? 0, c0Index);
  return {
    voters: voters.map(({ id }) => id),
    marked: mark?.open === true,
    ...(side === null ? {} : { side: termText(side), sharedThrough }),
  };
}

/** What the fingerprint and a printed trace say of a fact. */
function detailOf(fact: HistoryFact): string {
  switch (fact.kind) {
    case "written": {
      const parts = fact.batches.map((batch) => {
        const cut = batch.truncateFrom === undefined ? "" : `cut@${batch.truncateFrom} `;
        const base = batch.installed === undefined ? "" : `base@${batch.installed.index} `;
        const entries = batch.entries.map(entryText).join(" ");
        const promise = batch.promised === undefined ? "" : ` promised=${termText(batch.promised)}`;
        const commit = batch.commitIndex === undefined ? "" : ` commit=${batch.commitIndex}`;
        return `${base}${cut}${entries}${promise}${commit}`;
      });
      return parts.join(" | ");
    }
    case "role":
      return `${fact.role} ${termText(fact.term)}${fact.ready ? " ready" : ""}`;
    case "granted":
      return termText(fact.term);
    case "applied":
      return `${fact.entries.at(0)?.index}-${fact.entries.at(-1)?.index}`;
    case "acknowledged":
      return `${fact.requestId}@${fact.index} ${termText(fact.term)}`;
    case "answered":
      return `${fact.requestId} ${fact.outcome.ok ? "ok" : fact.outcome.reason}`;
    case "fault":
      return fact.text;
    case "crashed":
      return fact.during ?? "";
    case "fatal":
      return fact.message;
    case "stopped":
      return fact.reason;
    case "delivered":
      return `user ${fact.user} stream ${fact.stream} ${fact.message.id}`;
    case "readAnswered":
      return `${fact.operation}: ${fact.messages.length}`;
    case "requested":
      return fact.command.requestId;
    case "snapshot":
      return `from ${fact.from} ${fact.running ? "begins" : "ends"}`;
    case "handOver":
      return `to ${fact.to} ${fact.running ? "begins" : "ends"}`;
    case "settled":
      return `${fact.what} ${fact.node}`;
    case "usersAnswered":
      return `${fact.operation}: ${fact.accounts.length}`;
    case "invoked":
      return `${fact.operation} ${fact.body.kind}`;
    case "final":
      return `${fact.appliedIndex} ${fact.digest}`;
    default:
      return "";
  }
}

function entryText(entry: WrittenEntry): string {
  const place = `${entry.index}:${termText(entry.term)}`;
  if (entry.voters === undefined) return place;
  return `${place}{${entry.voters.join(",")}}${entry.marked ? "*" : ""}`;
}
