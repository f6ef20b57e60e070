/**
 * From persist batches to the statements of one transaction of `log.db`. Pure: it keeps track of
 * what the log will look like, and the store takes that over once the transaction is on disk.
 * Consecutive appends become few statements; cuts and installs keep their place among them.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { SqlValue } from "../chat/port.ts";
import { insertsOf } from "../chat/sql.ts";
import { lastCommonIndex } from "../raft/log.ts";
import { compareTerms, sameTerm, termText } from "../raft/term.ts";
import type {
  Base,
  ConfigEntry,
  Entry,
  Index,
  LogPosition,
  PersistBatch,
  TermStart,
} from "../raft/types.ts";
import { seal } from "./checksum.ts";
import type { Statement } from "./database.ts";
import {
  type CurrentState,
  entryColumns,
  entryValues,
  type HardState,
  placeOf,
  setMeta,
  termStartValues,
} from "./log_schema.ts";

/** What the store knows of the log without reading it. */
export interface LogHead {
  readonly hard: HardState;
  readonly base: Base;
  readonly state: CurrentState;
  readonly termStarts: readonly TermStart[];
  readonly lastIndex: Index;
}

/** A state file that is whole and on disk, and what is applied in it (§6.4). */
export interface PendingState {
  readonly file: string;
  readonly applied: LogPosition;
}

/** The statements that write `batches`, and the log's head after them. */
export function planWrite(
  head: LogHead,
  batches: readonly PersistBatch[],
  pending: PendingState | null,
): { readonly statements: readonly Statement[]; readonly head: LogHead } {
  const plan = new WritePlan(head);
  for (const batch of batches) {
    if (batch.install !== undefined) plan.install(batch.install, pending);
    if (batch.truncateFrom !== undefined) plan.truncate(batch.truncateFrom);
    for (const entry of batch.entries) plan.append(entry);
    plan.setHard(batch);
  }
  return plan.finish();
}

class WritePlan {
  readonly #statements: Statement[] = [];
  readonly #before: LogHead;
  /** Of entries, not among the statements yet. */
  #rows: SqlValue[][] = [];
  #hard: HardState;
  #base: Base;
  #state: CurrentState;
  /** Shared with the head until it changes: a log may have many terms. */
  #termStarts: readonly TermStart[];
  #lastIndex: Index;

  constructor(head: LogHead) {
    this.#before = head;
    this.#hard = head.hard;
    this.#base = head.base;
    this.#state = head.state;
    this.#termStarts = head.termStarts;
    this.#lastIndex = head.lastIndex;
  }

  append(entry: Entry): void {
    const { index, term } = entry;
    assert(index === this.#lastIndex + 1, `Entry ${index} follows entry ${this.#lastIndex}`);
    this.#rows.push(entryValues(entry));
    this.#lastIndex = index;
    const newest = this.#termStarts.at(-1)?.term;
    if (newest === undefined || !sameTerm(newest, term)) {
      assert(newest === undefined || compareTerms(term, newest) > 0, "Terms never decrease");
      const start = { term, index };
      this.#termStarts = [...this.#termStarts, start];
      this.#run("INSERT INTO term_starts VALUES (?, ?, ?)", termStartValues(start));
    }
    if (entry.kind === "config") this.#addConfig(entry, entry.checksum);
  }

  truncate(from: Index): void {
    assert(from > this.#base.index, `A cut at ${from} is above the base ${this.#base.index}`);
    if (from > this.#lastIndex) return;
    this.#flush();
    this.#orphan(from);
    this.#run("DELETE FROM entries WHERE idx >= ?", [from]);
    this.#run("DELETE FROM term_starts WHERE idx >= ?", [from]);
    this.#termStarts = this.#termStarts.filter((start) => start.index < from);
    this.#leaveLog(from);
    this.#lastIndex = from - 1;
    this.#capCommit(from - 1);
  }

  install(
    { base, termStarts }: NonNullable<PersistBatch["install"]>,
    pending: PendingState | null,
  ): void {
    assert(pending !== null, "A snapshot is installed once its state is finished");
    assert(
      pending.applied.index === base.index && pending.applied.checksum === base.checksum,
      "A snapshot's state is applied up to its base",
    );
    this.#flush();
    const common = lastCommonIndex(
      { starts: this.#termStarts, last: this.#lastIndex },
      { starts: termStarts, last: base.index },
    );
    this.#orphan(common + 1);
    this.#leaveLog(common + 1);
    this.#run("DELETE FROM entries", []);
    this.#run("DELETE FROM term_starts", []);
    for (const start of termStarts) {
      this.#run("INSERT INTO term_starts VALUES (?, ?, ?)", termStartValues(start));
    }
    const { config } = base;
    if (config !== null) this.#addConfig(config, config.index === base.index ? base.checksum : "");
    this.#termStarts = termStarts;
    this.#base = { ...placeOf(base), config };
    this.#state = { ...this.#state, file: pending.file };
    this.#lastIndex = base.index;
    this.#capCommit(base.index);
  }

  setHard({ promised, commitIndex }: PersistBatch): void {
    this.#hard = {
      promised: promised ?? this.#hard.promised,
      commitIndex: commitIndex ?? this.#hard.commitIndex,
    };
  }

  finish(): { statements: readonly Statement[]; head: LogHead } {
    this.#flush();
    const before = this.#before;
    if (this.#base !== before.base) this.#statements.push(setMeta("base", this.#base));
    if (this.#state !== before.state) this.#statements.push(setMeta("state", this.#state));
    if (!sameHard(this.#hard, before.hard)) this.#statements.push(setMeta("hard", this.#hard));
    const head = {
      hard: this.#hard,
      base: this.#base,
      state: this.#state,
      termStarts: this.#termStarts,
      lastIndex: this.#lastIndex,
    };
    return { statements: this.#statements, head };
  }

  /** What is cut off was not committed: the commit index is a lower bound, never beyond the end. */
  #capCommit(index: Index): void {
    if (this.#hard.commitIndex > index) this.#hard = { ...this.#hard, commitIndex: index };
  }

  #flush(): void {
    this.#statements.push(...insertsOf(`entries (${entryColumns})`, this.#rows));
    this.#rows = [];
  }

  #orphan(from: Index): void {
    this.#run(
      `INSERT INTO orphans (${entryColumns}) SELECT ${entryColumns} FROM entries
        WHERE idx >= ? AND kind = 'command' ORDER BY idx`,
      [from],
    );
  }

  #leaveLog(from: Index): void {
    this.#run("UPDATE configs SET on_log = 0 WHERE idx >= ? AND on_log = 1", [from]);
  }

  #addConfig({ index, term, config }: ConfigEntry, checksum: string): void {
    const members = [...config.voters, ...config.learners];
    const addresses = JSON.stringify(members.map((member) => member.peerAddress));
    this.#run(
      "INSERT INTO configs (idx, term, checksum, addresses, seal, on_log) " +
        "VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET on_log = 1",
      [index, termText(term), checksum, addresses, seal(index, addresses)],
    );
  }

  #run(sql: string, args: NonNullable<Statement["args"]>): void {
    this.#statements.push({ sql, args });
  }
}

function sameHard(left: HardState, right: HardState): boolean {
  return left.commitIndex === right.commitIndex && sameTerm(left.promised, right.promised);
}
