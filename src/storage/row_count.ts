/**
 * Counting what is in a row stream (`row_stream.ts`) as it goes by, wherever it is cut: rows, and
 * among them accounts and messages. Owns the counts; it checks nothing.
 *
 * @module
 */

import { Buffer } from "node:buffer";

const lineFeed = 10;
const brace = 123;

/** Whoever was deleted has a time there, at the end of the line. */
const liveAccountEnd = Buffer.from(",null]");

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

  add(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      const end = chunk.indexOf(lineFeed, from);
      const part = chunk.subarray(from, end < 0 ? chunk.length : end);
      this.#isHeader ??= part.length > 0 ? part[0] === brace : null;
      this.#keep(part);
      if (end < 0) return;
      this.#endLine();
      from = end + 1;
    }
  }

  #keep(part: Uint8Array): void {
    const needed = this.#isHeader ? Infinity : liveAccountEnd.length;
    const all = this.#line.length === 0 ? part : Buffer.concat([this.#line, part]);
    this.#line = all.length <= needed ? all : all.subarray(all.length - needed);
  }

  #endLine(): void {
    if (this.#isHeader) {
      this.#table = JSON.parse(Buffer.from(this.#line).toString("utf8")).table;
    } else {
      this.#rows += 1;
      if (this.#table === "messages") this.#messages += 1;
      else if (this.#table === "accounts" && this.#isLive()) this.#accounts += 1;
    }
    this.#line = new Uint8Array(0);
    this.#isHeader = null;
  }

  #isLive(): boolean {
    return Buffer.compare(this.#line, liveAccountEnd) === 0;
  }
}
