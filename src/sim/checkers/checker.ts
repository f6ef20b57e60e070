/**
 * What a checker is, and the logs as the history shows them. Each checker is a module of its own
 * that sees every fact of a run in order, beside what is on each node's disk at that moment.
 *
 * @module
 */

import { sameTerm } from "../../raft/term.ts";
import type { Index, NodeId, Term } from "../../raft/types.ts";
import type { History, HistoryEvent, WrittenBatch, WrittenEntry } from "../history.ts";

/** A broken invariant of §11: which, when, and what was seen. */
export interface Violation {
  readonly checker: string;
  readonly kind: ViolationKind;
  readonly at: number;
  readonly message: string;
}

/** Something happened that must not; or did not happen in time after the faults, though it must. */
export type ViolationKind = "safety" | "liveness";

/** What the checkers say of one history. */
export interface Judgement {
  readonly violations: readonly Violation[];
  /** What would have taken too much work to judge, one line each. */
  readonly undecided: readonly string[];
}

/** Says what a checker found wrong, or that it found nothing as it would have had to look further. */
export type Report = (message: string, kind?: ViolationKind | "undecided") => void;

/** One checker over one run. */
export interface CheckerRun {
  /** A fact; a write is on `disks` already. */
  onEvent?(event: HistoryEvent, disks: Disks, report: Report): void;
  /** The run is over. */
  onEnd?(history: History, report: Report): void;
}

/** A checker: its name in §11, and how it begins. */
export interface Checker {
  readonly name: string;
  /**
   * False: from a partition with the last resort on, nothing of it is promised (§1, §9). Then it is
   * judged up to there.
   */
  readonly holdsAcrossForks: boolean;
  begin(history: History): CheckerRun;
}

/** One node's log on its disk, rebuilt from what it wrote. */
export class DiskLog {
  #base: WrittenEntry = { index: 0, term: { epoch: 0, number: 0, nodeId: "" }, checksum: "" };
  readonly #entries: WrittenEntry[] = [];
  #commitIndex: Index = 0;
  #promised: Term | null = null;
  /** Entries that went as the log was switched to another side's (§9), as places. */
  readonly #givenUp = new Set<string>();

  /** The newest promise; `null` before the first. */
  get promised(): Term | null {
    return this.#promised;
  }

  get last(): WrittenEntry {
    return this.#entries.at(-1) ?? this.#base;
  }

  /** Up to here it says that everything is committed: a lower bound after a restart (§4). */
  get commitIndex(): Index {
    return Math.max(this.#commitIndex, this.#base.index);
  }

  /** Below this a snapshot stands for the entries. */
  get baseIndex(): Index {
    return this.#base.index;
  }

  entryAt(index: Index): WrittenEntry | null {
    if (index === this.#base.index && index > 0) return this.#base;
    return this.#entries[index - this.#base.index - 1] ?? null;
  }

  /** Whether the entry is here, or lies below a snapshot's place. */
  holds(index: Index, term: Term): boolean {
    if (index < this.#base.index) return true;
    const entry = this.entryAt(index);
    return entry !== null && sameTerm(entry.term, term);
  }

  /** Whether the entry was here until this node went over to another side, which has it (§9). */
  gaveUp(index: Index, term: Term): boolean {
    return this.#givenUp.size > 0 && this.#givenUp.has(placeText(index, term));
  }

  /** The newest config of the log. */
  get config(): WrittenEntry | null {
    const entry = this.#entries.findLast(({ voters }) => voters !== undefined);
    return entry ?? (this.#base.voters === undefined ? null : this.#base);
  }

  /** The newest config up to an index; `null` if there is none. */
  configThrough(index: Index): WrittenEntry | null {
    for (let at = Math.min(index, this.last.index); at >= this.#base.index && at > 0; at--) {
      const entry = this.entryAt(at);
      if (entry?.voters !== undefined) return entry;
    }
    return null;
  }

  /** The side of a fork that it is on, by its newest config; "" if it never parted (§9). */
  get side(): string {
    return this.config?.side ?? "";
  }

  /**
   * Takes a batch in and gives the entries that it removed. `sidesWith`: given if there may be
   * sides, to tell a cut by which this log goes over to another one from one within its own.
   */
  write(batch: WrittenBatch, { sidesWith }: WriteOptions = {}): readonly WrittenEntry[] {
    let removed: readonly WrittenEntry[] = [];
    if (batch.installed !== undefined) {
      const base = batch.installed;
      // The base itself went only if this log had another entry there.
      const own = this.entryAt(base.index);
      const same = own !== null && own.checksum === base.checksum;
      // What follows the base on this very history stays: it comes with the same write.
      const stays = new Set(same ? batch.entries.map(({ checksum }) => checksum) : []);
      removed = this.#entries.filter(({ index, checksum }) =>
        index >= base.index && checksum !== base.checksum && !stays.has(checksum)
      );
      for (const entry of same ? [] : this.#entries) {
        this.#givenUp.add(placeText(entry.index, entry.term));
      }
      this.#base = base;
      this.#entries.length = 0;
    }
    if (batch.promised !== undefined) this.#promised = batch.promised;
    if (batch.truncateFrom !== undefined) {
      const place = Math.max(batch.truncateFrom - this.#base.index - 1, 0);
      const own = this.side;
      const cut = this.#entries.splice(place);
      removed = [...removed, ...cut];
      if (sidesWith !== undefined) this.#giveUp(cut, { own, batch, sidesWith });
    }
    this.#entries.push(...batch.entries);
    if (batch.commitIndex !== undefined) this.#commitIndex = batch.commitIndex;
    return removed;
  }

  /**
   * A cut goes over to another side if what made the own side goes with it, or if who has what
   * comes instead is on another one. If nobody has that yet, its leader is only about to write it
   * with the config of a new side: then that is of a later epoch (§7).
   */
  #giveUp(cut: readonly WrittenEntry[], { own, batch, sidesWith }: CutOptions): void {
    const epoch = this.#promised?.epoch ?? 0;
    const sides = sidesWith(batch.entries[0] ?? this.last);
    const leaves = this.side !== own || sides.some((side) => side !== own);
    for (const { index, term } of cut) {
      const isOlder = sides.length === 0 && term.epoch < epoch;
      if (leaves || isOlder) this.#givenUp.add(placeText(index, term));
    }
  }
}

/** The sides of those whose logs have an entry. */
type SidesWith = (entry: WrittenEntry) => readonly string[];

interface WriteOptions {
  readonly sidesWith?: SidesWith;
}

interface CutOptions {
  /** The side before the cut. */
  readonly own: string;
  /** Has what comes instead. */
  readonly batch: WrittenBatch;
  readonly sidesWith: SidesWith;
}

function placeText(index: Index, { epoch, number, nodeId }: Term): string {
  return `${index}/${epoch}.${number}.${nodeId}`;
}

/** All nodes' disks at one moment. */
export class Disks {
  readonly #logs = new Map<NodeId, DiskLog>();
  /** What the newest write removed. */
  removed: readonly WrittenEntry[] = [];
  readonly #mayFork: boolean;
  #parted = false;

  constructor({ mayFork }: { readonly mayFork: boolean }) {
    this.#mayFork = mayFork;
  }

  of(node: NodeId): DiskLog {
    let log = this.#logs.get(node);
    if (log === undefined) {
      log = new DiskLog();
      this.#logs.set(node, log);
    }
    return log;
  }

  logs(): readonly DiskLog[] {
    return [...this.#logs.values()];
  }

  /** Nodes whose disks hold an entry. */
  holders(index: Index, term: Term): ReadonlySet<NodeId> {
    const holders = new Set<NodeId>();
    for (const [node, log] of this.#logs) if (log.holds(index, term)) holders.add(node);
    return holders;
  }

  /** Those, and nodes that have gone over to another side with it. */
  backers(index: Index, term: Term): ReadonlySet<NodeId> {
    const backers = new Set<NodeId>();
    for (const [node, log] of this.#logs) {
      if (log.holds(index, term) || log.gaveUp(index, term)) backers.add(node);
    }
    return backers;
  }

  take(event: HistoryEvent): void {
    if (event.kind === "partitioned") this.#parted = this.#mayFork;
    if (event.kind !== "written") return;
    const log = this.of(event.node);
    const sidesWith: SidesWith = ({ index, checksum }) =>
      this.logs().flatMap((other) =>
        other !== log && other.entryAt(index)?.checksum === checksum ? [other.side] : []
      );
    const options = this.#parted ? { sidesWith } : {};
    this.removed = event.batches.flatMap((batch) => log.write(batch, options));
  }
}

/** Whether there may have been two sides that both went on (§9). */
export function isForked({ policy, events }: History): boolean {
  return policy.quorum === "all" && policy.lastResort &&
    events.some(({ kind }) => kind === "partitioned");
}

/** Runs checkers over a history in one pass. At most one violation of each kind each: the first. */
export function checkHistory(
  history: History,
  checkers: readonly Checker[],
): Judgement {
  const forked = isForked(history);
  const violations = new Map<string, Violation>();
  const runs = checkers.map((checker) => ({
    name: checker.name,
    run: checker.begin(history),
    ends: forked && !checker.holdsAcrossForks,
  }));
  const disks = new Disks({ mayFork: forked });
  let at = 0;
  const undecided: string[] = [];
  const reportFor = (checker: string): Report => (message, kind = "safety") => {
    const key = `${checker} ${kind}`;
    if (kind === "undecided") undecided.push(`${checker}: ${message}`);
    else if (!violations.has(key)) violations.set(key, { checker, kind, at, message });
  };
  const reporting = runs.map((one) => ({ ...one, report: reportFor(one.name) }));
  let watching = reporting.filter(({ run }) => run.onEvent !== undefined);
  for (const event of history.events) {
    at = event.at;
    if (event.kind === "partitioned") watching = watching.filter(({ ends }) => !ends);
    disks.take(event);
    for (const { run, report } of watching) run.onEvent!(event, disks, report);
  }
  for (const { run, report, ends } of reporting) if (!ends) run.onEnd?.(history, report);
  return { violations: [...violations.values()], undecided };
}
