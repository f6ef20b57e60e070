/**
 * Counting what is in a row stream (`row_stream.ts`) as it goes by, wherever it is cut: rows, and
 * among them accounts and messages. Owns the counts; of the rows it checks nothing.
 *
 * @module
 */

import { Buffer } from "node:buffer";

const lineFeed = 10;
const brace = 123;

/** Whoever was deleted has a time there, at the end of the line. */
const liveAccountEnd = Buffer.from(",null]");

/** Bytes of a line that names a table and its columns: more than any of ours has. */
const headerBytesMax = 4_096;

/** Rows so far. */
export interface RowCounts {
  readonly rows: number;
  /** Accounts that are not deleted. */
  readonly accounts: number;
  readonly messages: number;
}

export class RowCounter {
  #rows = 0;
  #accounts = 0;
  #messages = 0;
  #table = "";
  /** Of the line that is not whole yet: all of a header, else its newest bytes. */
  #line: Uint8Array = new Uint8Array(0);
  #isHeader: boolean | null = null;

  get counts(): RowCounts {
    return { rows: this.#rows, accounts: this.#accounts, messages: this.#messages };
  }

  /** Whether what begins like the header of a table is one; if not, nothing more may be added. */
  add(chunk: Uint8Array): boolean {
    let from = 0;
    while (from < chunk.length) {
      const end = chunk.indexOf(lineFeed, from);
      const part = chunk.subarray(from, end < 0 ? chunk.length : end);
      this.#isHeader ??= part.length > 0 ? part[0] === brace : null;
      this.#keep(part);
      if (this.#isHeader && this.#line.length > headerBytesMax) return false;
      if (end < 0) return true;
      if (!this.#endLine()) return false;
      from = end + 1;
    }
    return true;
  }

  #keep(part: Uint8Array): void {
    const needed = this.#isHeader ? Infinity : liveAccountEnd.length;
    const all = this.#line.length === 0 ? part : Buffer.concat([this.#line, part]);
    this.#line = all.length <= needed ? all : all.subarray(all.length - needed);
  }

  #endLine(): boolean {
    if (this.#isHeader) {
      const table = tableIn(this.#line);
      if (table === null) return false;
      this.#table = table;
    } else {
      this.#rows += 1;
      if (this.#table === "messages") this.#messages += 1;
      else if (this.#table === "accounts" && this.#isLive()) this.#accounts += 1;
    }
    this.#line = new Uint8Array(0);
    this.#isHeader = null;
    return true;
  }

  #isLive(): boolean {
    return Buffer.compare(this.#line, liveAccountEnd) === 0;
  }
}

/** The table that a header names; `null` if it is none. */
function tableIn(line: Uint8Array): string | null {
  try {
    const { table } = JSON.parse(Buffer.from(line).toString("utf8"));
    return typeof table === "string" ? table : null;
  } catch {
    return null;
  }
}
