/**
 * Tests of the lines that commands read: what is read is what was written, or an error.
 *
 * @module
 */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { limits } from "../limits.ts";
import { linesOf } from "./stdin_lines.ts";

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

Deno.test("lines of stdin: the same however they are cut, and nothing but LF and CR LF ends one", async () => {
  const text = "\ufeffone\r\n\n zwei ü \u2028 日本語\rstill\n\r\nlast\r";
  for (const size of [1, 2, 3, 7, 1_000]) {
    const lines: string[] = [];
    for await (const line of linesOf(inChunks(Buffer.from(text), size))) lines.push(line);
    deepEqual(lines, ["\ufeffone", "", " zwei ü \u2028 日本語\rstill", "", "last\r"]);
  }
});

Deno.test("lines of stdin: what is no UTF-8 is refused, after what came before it", async () => {
  const bytes = Buffer.concat([Buffer.from("one\nb"), Buffer.from([0xff]), Buffer.from("\ntwo\n")]);
  const lines = linesOf(inChunks(bytes, 4));
  equal((await lines.next()).value, "one");
  await rejects(lines.next(), { reason: "INVALID_ARGUMENT", message: /not UTF-8/ });
});

Deno.test("lines of stdin: one without an end is not gathered for ever", async () => {
  let given = 0;
  const endless = async function* () {
    for (;; given += 65_536) yield await Promise.resolve(new Uint8Array(65_536).fill(0x78));
  };
  await rejects(linesOf(endless()).next(), { reason: "INVALID_ARGUMENT", message: /more than/ });
  equal(given, limits.inputLineBytesMax);
});
