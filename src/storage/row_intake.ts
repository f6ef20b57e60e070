/**
 * The stream of `row_stream.ts` on its way back into tables: cuts bytes into lines and lines into
 * statements. Takes only tables and columns that this version has; whether the stream was whole
 * is for the digest to say.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Database } from "./database.ts";
import { headerLine, type StreamTable } from "./row_stream.ts";
import { isDiskFailure } from "./storage_error.ts";

/** Rows of one INSERT, and of one turn of the event loop. */
const insertRows = 128;

const lineFeed = 10;

export class RowIntake {
  readonly #database: Database;
  readonly #tables: readonly StreamTable[];
  #table: StreamTable | null = null;
  /** Bytes after the last whole line. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(database: Database, tables: readonly StreamTable[]) {
    this.#database = database;
    this.#tables = tables;
  }

  /** Takes in the next bytes of the stream, wherever they were cut. */
  async write(chunk: Uint8Array): Promise<void> {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const end = bytes.lastIndexOf(lineFeed) + 1;
    this.#rest = bytes.subarray(end);
    if (this.#rest.length > limits.snapshotRowBytesMax) throw unreadable("a row is too long");
    if (end === 0) return;
    let rows: string[] = [];
    for (const line of bytes.toString("utf8", 0, end - 1).split("\n")) {
      if (line.startsWith("{")) {
        await this.#insert(rows);
        rows = [];
        this.#table = this.#findTable(line);
      } else {
        rows.push(line);
      }
      if (rows.length === insertRows) {
        await this.#insert(rows);
        rows = [];
      }
    }
    await this.#insert(rows);
  }

  /** Throws if the stream ended inside a row. */
  end(): void {
    if (this.#rest.length > 0) throw unreadable("it ends inside a row");
  }

  #findTable(line: string): StreamTable {
    const table = this.#tables.find((candidate) => headerLine(candidate) === `${line}\n`);
    if (table === undefined) throw unreadable("another version of jmessage made it");
    return table;
  }

  async #insert(rows: readonly string[]): Promise<void> {
    if (rows.length === 0) return;
    const table = this.#table;
    if (table === null) throw unreadable("it begins without a table");
    const values = table.columns.map((_, place) =>
      table.isBlob[place] ? `unhex(value ->> ${place})` : `value ->> ${place}`
    );
    const sql = `INSERT INTO ${table.name} (${table.columns.join(", ")})
      SELECT ${values.join(", ")} FROM json_each(?)`;
    try {
      await this.#database.write([{ sql, args: [`[${rows.join(",")}]`] }]);
    } catch (error) {
      throw isRefusal(error) ? unreadable("a row in it is none of that table", error) : error;
    }
    await this.#database.pause();
  }
}

/** Whether it is the rows that the database does not take: no JSON, or none of such a table. */
function isRefusal(error: unknown): boolean {
  return error instanceof ChatError && error.reason === "INTERNAL" && !isDiskFailure(error);
}

function unreadable(detail: string, cause?: unknown): ChatError {
  const text = `Cannot take the snapshot: ${detail}; fetch it again from a member that runs the ` +
    "same version";
  return new ChatError("CORRUPT", text, { cause });
}
