/**
 * Shows that help and errors of the real program are what its transcripts say, and that they
 * keep the promises of the command line: examples everywhere, one line for an error.
 *
 * @module
 */

import assert from "node:assert/strict";
import { commandLines, readTranscript, rerun, TRANSCRIPTS } from "./transcript.ts";

for (const name of TRANSCRIPTS) {
  Deno.test(`program: prints what ${name} says`, async () => {
    const transcript = await readTranscript(name);
    assert.ok(commandLines(transcript).length > 0, "the transcript has commands");
    assert.equal(await rerun(transcript), transcript);
  });
}

Deno.test("program: every help shows an example and every error is one line", async () => {
  for (const part of (await readTranscript("help.txt")).trimEnd().split("\n\n$ ")) {
    assert.match(part, /\nExample:\n {2}jmessage /, part);
    assert.match(part, /\n= 0$/);
  }
  for (const part of (await readTranscript("errors.txt")).trimEnd().split("\n\n")) {
    assert.match(part, /^\$ jmessage[^\n]*\n! jmessage: [^\n]+\n= [12]$/);
  }
});
