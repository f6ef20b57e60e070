/**
 * Ten thousand inputs that no client would send, to every decoder, as every file that is read, to
 * both ports of a running node, and to two nodes by a user who is logged in; `deno task fuzz` sends
 * a million.
 *
 * @module
 */

import { fuzzDecoders } from "./decoders.ts";
import { fuzzFiles, fuzzRestore, readOversized } from "./kept_files.ts";
import { fuzzNode, fuzzUsersOfTwo } from "./watched_node.ts";

Deno.test("fuzz: every decoder reads what it is given, or says what is wrong with it", () => {
  fuzzDecoders({ cases: 7_600, seed: 1 });
});

Deno.test("fuzz: every file is read, or refused in a line that says what is wrong with it", async () => {
  await fuzzFiles({ cases: 500, seed: 1 });
});

Deno.test("fuzz: a backup whose rows are not ours is refused, whatever its checksums say", async () => {
  await fuzzRestore({ cases: 20, seed: 1 });
});

Deno.test("fuzz: a file that has grown beyond all bounds is not held in memory", async () => {
  await readOversized();
});

Deno.test("fuzz: a node lives, answers, and keeps its state, whatever comes to its ports", async () => {
  await fuzzNode({ cases: 1_600, seed: 1 });
});

Deno.test("fuzz: whatever a user asks for is answered, and nodes keep what they answered", async () => {
  await fuzzUsersOfTwo({ cases: 300, seed: 1 });
});
