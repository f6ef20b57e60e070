/**
 * Ten thousand inputs that no client would send, to every decoder, to both ports of a running node,
 * and to two nodes by a user who is logged in; `deno task fuzz` sends a million.
 *
 * @module
 */

import { fuzzDecoders } from "./decoders.ts";
import { fuzzNode, fuzzUsersOfTwo } from "./watched_node.ts";

Deno.test("fuzz: every decoder reads what it is given, or says what is wrong with it", () => {
  fuzzDecoders({ cases: 8_000, seed: 1 });
});

Deno.test("fuzz: a node lives, answers, and keeps its state, whatever comes to its ports", async () => {
  await fuzzNode({ cases: 1_600, seed: 1 });
});

Deno.test("fuzz: whatever a user asks for is answered, and nodes keep what they answered", async () => {
  await fuzzUsersOfTwo({ cases: 300, seed: 1 });
});
