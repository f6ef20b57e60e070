/**
 * The SQL that the chat state machine may use: the storage port. Implemented by `src/storage`
 * over libSQL; nothing in `src/chat` knows the library.
 *
 * @module
 */

/** A value of a column: integers are numbers (all of ours fit 2^53). */
export type SqlValue = string | number | Uint8Array | null;

/** A row by column name. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** Reads the replicated state at one applied index. */
export interface Reader {
  query(sql: string, args?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

/** Reads and writes inside the one transaction that applies a batch of entries. */
export interface Writer extends Reader {
  run(sql: string, args?: readonly SqlValue[]): Promise<void>;
}
