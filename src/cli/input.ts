/**
 * Questions to the person at the terminal, and lines from stdin. Owns that a password is never
 * shown while it is typed; it keeps nothing that was answered.
 *
 * @module
 */

import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { ChatError } from "../errors.ts";
import { linesOf } from "./stdin_lines.ts";

/** What commands ask a person, or read from whoever started them. Tests answer themselves. */
export interface Input {
  /** True if somebody can be asked. */
  readonly interactive: boolean;
  /** An answer that may be seen. */
  ask(question: string): Promise<string>;
  /** An answer that nobody may see over a shoulder. */
  askSecret(question: string): Promise<string>;
  /** Next line of stdin, without its end; `null` after the last one. Refuses what is no text. */
  nextLine(): Promise<string | null>;
}

/** The process's own stdin, and questions on stderr: stdout is for results. */
export class TerminalInput implements Input {
  #lines: AsyncIterator<string> | null = null;

  get interactive(): boolean {
    return process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  ask(question: string): Promise<string> {
    return typedLine(question, process.stderr);
  }

  async askSecret(question: string): Promise<string> {
    process.stderr.write(question);
    // The terminal's own echo is off while readline edits; this drops readline's.
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    try {
      return await typedLine("", silent);
    } finally {
      process.stderr.write("\n");
    }
  }

  async nextLine(): Promise<string | null> {
    this.#lines ??= linesOf(process.stdin);
    const { done, value } = await this.#lines.next();
    return done ? null : value;
  }
}

/** One line typed at the terminal; Ctrl-C and Ctrl-D give the question up. */
async function typedLine(question: string, output: NodeJS.WritableStream): Promise<string> {
  const terminal = createInterface({
    input: process.stdin,
    output,
    terminal: true,
    historySize: 0,
  });
  try {
    const givenUp = once(terminal, "close").then(() => null);
    terminal.on("SIGINT", () => terminal.close());
    const answer = new Promise<string>((resolve) => terminal.question(question, resolve));
    const line = await Promise.race([answer, givenUp]);
    if (line === null) throw new ChatError("INVALID_ARGUMENT", "Cannot go on without an answer");
    return line;
  } finally {
    terminal.close();
  }
}
