/**
 * One connection to one libSQL database. Owns the order of operations on the connection, one at a
 * time, its transactions, and turns every failure into a `ChatError` that names the file. Knows no
 * table.
 *
 * Statements run synchronously inside the call, so a queue costs nothing; only the sync of a durable
 * write goes on beside the event loop.
 *
 * @module
 */

import { basename } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";
import type { Reader, SqlRow, SqlValue, Writer } from "../chat/port.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { Connection } from "./connection.ts";
import { Serial } from "./serial.ts";
import { closed, denied, toStorageError } from "./storage_error.ts";
import { textFrom } from "./text.ts";
import type { WalSync } from "./wal_sync.ts";
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

const noArgs: readonly SqlValue[] = [];

/** How transactions begin: one that writes takes the lock for it at once. */
const begin = { read: "BEGIN", write: "BEGIN IMMEDIATE" } as const;

export class Database implements Reader {
  /** Name for people: the file's, without its directory. */
  readonly name: string;
  /** Told how long the commit of each `write` took, ms: with its sync, if writes are durable. */
  onCommit: (ms: number) => void = () => {};
  readonly #connection: Connection;
  readonly #inMemory: boolean;
  readonly #serial = new Serial();
  #sync: WalSync | null = null;
  #wrote = false;
  #closing = false;
  #closed = false;
  #used = false;
  /** Runs from the first use after a rest to the next rest. */
  #restTimer: NodeJS.Timeout | null = null;

  private constructor(connection: Connection, name: string, inMemory: boolean) {
    this.#connection = connection;
    this.name = name;
    this.#inMemory = inMemory;
  }

  /** Opens (and makes, if absent) the database file. Writes nothing to it. */
  static open(path: string): Database {
    return Database.#open(path, basename(path), false);
  }

  /**
   * Opens a file that nobody writes meanwhile, and whose write-ahead log is empty: nothing is
   * locked, made or changed.
   */
  static openStill(path: string): Database {
    const escaped = path.replaceAll(/[%?#]/g, encodeURIComponent);
    return Database.#open(`file:${escaped}?immutable=1`, basename(path), false);
  }

  /** A database in memory that lives as long as this object. */
  static openMemory(): Database {
    return Database.#open(":memory:", "the state in memory", true);
  }

  static #open(path: string, name: string, inMemory: boolean): Database {
    try {
      return new Database(new Connection(path), name, inMemory);
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

  /** From now on each `write` is on disk when its promise resolves. */
  syncWrites(sync: WalSync): void {
    this.#sync = sync;
  }

  /** Rows of a statement, outside of any transaction of this connection. */
  query(sql: string, args: readonly SqlValue[] = noArgs): Promise<readonly SqlRow[]> {
    return this.#exclusive(() => this.#connection.query(sql, args));
  }

  /** Runs the statements in one transaction; nothing of it stays if one fails. */
  write(statements: readonly Statement[]): Promise<void> {
    return this.#writing(async () => {
      this.#connection.run(begin.write, noArgs);
      let begun;
      try {
        for (const { sql, args = noArgs } of statements) this.#connection.run(sql, args);
        begun = performance.now();
        this.#connection.run("COMMIT", noArgs);
      } finally {
        this.#rollBack();
      }
      // Nothing else is asked of the connection meanwhile: no transaction follows one that is not
      // on disk yet.
      await this.#sync?.run();
      this.onCommit(performance.now() - begun);
    });
  }

  /** Several statements without arguments in one call, as in a schema. */
  script(statements: readonly string[]): Promise<void> {
    return this.#writing(() => {
      try {
        this.#connection.script(statements.join(";\n"));
      } finally {
        this.#rollBack();
      }
    });
  }

  /** Runs `body` in one write transaction: committed if it resolves, else rolled back. */
  transaction<T>(body: (writer: Writer) => Promise<T>): Promise<T> {
    return this.#writing(async () => {
      this.#connection.run(begin.write, noArgs);
      try {
        const result = await body(toWriter(this.#connection));
        this.#connection.run("COMMIT", noArgs);
        return result;
      } finally {
        this.#rollBack();
      }
    });
  }

  /**
   * Begins a transaction that holds the connection until it is released: a read of one moment, or
   * a lock. Nothing else may be asked of this connection meanwhile.
   */
  async hold(mode: "read" | "write"): Promise<Held> {
    await this.#exclusive(() => this.#connection.run(begin[mode], noArgs));
    let released = false;
    return {
      query: (sql, args = noArgs) => {
        if (released) return Promise.reject(closed(this.name));
        return this.query(sql, args);
      },
      release: () => {
        if (released) return;
        released = true;
        this.#rollBack();
      },
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

  /** What SQLite finds wrong with its pages and indexes, a sentence each. Reads all of the file. */
  async integrity(): Promise<readonly string[]> {
    const rows = await this.query(
      "SELECT CAST(integrity_check AS BLOB) AS line FROM pragma_integrity_check",
    );
    const found = rows.flatMap(({ line }) => (textFrom(line) ?? "a name is no text").split("\n"));
    // Before what is wrong may stand a line of which database it is, which says nothing of that.
    const wrong = found.filter((line) => line !== "ok");
    return wrong.toSorted((a, b) => Number(a.startsWith("***")) - Number(b.startsWith("***")));
  }

  /** Waits for what was asked before, then closes. Closing twice does nothing. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.#serial.run(async () => {
      this.#closed = true;
      if (this.#restTimer !== null) clearTimeout(this.#restTimer);
      try {
        await this.#sync?.close();
      } catch (error) {
        throw toStorageError(error, this.name);
      } finally {
        this.#connection.close();
      }
    });
  }

  /** Takes back what was not committed. */
  #rollBack(): void {
    if (this.#closed || !this.#connection.inTransaction) return;
    try {
      this.#connection.run("ROLLBACK", noArgs);
    } catch {
      // What failed before says more, and nothing can be begun inside what stays open.
    }
  }

  /** A node that nobody uses must not keep for days what its busiest moment took. */
  #watchForRest(): void {
    this.#used = false;
    this.#restTimer = setTimeout(() => {
      this.#restTimer = null;
      if (this.#closed) return;
      if (this.#used) this.#watchForRest();
      else if (!this.#connection.inTransaction) this.#connection.shrink();
    }, limits.databaseRestMs);
    // It keeps no process alive.
    this.#restTimer.unref();
  }

  async #writing<T>(task: () => T | Promise<T>): Promise<T> {
    const result = await this.#exclusive(task);
    this.#wrote = true;
    return result;
  }

  async #exclusive<T>(task: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#serial.run(() => {
        if (this.#closed) throw closed(this.name);
        // What could not be synced is neither read nor moved into the file.
        this.#sync?.demandSound();
        this.#used = true;
        if (!this.#inMemory && this.#restTimer === null) this.#watchForRest();
        return task();
      });
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

function toWriter(connection: Connection): Writer {
  return {
    query: (sql, args = noArgs) => attempt(() => connection.query(sql, args)),
    run: (sql, args = noArgs) => attempt(() => connection.run(sql, args)),
  };
}

/** What is done at once, as a promise. */
function attempt<T>(task: () => T): Promise<T> {
  try {
    return Promise.resolve(task());
  } catch (error) {
    return Promise.reject(error);
  }
}
