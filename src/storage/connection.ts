/**
 * One libSQL connection and the statements that were prepared on it: the only file that imports
 * `libsql`. Owns how values come back, and that each text is prepared once; knows no transaction
 * and no order.
 *
 * Why not through `@libsql/client`, which is a layer above `libsql`: it prepares each statement
 * anew for each call. That takes several times what running it does, and what was prepared stays
 * in native memory until the garbage collector comes by, which does not see how much that is.
 *
 * @module
 */

import Libsql from "libsql";
import { assert } from "../assert.ts";
import type { SqlRow, SqlValue } from "../chat/port.ts";
import { limits } from "../limits.ts";

interface Prepared {
  readonly statement: ReturnType<Libsql.Database["prepare"]>;
  /** Whether it gives rows: one that does not may only be run. */
  readonly reads: boolean;
}

const noRows: readonly SqlRow[] = [];

/** An open connection. Everything here is done when the call returns; it throws what libSQL does. */
export class Connection {
  /** `null` once it is closed: whoever still knows this object keeps no file open by that. */
  #native: Libsql.Database | null;
  /** By text, longest unused first. */
  readonly #prepared = new Map<string, Prepared>();

  /** Opens the database file, or makes it; `:memory:` is one of its own. */
  constructor(path: string) {
    this.#native = new Libsql(path);
  }

  /** Whether a transaction is open: some failures end it by themselves. */
  get inTransaction(): boolean {
    return this.#open.inTransaction;
  }

  /** The rows of a statement; none if it is of a kind that has no rows. */
  query(sql: string, args: readonly SqlValue[]): readonly SqlRow[] {
    const { statement, reads } = this.#prepare(sql);
    try {
      if (reads) return (statement.all(args) as SqlRow[]).map(withBytes);
      statement.run(args);
      return noRows;
    } catch (error) {
      throw detached(error);
    }
  }

  /** Runs a statement; what rows it has are dropped. */
  run(sql: string, args: readonly SqlValue[]): void {
    const { statement, reads } = this.#prepare(sql);
    try {
      // To the end: a statement that was left half-way keeps its lock.
      if (reads) statement.all(args);
      else statement.run(args);
    } catch (error) {
      throw detached(error);
    }
  }

  /** Several statements without arguments, as in a schema. */
  script(sql: string): void {
    try {
      this.#open.exec(sql);
    } catch (error) {
      throw detached(error);
    }
  }

  /** Gives back the memory of pages and statements: both are made again when they are needed. */
  shrink(): void {
    this.#prepared.clear();
    this.#open.exec("PRAGMA shrink_memory");
  }

  /** Nothing may be asked of it any more: libSQL would abort the process. */
  close(): void {
    this.#prepared.clear();
    this.#open.close();
    this.#native = null;
  }

  get #open(): Libsql.Database {
    assert(this.#native !== null, "Nothing is asked of a closed connection");
    return this.#native;
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql);
    if (prepared === undefined) {
      prepared = this.#make(sql);
    } else {
      this.#prepared.delete(sql);
    }
    this.#prepared.set(sql, prepared);
    if (this.#prepared.size > limits.statementsKept) this.#forgetOldest();
    return prepared;
  }

  #make(sql: string): Prepared {
    try {
      const statement = this.#open.prepare(sql);
      return { statement, reads: statement.reader };
    } catch (error) {
      throw detached(error);
    }
  }

  #forgetOldest(): void {
    for (const oldest of this.#prepared.keys()) {
      this.#prepared.delete(oldest);
      return;
    }
  }
}

/**
 * The same error without what it was thrown from: an error keeps the objects on its stack, here a
 * statement, and so an open file for as long as anybody remembers what went wrong.
 */
function detached(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message } = error;
  const { code, rawCode } = error as { readonly code?: unknown; readonly rawCode?: unknown };
  return Object.assign(new Error(message), { name, code, rawCode });
}

/** Blobs come as `ArrayBuffer`. */
function withBytes(row: SqlRow): SqlRow {
  for (const name in row) {
    const value: unknown = row[name];
    if (value instanceof ArrayBuffer) {
      (row as Record<string, SqlValue>)[name] = new Uint8Array(value);
    }
  }
  return row;
}
