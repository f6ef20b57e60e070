/**
 * The chat state machine over an in-memory libSQL database, for tests: the storage port at its
 * smallest. Owns the adapter and nothing of the rules.
 *
 * @module
 */

import { type Client, createClient, type InArgs, type ResultSet } from "@libsql/client";
import { type Applied, applyCommands } from "../../src/chat/apply.ts";
import type { PlacedCommand } from "../../src/chat/evaluate.ts";
import type { Reader, SqlRow, SqlValue, Writer } from "../../src/chat/port.ts";
import { replicatedTables, schemaStatements } from "../../src/chat/schema.ts";

/** One replica's state in memory. Counts the statements that it runs. */
export class MemoryChat implements Reader {
  readonly #client: Client;
  #statements = 0;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** A new, empty state. */
  static async open(): Promise<MemoryChat> {
    const client = createClient({ url: "file::memory:", intMode: "number", concurrency: 1 });
    for (const statement of schemaStatements) await client.execute(statement);
    return new MemoryChat(client);
  }

  /** Statements run by {@linkcode MemoryChat.apply} so far. */
  get statements(): number {
    return this.#statements;
  }

  async query(sql: string, args: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return toRows(await this.#client.execute({ sql, args: args as InArgs }));
  }

  /** Applies a batch in one transaction. */
  async apply(commands: readonly PlacedCommand[]): Promise<Applied> {
    const transaction = await this.#client.transaction("write");
    const execute = (sql: string, args: readonly SqlValue[] = []) => {
      this.#statements += 1;
      return transaction.execute({ sql, args: args as InArgs });
    };
    const writer: Writer = {
      query: async (sql, args) => toRows(await execute(sql, args)),
      run: async (sql, args) => void await execute(sql, args),
    };
    try {
      const applied = await applyCommands(writer, commands);
      await transaction.commit();
      return applied;
    } finally {
      transaction.close();
    }
  }

  /** All rows of all replicated tables, as a digest would read them. */
  async dump(): Promise<Readonly<Record<string, readonly SqlRow[]>>> {
    const tables: Record<string, readonly SqlRow[]> = {};
    for (const { name, columns, primaryKey } of replicatedTables) {
      const sql = `SELECT ${columns.join(", ")} FROM ${name} ORDER BY ${primaryKey.join(", ")}`;
      tables[name] = await this.query(sql);
    }
    return tables;
  }

  close(): void {
    this.#client.close();
  }
}

/** Rows by column name alone; blobs as bytes. */
function toRows(result: ResultSet): SqlRow[] {
  return result.rows.map((row) =>
    Object.fromEntries(
      result.columns.map((column, place) => [column, toValue(row[place] ?? null)]),
    )
  );
}

function toValue(value: unknown): SqlValue {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value as SqlValue;
}
