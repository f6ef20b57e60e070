/**
 * `log.db`: identity, hard state, entries, base, term starts, and which state file is current
 * (DESIGN §10). Owns the one connection to it; everything that must survive together is written
 * in one transaction, which is on disk when its promise resolves (`wal_sync.ts`).
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { LogHistory, LogStore } from "../node/ports.ts";
import { EMPTY_BASE } from "../raft/log.ts";
import { sameTerm, ZERO_TERM } from "../raft/term.ts";
import type {
  Base,
  Entry,
  Index,
  LogPosition,
  PersistBatch,
  StoredState,
  TermStart,
} from "../raft/types.ts";
import { type DamageListener, DamageWatch } from "./damage_watch.ts";
import { closeWhole, type Database } from "./database.ts";
import { addressesFrom, logSchema, placeOf, setMeta, type StoredIdentity } from "./log_schema.ts";
import { readAll, readConfig, readHead, readNextConfig, readPlace, readRange } from "./log_read.ts";
import { checkConfigs } from "./log_check.ts";
import { type LogHead, type PendingState, planWrite } from "./log_write.ts";
import { openMigrated, openStillDatabase } from "./migrations.ts";
import { Serial } from "./serial.ts";
import { checkStructure } from "./soundness.ts";
import { inUse } from "./storage_error.ts";
import { textColumns } from "./text.ts";
import { WalSync } from "./wal_sync.ts";
import { yieldToLoop } from "./yield.ts";

/** Entries that one `read` looks at before it counts bytes again. */
const readPageEntries = 64;

/** Entries forgotten in one transaction: compaction must not hold up the next persist for long. */
const compactPageEntries = 1_000;

const pragmas = [
  "journal_mode=WAL",
  // Of the schema; each write after it is synced beside the event loop, before the next begins.
  "synchronous=FULL",
  // The write-ahead log shrinks back to this after a burst, bytes.
  "journal_size_limit=16777216",
];

export class LibsqlLogStore implements LogStore {
  readonly #database: Database;
  /** Each write is planned on the head that the one before it left. */
  readonly #serial = new Serial();
  readonly #damage = new DamageWatch();
  #head: LogHead;
  #identity: StoredIdentity;
  #pending: PendingState | null = null;

  private constructor(database: Database, head: LogHead, identity: StoredIdentity) {
    this.#database = database;
    this.#head = head;
    this.#identity = identity;
  }

  /**
   * Opens the database at `path`; an absent one is made, with the id that `newNodeId` gives.
   * Throws `CORRUPT`, `DATA_DIRECTORY` or `DISK_FULL`, and has changed nothing then.
   */
  static async open(
    path: string,
    newNodeId: () => string,
    sync: WalSync = new WalSync(path),
  ): Promise<LibsqlLogStore> {
    const database = await openMigrated(path, { schema: logSchema, pragmas });
    try {
      await database.configure(["synchronous=NORMAL"]);
      database.syncWrites(sync);
      const stored = await readHead(database);
      if (stored !== null) return new LibsqlLogStore(database, stored.head, stored.identity);
      const identity = { nodeId: newNodeId(), clusterId: "", incarnation: 0 };
      await database.write([
        setMeta("identity", identity),
        setMeta("hard", emptyHead.hard),
        setMeta("base", emptyHead.base),
        setMeta("state", emptyHead.state),
      ]);
      return new LibsqlLogStore(database, emptyHead, identity);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** The same to look at it only, on a file as `Database.openStill` wants it. */
  static async openStill(path: string): Promise<LibsqlLogStore> {
    const database = await openStillDatabase(path, logSchema);
    try {
      const stored = await readHead(database);
      // A first start that died before it had an identity: the next one gives it.
      const identity = stored?.identity ?? { nodeId: "", clusterId: "", incarnation: 0 };
      return new LibsqlLogStore(database, stored?.head ?? emptyHead, identity);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  get identity(): StoredIdentity {
    return this.#identity;
  }

  get base(): Base {
    return this.#head.base;
  }

  get lastIndex(): Index {
    return this.#head.lastIndex;
  }

  /** Whether nothing of any cluster was ever kept in it: no id, no entry and no promise. */
  get isUnused(): boolean {
    const { lastIndex, hard } = this.#head;
    return this.#identity.clusterId === "" && lastIndex === 0 && sameTerm(hard.promised, ZERO_TERM);
  }

  /** First index of each term of this log, from the very first entry on. */
  get termStarts(): readonly TermStart[] {
    return this.#head.termStarts;
  }

  /** Calls back after each fsync of the log with how long it took, ms; one listener at most. */
  onSync(listener: (ms: number) => void): void {
    this.#database.onCommit = listener;
  }

  /** Stores another identity, together with what `batch` writes. */
  setIdentity(identity: StoredIdentity, batch?: PersistBatch): Promise<void> {
    return this.#serial.run(async () => {
      const plan = planWrite(this.#head, batch === undefined ? [] : [batch], this.#pending);
      await this.#database.write([setMeta("identity", identity), ...plan.statements]);
      this.#head = plan.head;
      this.#identity = identity;
    });
  }

  /** Checks every entry's checksum. Throws `CORRUPT`, which names the first bad index. */
  load(entriesMax: number): Promise<StoredState> {
    return this.#serial.run(async () => {
      const head = this.#head;
      const { entries, configs: checked } = await readAll(this.#database, head, entriesMax);
      const { hard, base, termStarts } = head;
      const configs = checked.map(({ index, term, config }) => ({ index, term, config }));
      return { ...hard, base, termStarts, configs, entries };
    });
  }

  persist(batches: readonly PersistBatch[]): Promise<void> {
    return this.#serial.run(async () => {
      const plan = planWrite(this.#head, batches, this.#pending);
      if (plan.statements.length > 0) await this.#database.write(plan.statements);
      this.#head = plan.head;
    });
  }

  read(from: Index, to: Index, bytesMax: number): Promise<readonly Entry[]> {
    return this.#damage.over(this.#serial.run(() => this.#read(from, to, bytesMax)));
  }

  async #read(from: Index, to: Index, bytesMax: number): Promise<readonly Entry[]> {
    const head = this.#head;
    const end = Math.min(to, head.lastIndex);
    if (from <= head.base.index || from > end) return [];
    let last = await this.#placeAt(from - 1);
    const entries: Entry[] = [];
    let bytes = 0;
    while (last.index < end) {
      const pageEnd = Math.min(last.index + readPageEntries, end);
      const page = await readRange(this.#database, head, last, pageEnd);
      for (const entry of page) {
        if (entry.kind === "command") bytes += entry.data.length;
        if (entries.length > 0 && bytes > bytesMax) return entries;
        entries.push(entry);
      }
      last = page.at(-1)!;
    }
    return entries;
  }

  history(through: Index): Promise<LogHistory> {
    return this.#damage.over(this.#serial.run(async () => {
      const { base, termStarts } = this.#head;
      return {
        config: await readConfig(this.#database, this.#head, through) ?? base.config,
        next: await readNextConfig(this.#database, this.#head, through),
        termStarts: termStarts.filter((start) => start.index <= through),
      };
    }));
  }

  /** The base moves at once; what it frees is deleted in pages. */
  async compact(base: Base): Promise<void> {
    await this.#serial.run(async () => {
      const head = this.#head;
      assert(base.index >= head.base.index, `The base moves up from ${head.base.index}`);
      assert(base.index <= head.lastIndex, `The base ${base.index} is on the log`);
      await this.#database.write([setMeta("base", base)]);
      this.#head = { ...head, base };
    });
    while (await this.#serial.run(() => this.#forgetPage())) await yieldToLoop();
  }

  /** Deletes some of what lies below the base; false if nothing does any more. */
  async #forgetPage(): Promise<boolean> {
    const { base } = this.#head;
    const [row] = await this.#database.query("SELECT min(idx) AS idx FROM entries");
    const first = Number(row?.idx ?? 0);
    if (first === 0 || first > base.index) return false;
    const through = Math.min(first + compactPageEntries - 1, base.index);
    const sql = "DELETE FROM entries WHERE idx <= ?";
    await this.#database.write([{ sql, args: [through] }]);
    return true;
  }

  /** The entry at `index`, or the base; `null` if this log does not reach there. */
  positionAt(index: Index): Promise<LogPosition | null> {
    return this.#serial.run(async () => {
      if (index < this.#head.base.index || index > this.#head.lastIndex) return null;
      return placeOf(await this.#placeAt(index));
    });
  }

  /** Peer addresses of every config that was ever on this log, newest first, each once (§6). */
  async rememberedAddresses(): Promise<readonly string[]> {
    const columns = textColumns("addresses", "seal");
    const sql = `SELECT idx, ${columns} FROM configs ORDER BY idx DESC`;
    const rows = await this.#database.query(sql);
    return [...new Set(rows.flatMap(addressesFrom))];
  }

  /** Name of the state database that belongs to this log. */
  currentStateFile(): string {
    return this.#head.state.file;
  }

  /**
   * A name for a state database that was never used before; raised on disk before it is given,
   * so that no file of an earlier try can lie beside the new one (§6.4).
   */
  nextStateFile(): Promise<string> {
    return this.#serial.run(async () => {
      const head = this.#head;
      const state = { ...head.state, generation: head.state.generation + 1 };
      await this.#database.write([setMeta("state", state)]);
      this.#head = { ...head, state };
      return stateFileName(state.generation);
    });
  }

  /** A finished state file: the next batch with an install switches to it, in its transaction. */
  offerState(pending: PendingState | null): void {
    this.#pending = pending;
  }

  /**
   * Moves the write-ahead log of an earlier start into the file. What a crash left torn at its end
   * would else lie behind this start's frames, and look like damage after another crash. So a reader
   * that keeps it there, as a database shell may, is an error: `DATA_DIRECTORY`. Nothing is lost.
   */
  settle(): Promise<void> {
    return this.#serial.run(async () => {
      const { complete } = await this.#database.checkpoint("truncate");
      if (!complete) throw inUse(this.#database.name);
    });
  }

  /** Checks everything in the file. Throws `CORRUPT`, which says what is wrong first. */
  check(): Promise<void> {
    return this.#serial.run(async () => {
      await checkStructure(this.#database);
      const { configs } = await readAll(this.#database, this.#head, 0);
      await checkConfigs(this.#database, this.#head, configs);
    });
  }

  /** Tells of damage that a read meets. */
  onDamage(listener: DamageListener): void {
    this.#damage.listen(listener);
  }

  /** Leaves one whole file behind, if the disk still has room for that. */
  close(): Promise<void> {
    return this.#serial.run(() => closeWhole(this.#database));
  }

  async #placeAt(index: Index): Promise<LogPosition> {
    const { base } = this.#head;
    return index === base.index ? base : await readPlace(this.#database, index);
  }
}

/** Name of the state database of a generation. */
export function stateFileName(generation: number): string {
  return `chat-${generation}.db`;
}

const emptyHead: LogHead = {
  hard: { promised: ZERO_TERM, commitIndex: 0 },
  base: EMPTY_BASE,
  state: { generation: 1, file: stateFileName(1) },
  termStarts: [],
  lastIndex: 0,
};
