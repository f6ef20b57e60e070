/**
 * `CommitBacked`: whatever is committed is on the disks that §4 names. Judged when an entry is first
 * applied anywhere: it is on the disks of the commit set of a config in force, with that config
 * and with an entry of the term whose leader told of the commit; at each acknowledgement, again by
 * what its node has; and when a config is first applied anywhere, it is on the disks of a quorum of
 * the one committed before it. Fires first of all checkers.
 *
 * @module
 */

import { compareTerms, sameTerm, termText } from "../../raft/term.ts";
import type { Index, LogPosition, NodeId, Policy, Term } from "../../raft/types.ts";
import type { HistoryEvent, WrittenEntry } from "../history.ts";
import { anchorQuorum, commitSet } from "../quorum.ts";
import { type Checker, type DiskLog, type Disks, isForked } from "./checker.ts";

export const commitBacked: Checker = {
  name: "CommitBacked",
  holdsAcrossForks: true,
  begin(whole) {
    const { policy } = whole;
    const forked = isForked(whole);
    const applied = new Map<NodeId, Index>();
    const told = new ToldTerms();
    /**
     * Checksums of the entries that were applied anywhere or, where sides meet again, told as
     * committed on a disk while they were: the others may have given in before it is applied.
     */
    const known = new Set<string>();
    let committed: ConfigEntry | null = null;
    return {
      onEvent(event, disks, report) {
        told.take(event);
        if (forked && event.kind === "written") {
          const log = disks.of(event.node);
          for (const { commitIndex } of event.batches) {
            const entry = commitIndex === undefined ? null : log.entryAt(commitIndex);
            if (entry === null || known.has(entry.checksum)) continue;
            const terms = told.of(event.node, entry, log);
            if (isCommitted(entry, terms, { policy, disks, own: log })) known.add(entry.checksum);
          }
        }
        if (event.kind === "applied") {
          const log = disks.of(event.node);
          const next = firstCommitted(event, log, committed);
          // Another side of a fork may have come further: its config was not before this one.
          const elsewhere = forked && committed !== null &&
            !log.holds(committed.index, committed.term);
          const before = elsewhere ? null : committed;
          const message = next && before && unbacked(next, before, disks);
          if (message !== null) report(message);
          committed = next ?? committed;
          const newest = event.entries.at(-1);
          if (newest !== undefined && !known.has(newest.checksum)) {
            const terms = told.of(event.node, newest, log);
            if (!isCommitted(newest, terms, { policy, disks, own: log })) {
              report(uncommitted(event.node, newest, terms, disks));
            }
          }
          for (const { checksum } of event.entries) known.add(checksum);
          applied.set(event.node, newest?.index ?? 0);
        }
        if (event.kind !== "acknowledged") return;
        const { node, index, term, requestId } = event;
        const configs = inForce(disks.of(node), applied.get(node) ?? 0);
        const holders = disks.backers(index, term);
        const backed = configs.some((config) =>
          commitSet(policy, config.voters, holders) &&
          commitSet(policy, config.voters, disks.backers(config.index, config.term))
        );
        if (backed) return;
        const asked = configs.map((config) => `{${config.voters}} at ${config.index}`);
        report(
          `${node} acknowledges ${requestId} at ${index} of term ${termText(term)}, on disk at ` +
            `{${[...holders]}}; its configs are ${asked.join(", ") || "none"}`,
        );
      },
    };
  },
};

type ConfigEntry = WrittenEntry & { readonly voters: readonly NodeId[] };

/** The terms whose leaders may have told a node what it applies next. */
class ToldTerms {
  readonly #terms = new Map<NodeId, Term[]>();
  /** Who leads, with what it knew to be committed as it began to. */
  readonly #leading = new Map<NodeId, { readonly term: Term; readonly after: Index }>();

  take(event: HistoryEvent): void {
    if (event.kind !== "role") return;
    const { node, role, term, commitIndex } = event;
    const terms = this.#terms.get(node) ?? [];
    this.#terms.set(node, terms);
    const before = terms.at(-1);
    if (before === undefined || !sameTerm(before, term)) terms.push(term);
    if (role !== "leader") this.#leading.delete(node);
    else if (!this.#leading.has(node)) this.#leading.set(node, { term, after: commitIndex });
  }

  /**
   * What a leader did not know as it began to lead it has counted itself; but for a commit that
   * passes a config, which it may have been told of before, and was still writing down then.
   */
  of(node: NodeId, { index, term }: LogPosition, log: DiskLog): readonly Term[] {
    const leading = this.#leading.get(node);
    const counted = leading !== undefined && index > leading.after &&
      (log.configThrough(index)?.index ?? 0) <= leading.after;
    return counted ? [leading.term] : this.#terms.get(node) ?? [term];
  }
}

interface Where {
  readonly policy: Policy;
  readonly disks: Disks;
  /** The log of whoever applied it: mostly it says all. */
  readonly own: DiskLog;
}

/**
 * §4, "Commit": whether the commit set of a config that may be in force has the entry on disk, and
 * all up to that config and to an entry of one of these terms.
 */
function isCommitted(entry: LogPosition, terms: readonly Term[], where: Where): boolean {
  const { policy, disks, own } = where;
  const others = disks.logs().filter((log) => log !== own && log.holds(entry.index, entry.term));
  return [own, ...others].some((log) =>
    terms.some((term) => {
      const covering = firstOf(term, entry, log);
      if (covering === null) return false;
      const holders = disks.backers(covering.index, covering.term);
      return inForce(log, covering.index).some((config) =>
        commitSet(policy, config.voters, holders) &&
        commitSet(policy, config.voters, disks.backers(config.index, config.term))
      );
    })
  );
}

/** The first entry of a term at or behind another entry. */
function firstOf(term: Term, { index, term: own }: LogPosition, log: DiskLog): LogPosition | null {
  if (compareTerms(own, term) > 0) return null;
  for (let at = index; at <= log.last.index; at++) {
    const entry = log.entryAt(at);
    if (entry !== null && sameTerm(entry.term, term)) return entry;
  }
  return null;
}

function uncommitted(
  node: NodeId,
  { index, term }: LogPosition,
  terms: readonly Term[],
  disks: Disks,
): string {
  const holders = [...disks.backers(index, term)];
  const told = terms.map(termText).join(", ") || "none";
  return `${node} applies ${index} of term ${termText(term)}, on disk at {${holders}}: no commit ` +
    `set has it with an entry of the terms that may have told of it (${told})`;
}

/** The config that a node knows to be committed before any other applies it, if this is one. */
function firstCommitted(
  event: HistoryEvent & { readonly kind: "applied" },
  log: DiskLog,
  committed: ConfigEntry | null,
): ConfigEntry | null {
  for (let index = event.commitIndex; index > (committed?.index ?? 0); index--) {
    const entry = log.entryAt(index);
    if (entry?.voters !== undefined) return entry as ConfigEntry;
  }
  return null;
}

/** §4: what is wrong if a pending config committed without a quorum of the one before it. */
function unbacked(next: ConfigEntry, before: ConfigEntry, disks: Disks): string | null {
  // A last resort goes on without that quorum (§7), and across a partition beside the other side.
  if (next.marked === true || before.marked === true) return null;
  const holders = disks.holders(next.index, next.term);
  if (anchorQuorum(before.voters, holders)) return null;
  return `{${next.voters}} at ${next.index} is committed on the disks of {${[...holders]}}, ` +
    `no quorum of {${before.voters}} at ${before.index}`;
}

/**
 * The configs by which an entry that was just applied may have committed: the newest applied
 * one, and whichever came after it. (A later one may be on disk before the answer leaves.)
 */
function inForce(log: DiskLog, applied: Index): readonly ConfigEntry[] {
  const configs: ConfigEntry[] = [];
  for (let index = log.last.index; index >= log.baseIndex && index > 0; index--) {
    const entry = log.entryAt(index);
    if (entry?.voters === undefined) continue;
    configs.push(entry as ConfigEntry);
    if (index <= applied) break;
  }
  return configs;
}
