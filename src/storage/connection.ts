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
  readonly #native: Libsql.Database;
  /** By text, longest unused first. */
  readonly #prepared = new Map<string, Prepared>();

  /** Opens the database file, or makes it; `:memory:` is one of its own. */
  constructor(path: string) {
    this.#native = new Libsql(path);
  }

  /** Whether a transaction is open: some failures end it by themselves. */
  get inTransaction(): boolean {
    return this.#native.inTransaction;
  }

  /** The rows of a statement; none if it is of a kind that has no rows. */
  query(sql: string, args: readonly SqlValue[]): readonly SqlRow[] {
    const { statement, reads } = this.#prepare(sql);
    if (reads) return (statement.all(args) as SqlRow[]).map(withBytes);
    statement.run(args);
    return noRows;
  }

  /** Runs a statement; what rows it has are dropped. */
  run(sql: string, args: readonly SqlValue[]): void {
    const { statement, reads } = this.#prepare(sql);
    // To the end: a statement that was left half-way keeps its lock.
    if (reads) statement.all(args);
    else statement.run(args);
  }

  /** Several statements without arguments, as in a schema. */
  script(sql: string): void {
    this.#native.exec(sql);
  }

  /** Gives back the memory of pages and statements: both are made again when they are needed. */
  shrink(): void {
    this.#prepared.clear();
    this.#native.exec("PRAGMA shrink_memory");
  }

  /** Nothing may be asked of it any more: libSQL would abort the process. */
  close(): void {
    this.#prepared.clear();
    this.#native.close();
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql);
    if (prepared === undefined) {
      const statement = this.#native.prepare(sql);
      prepared = { statement, reads: statement.reader };
    } else {
      this.#prepared.delete(sql);
    }
    this.#prepared.set(sql, prepared);
    if (this.#prepared.size > limits.statementsKept) this.#forgetOldest();
    return prepared;
  }

  #forgetOldest(): void {
    for (const oldest of this.#prepared.keys()) {
      this.#prepared.delete(oldest);
      return;
    }
  }
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
