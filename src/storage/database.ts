/**
 * One connection to one libSQL database: the only file that calls `@libsql/client`. Owns the
 * order of operations on the connection, one at a time, and turns every failure into a
 * `ChatError` that names the file. Knows no table.
 *
 * Why one connection each: PRAGMAs belong to a connection, and the client's pool would open more
 * of them behind our back. Statements run synchronously inside the call, so a queue costs nothing.
 *
 * @module
 */

import { type Client, createClient, type InValue, type ResultSet } from "@libsql/client";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import type { Reader, SqlRow, SqlValue, Writer } from "../chat/port.ts";
import { ChatError } from "../errors.ts";
import { Serial } from "./serial.ts";
import { denied, toStorageError } from "./storage_error.ts";
import { yieldToLoop } from "./yield.ts";

/** A statement with its arguments. */
export interface Statement {
  readonly sql: string;
  readonly args?: readonly SqlValue[];
}

/** What a checkpoint came to. */
export interface Checkpoint {
  /** Everything committed before it is in the database file, and synced. */
  readonly complete: boolean;
  /** Pages in the write-ahead log. */
  readonly frames: number;
}

/** What can run a statement: a client or an open transaction. */
interface Executor {
  execute(sql: string, args: InValue[]): Promise<ResultSet>;
}

const noArgs: readonly SqlValue[] = [];

export class Database implements Reader {
  /** Name for people: the file's, without its directory. */
  readonly name: string;
  readonly #client: Client;
  readonly #inMemory: boolean;
  readonly #serial = new Serial();
  #wrote = false;
  #closing = false;

  private constructor(client: Client, name: string, inMemory: boolean) {
    this.#client = client;
    this.name = name;
    this.#inMemory = inMemory;
  }

  /** Opens (and makes, if absent) the database file. Writes nothing to it. */
  static open(path: string): Database {
    return Database.#open(pathToFileURL(path).href, basename(path), false);
  }

  /** A database in memory that lives as long as this object. */
  static openMemory(): Database {
    return Database.#open("file::memory:", "the state in memory", true);
  }

  static #open(url: string, name: string, inMemory: boolean): Database {
    try {
      const client = createClient({ url, intMode: "number", concurrency: 1 });
      return new Database(client, name, inMemory);
    } catch (cause) {
      // The library gives no code here. SQLite has opened the file or made it, or could do neither.
      throw denied(name, { cause });
    }
  }

  /**
   * Gives the event loop its turn between two parts of long work. Not for a database in memory:
   * a simulation has no event loop but its own.
   */
  async pause(): Promise<void> {
    if (!this.#inMemory) await yieldToLoop();
  }

  /** Whether a write of this connection succeeded. */
  get wrote(): boolean {
    return this.#wrote;
  }

  /** Settings of this connection, as in `"journal_mode=WAL"`. */
  async configure(pragmas: readonly string[]): Promise<void> {
    for (const pragma of pragmas) await this.query(`PRAGMA ${pragma}`);
  }

  /** Rows of a statement, outside of any transaction of this connection. */
  query(sql: string, args: readonly SqlValue[] = noArgs): Promise<readonly SqlRow[]> {
    return this.#exclusive(() => execute(this.#client, sql, args));
  }

  /** Runs the statements in one transaction; nothing of it stays if one fails. */
  write(statements: readonly Statement[]): Promise<void> {
    return this.#writing(async () => {
      const batch = statements.map(({ sql, args }) => ({ sql, args: toArgs(args ?? noArgs) }));
      await this.#client.batch(batch, "write");
    });
  }

  /** Several statements without arguments in one call, as in a schema. */
  script(statements: readonly string[]): Promise<void> {
    return this.#writing(() => this.#client.executeMultiple(statements.join(";\n")));
  }

  /** Runs `body` in one write transaction: committed if it resolves, else rolled back. */
  transaction<T>(body: (writer: Writer) => Promise<T>): Promise<T> {
    return this.#writing(async () => {
      const transaction = await this.#client.transaction("write");
      try {
        const result = await body(toWriter(transaction));
        await transaction.commit();
        return result;
      } finally {
        // Rolls back what was not committed, and gives the connection back.
        transaction.close();
      }
    });
  }

  /**
   * Begins a transaction that holds the connection until it is closed: a read of one moment, or
   * a lock. Nothing else may be asked of this connection meanwhile.
   */
  async hold(mode: "read" | "write"): Promise<Held> {
    const transaction = await this.#exclusive(() => this.#client.transaction(mode));
    return {
      query: async (sql, args = noArgs) => {
        try {
          return await execute(transaction, sql, args);
        } catch (error) {
          throw toStorageError(error, this.name);
        }
      },
      release: () => transaction.close(),
    };
  }

  /**
   * Moves the write-ahead log into the database file and syncs that; `truncate` also empties the
   * write-ahead log. A reader of an older moment keeps part of it back.
   */
  async checkpoint(mode: "passive" | "truncate"): Promise<Checkpoint> {
    const [row] = await this.query(`PRAGMA wal_checkpoint(${mode})`);
    const frames = Number(row?.log ?? 0);
    return { complete: row?.busy === 0 && row.checkpointed === frames, frames };
  }

  /** Waits for what was asked before, then closes. Closing twice does nothing. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.#serial.run(() => this.#client.close());
  }

  async #writing<T>(task: () => Promise<T>): Promise<T> {
    const result = await this.#exclusive(task);
    this.#wrote = true;
    return result;
  }

  async #exclusive<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await this.#serial.run(task);
    } catch (error) {
      throw toStorageError(error, this.name);
    }
  }
}

/**
 * Closes with everything in the one database file: the library keeps a closed connection until it
 * is collected, and SQLite would do this only then. A failure costs nothing but the tidiness.
 * What was only read stays as it was found: a directory that is refused is not changed.
 */
export async function closeWhole(database: Database): Promise<void> {
  try {
    if (database.wrote) await database.checkpoint("truncate");
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
  }
  await database.close();
}

/** A transaction that stays open until it is released, which rolls it back. */
export interface Held extends Reader {
  release(): void;
}

function toWriter(executor: Executor): Writer {
  return {
    query: (sql, args = noArgs) => execute(executor, sql, args),
    run: async (sql, args = noArgs) => {
      await executor.execute(sql, toArgs(args));
    },
  };
}

async function execute(
  executor: Executor,
  sql: string,
  args: readonly SqlValue[],
): Promise<readonly SqlRow[]> {
  const { rows, columns, columnTypes } = await executor.execute(sql, toArgs(args));
  // Blobs come as ArrayBuffer; an expression has no declared type and may be one.
  for (let column = 0; column < columns.length; column++) {
    const type = columnTypes[column];
    if (type === "TEXT" || type === "INTEGER") continue;
    const name = columns[column]!;
    for (const row of rows) {
      const value = row[name];
      if (value instanceof ArrayBuffer) (row as Record<string, unknown>)[name] = toBytes(value);
    }
  }
  return rows as unknown as readonly SqlRow[];
}

function toBytes(value: ArrayBuffer): Uint8Array {
  return new Uint8Array(value);
}

/** The library's type is not readonly, though it never writes to the array. */
function toArgs(args: readonly SqlValue[]): InValue[] {
  return args as InValue[];
}
