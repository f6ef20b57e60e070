/**
 * Where commands write: results to stdout, everything else to stderr. Owns the two forms of a
 * result, text for people and JSON lines for programs; it never decides what is said.
 *
 * @module
 */

import process from "node:process";

/** What a command prints to; the real one is {@linkcode terminal}, tests collect. */
export interface Output {
  /** A result for people: text, with a line break added. Its parts are printable already. */
  line(text: string): void;
  /** A result for programs: one JSON object on one line. */
  json(value: object): void;
  /** Progress and remarks, on stderr, never part of a result. */
  remark(text: string): void;
}

/** The process's own stdout and stderr. */
export const terminal: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  json: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
  remark: (text) => void process.stderr.write(`${text}\n`),
};

/** Resolves once everything written so far has been taken by whoever reads it. */
export async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }
}
