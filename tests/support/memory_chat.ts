/**
 * The chat state machine over a libSQL database in memory, for tests: one replica's state that
 * counts and can show the statements it runs. Owns nothing of the rules.
 *
 * @module
 */

import { type Applied, applyCommands } from "../../src/chat/apply.ts";
import type { PlacedCommand } from "../../src/chat/evaluate.ts";
import type { Reader, SqlRow, SqlValue } from "../../src/chat/port.ts";
import { replicatedTables, salvageStatements, schemaStatements } from "../../src/chat/schema.ts";
import { Database } from "../../src/storage/database.ts";

/** A statement that was run. */
export interface RunStatement {
  readonly sql: string;
  readonly args: readonly SqlValue[];
}

/** One replica's state in memory. */
export class MemoryChat implements Reader {
  /** Every statement that was run since the last `splice`, in order. */
  readonly statements: RunStatement[] = [];
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** A new, empty state. */
  static async open(): Promise<MemoryChat> {
    const database = Database.openMemory();
    await database.script([...schemaStatements, ...salvageStatements]);
    return new MemoryChat(database);
  }

  query(sql: string, args: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    this.statements.push({ sql, args });
    return this.#database.query(sql, args);
  }

  /** Applies a batch in one transaction. */
  apply(commands: readonly PlacedCommand[]): Promise<Applied> {
    return this.#database.transaction((writer) =>
      applyCommands({
        query: (sql, args = []) => {
          this.statements.push({ sql, args });
          return writer.query(sql, args);
        },
        run: (sql, args = []) => {
          this.statements.push({ sql, args });
          return writer.run(sql, args);
        },
      }, commands)
    );
  }

  /** All rows of all replicated tables, in the order in which a digest takes them. */
  async dump(): Promise<Readonly<Record<string, readonly (readonly SqlValue[])[]>>> {
    const tables: Record<string, readonly (readonly SqlValue[])[]> = {};
    for (const { name, columns, primaryKey } of replicatedTables) {
      const sql = `SELECT ${columns.join(", ")} FROM ${name} ORDER BY ${primaryKey.join(", ")}`;
      const rows = await this.#database.query(sql);
      tables[name] = rows.map((row) => columns.map((column) => row[column] ?? null));
    }
    return tables;
  }

  /** Steps of SQLite's plan for a statement. */
  async plan({ sql, args }: RunStatement): Promise<readonly string[]> {
    const rows = await this.#database.query(`EXPLAIN QUERY PLAN ${sql}`, args);
    return rows.map((row) => String(row["detail"]));
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
