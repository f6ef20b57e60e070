/**
 * How a server's stream ends, as the library does it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { ClientReadableStream } from "@grpc/grpc-js";
import { answersOf } from "./answers.ts";

function stream(): Readable {
  return new Readable({ objectMode: true, read() {} });
}

/** Takes everything; the answers, and what it ended with. */
async function taken(call: Readable): Promise<readonly [readonly string[], unknown]> {
  const answers = answersOf(call as ClientReadableStream<Buffer>);
  const texts: string[] = [];
  while (true) {
    const next = await answers.next();
    if (next.done) return [texts, next.value];
    texts.push(next.value.toString());
    // Whoever takes them has something to do with each.
    await turn();
  }
}

Deno.test("answers: all of them, and the end", async () => {
  const call = stream();
  const all = taken(call);
  for (const text of ["a", "b"]) call.push(Buffer.from(text));
  await turn();
  call.push(Buffer.from("c"));
  call.push(null);
  assert.deepEqual(await all, [["a", "b", "c"], null]);
});

Deno.test("answers: an error that overtakes an answer ends them", async () => {
  const call = stream();
  const all = taken(call);
  const status = new Error("14 UNAVAILABLE");
  call.push(Buffer.from("a"));
  await turn();
  // What the library does with a status that is no success, and with an answer on its way then.
  call.push(null);
  call.emit("error", status);
  call.push(Buffer.from("b"));
  assert.deepEqual(await all, [["a"], status]);
});
