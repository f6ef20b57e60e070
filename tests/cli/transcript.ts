/**
 * Transcripts of the real program: what was typed, what it printed, how it ended. Owns their
 * text form and the running of their commands; `transcript_test.ts` compares. Written anew by
 * `deno run -A tests/cli/transcript.ts`, to be read before it is committed.
 *
 * A line `$ jmessage …` is typed; `! …` was printed to stderr; `= N` is the exit code; all else
 * was printed to stdout.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** The transcripts beside this file. */
export const TRANSCRIPTS = ["help.txt", "errors.txt"] as const;

/** The text of a transcript. */
export async function readTranscript(name: string): Promise<string> {
  return await Deno.readTextFile(HERE + name);
}

/** The command lines that a transcript has. */
export function commandLines(transcript: string): readonly string[] {
  return transcript.split("\n").filter((line) => line.startsWith("$ jmessage"));
}

/** Runs the program as `line` says, and gives that part of the transcript. */
export async function runLine(line: string): Promise<string> {
  const args = line.split(" ").slice(2);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", CLI, ...args],
    stdin: "null",
    env: { NO_COLOR: "1", COLUMNS: "100" },
  }).output();
  const decoder = new TextDecoder();
  const out = decoder.decode(stdout).trimEnd();
  const errors = decoder.decode(stderr).trimEnd();
  const printed = [
    ...(out === "" ? [] : [out]),
    ...(errors === "" ? [] : errors.split("\n").map((text) => `! ${text}`)),
  ];
  return [line, ...printed, `= ${code}`].join("\n");
}

/** A transcript of the same commands as they come out now. */
export async function rerun(transcript: string): Promise<string> {
  const parts: string[] = [];
  for (const line of commandLines(transcript)) parts.push(await runLine(line));
  return parts.join("\n\n") + "\n";
}

if (import.meta.main) {
  for (const name of TRANSCRIPTS) {
    await Deno.writeTextFile(HERE + name, await rerun(await readTranscript(name)));
  }
}
