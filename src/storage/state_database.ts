/**
 * One generation of the replicated state: a file with a connection for applies and one for
 * queries, or a database in memory with one for both. Owns what is applied in it; knows nothing
 * of other generations.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { applyCommands } from "../chat/apply.ts";
import { decodeCommand } from "../chat/codec.ts";
import { replicatedTables, sound } from "../chat/schema.ts";
import type { Reader, SqlRow, SqlValue } from "../chat/port.ts";
import type { ApplyResult } from "../node/ports.ts";
import type { Entry, Index, LogPosition } from "../raft/types.ts";
import { type Checkpoint, closeWhole, Database } from "./database.ts";
import { placeOf } from "./log_schema.ts";
import { migrate, openMigrated, openStillDatabase } from "./migrations.ts";
import { checkStructure } from "./soundness.ts";
import { corrupt } from "./storage_error.ts";
import {
  type ChunkedSource,
  openFileSource,
  openMemorySource,
  openStillSource,
  type SourceOptions,
} from "./snapshot_source.ts";
import { appliedFrom, selectApplied, setApplied, stateSchema } from "./state_schema.ts";

const pragmas = [
  "journal_mode=WAL",
  // What a power cut takes is applied again from the log, which syncs every write (§10).
  "synchronous=NORMAL",
  // Pages, 16 MiB: the driver's checkpoints come first unless a snapshot holds them up.
  "wal_autocheckpoint=4096",
  "journal_size_limit=67108864",
  // KiB: the upper pages of every index; the rest is in the cache of the operating system.
  "cache_size=-4096",
];

const readerPragmas = ["query_only=1", "cache_size=-2048"];

const nothing: ApplyResult = { outcomes: new Map(), messages: [] };

export class StateDatabase implements Reader {
  /** `null`: in memory, or only looked at. */
  readonly path: string | null;
  readonly #writer: Database;
  /** The writer itself in memory, where it then waits for the end of an apply. */
  readonly #reader: Database;
  /** Nobody changes it: a source needs no transaction and no copy. */
  readonly #still: boolean;
  #applied: LogPosition;

  private constructor(
    path: string | null,
    writer: Database,
    options: {
      readonly reader: Database;
      readonly applied: LogPosition;
      readonly still?: boolean;
    },
  ) {
    this.path = path;
    this.#writer = writer;
    this.#reader = options.reader;
    this.#applied = options.applied;
    this.#still = options.still ?? false;
  }

  /** Opens a state file; an absent one is made. */
  static async openFile(path: string): Promise<StateDatabase> {
    const writer = await openMigrated(path, { schema: stateSchema, pragmas });
    let reader: Database | null = null;
    try {
      const [row] = await writer.query(selectApplied);
      const applied = appliedFrom(row, writer.name);
      reader = Database.open(path);
      await reader.configure(readerPragmas);
      return new StateDatabase(path, writer, { reader, applied });
    } catch (error) {
      await reader?.close();
      await writer.close();
      throw error;
    }
  }

  /** The same to look at it only, on a file as `Database.openStill` wants it. */
  static async openStill(path: string): Promise<StateDatabase> {
    const database = await openStillDatabase(path, stateSchema);
    try {
      const [row] = await database.query(selectApplied);
      const applied = appliedFrom(row, database.name);
      return new StateDatabase(null, database, { reader: database, applied, still: true });
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** An empty state in memory. */
  static async openMemory(): Promise<StateDatabase> {
    const database = Database.openMemory();
    await migrate(database, stateSchema);
    return await StateDatabase.adoptMemory(database);
  }

  /** A state in memory that someone else has filled. */
  static async adoptMemory(database: Database): Promise<StateDatabase> {
    const [row] = await database.query(selectApplied);
    const applied = appliedFrom(row, database.name);
    return new StateDatabase(null, database, { reader: database, applied });
  }

  get applied(): LogPosition {
    return this.#applied;
  }

  query(sql: string, args?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#reader.query(sql, args);
  }

  /** Applies entries that follow what is applied, in one transaction. */
  async apply(entries: readonly Entry[]): Promise<ApplyResult> {
    const last = entries.at(-1);
    if (last === undefined) return nothing;
    const commands = readCommands(entries, this.#applied.index);
    const position = placeOf(last);
    const { sql, args } = setApplied(position);
    const result = await this.#writer.transaction(async (writer) => {
      const applied = commands.length === 0 ? nothing : await applyCommands(writer, commands);
      await writer.run(sql, args);
      return applied;
    });
    this.#applied = position;
    return result;
  }

  /** See `Database.checkpoint`. In memory there is nothing to do. */
  async checkpoint(): Promise<Checkpoint> {
    if (this.path === null) return { complete: true, frames: 0 };
    return await this.#writer.checkpoint("passive");
  }

  /** Checks everything in it. Throws `CORRUPT`, which says what is wrong first. */
  async check(): Promise<void> {
    await checkStructure(this.#writer);
    for (const { name } of replicatedTables) {
      await this.#writer.query(`SELECT count(${sound(name)}) AS sound FROM ${name}`);
    }
    const [row] = await this.#writer.query(
      "SELECT max(log_index) AS newest FROM (SELECT max(log_index) AS log_index FROM requests " +
        "UNION ALL SELECT max(log_index) FROM messages " +
        "UNION ALL SELECT max(log_index) FROM deleted_messages)",
    );
    const newest = Number(row?.newest ?? 0);
    if (newest <= this.#applied.index) return;
    const detail = `it has rows of index ${newest}, but only ${this.#applied.index} is applied`;
    throw corrupt(this.#writer.name, detail);
  }

  /** All rows as they are now. */
  openSource(options: SourceOptions): Promise<ChunkedSource> {
    if (this.#still) return openStillSource(this.#writer, options);
    if (this.path === null) return openMemorySource(this.#writer, options);
    return openFileSource(this.path, options);
  }

  async close(): Promise<void> {
    if (this.#reader !== this.#writer) await this.#reader.close();
    if (this.path === null) await this.#writer.close();
    else await closeWhole(this.#writer);
  }
}

function readCommands(entries: readonly Entry[], applied: Index) {
  let next = applied + 1;
  const commands = [];
  for (const entry of entries) {
    const { index, term } = entry;
    assert(index === next, `Entry ${index} is applied after entry ${next - 1}`);
    next++;
    if (entry.kind !== "command") continue;
    commands.push({ place: { index, term }, command: decodeCommand(entry.data, index) });
  }
  return commands;
}
