/**
 * Where commands write: results to stdout, everything else to stderr. Owns the two forms of a
 * result, text for people and JSON lines for programs, and what becomes of a command whose
 * output cannot be written; it never decides what is said.
 *
 * @module
 */

import process from "node:process";
import { ChatError } from "../errors.ts";
import { jsonLine } from "../printable.ts";

/** What a command prints to; the real one is {@linkcode terminal}, tests collect. */
export interface Output {
  /** A result for people: text, with a line break added. Its parts are printable already. */
  line(text: string): void;
  /** A result for programs: one JSON object on one line. */
  json(value: object): void;
  /** Progress and remarks, on stderr, never part of a result. */
  remark(text: string): void;
  /**
   * Resolves once the results so far have been taken. One that cannot be, as its reader has left or
   * its disk is full, ends the process as a failure, so that nothing is done after it. Absent
   * where results are taken at once.
   */
  taken?(): Promise<void>;
  /**
   * Whether all results so far have been taken, for a command that goes on when one was not. Absent
   * where results are taken at once.
   */
  allTaken?(): Promise<boolean>;
}

/** The process's own stdout and stderr. */
export const terminal: Output = {
  line: (text) => writeResult(`${text}\n`),
  json: (value) => writeResult(`${jsonLine(value)}\n`),
  remark: (text) => void write(process.stderr, `${text}\n`),
  taken: () => {
    mayLeave = false;
    return flushed();
  },
  allTaken: async () => {
    await flushed();
    return !broken.has(process.stdout);
  },
};

/** Nothing more is written to them, and nothing waited for. */
const broken = new Set<NodeJS.WriteStream>();
let needsReader = true;
/** A reader may have had enough before the end. */
let mayLeave = true;

/** Takes over what happens when stdout or stderr fails; once, before anything is written. */
export function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error) => lost(stream, error));
  }
}

/** Help and the like, which is a result too: as it is, with the line breaks that it has. */
export function writeText(text: string): void {
  writeResult(text);
}

/**
 * From now on the process goes on when nobody reads its results any more: for commands that do
 * more than print, such as a node, which would be lost to its cluster.
 */
export function outliveReader(): void {
  needsReader = false;
}

/** Resolves once everything written so far has been taken by whoever reads it, or cannot be. */
export async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (broken.has(stream)) continue;
    await new Promise<void>((resolve) => {
      stream.once("error", () => resolve());
      stream.write("", () => resolve());
    });
  }
}

function writeResult(text: string): void {
  const failure = write(process.stdout, text);
  if (failure !== null && needsReader) throw unwritten(failure);
}

/** Something written before was not taken: of a result that ends the command. */
function lost(stream: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (broken.has(stream)) return;
  broken.add(stream);
  if (stream !== process.stdout || !needsReader) return;
  // A reader that has had enough (`jmessage chat history bob | head`) is no failure.
  if (error.code === "EPIPE" && mayLeave) process.exit(0);
  terminal.remark(`jmessage: ${unwritten(error).message}`);
  process.exit(1);
}

/** Writes, or says why not; a stream that failed before takes everything in silence. */
function write(stream: NodeJS.WriteStream, text: string): Error | null {
  if (broken.has(stream)) return null;
  try {
    // Bun tells the writer alone, and no listener: who is not asked here has lost it in silence.
    stream.write(text, (error) => {
      if (error) lost(stream, error);
    });
    return null;
  } catch (thrown) {
    // Deno throws at once where a file is full; what is written later would wait for ever.
    broken.add(stream);
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

function unwritten(cause: Error): ChatError {
  const text = `Cannot write the result to stdout: ${cause.message}; make room, or write elsewhere`;
  return new ChatError("INTERNAL", text, { cause });
}
