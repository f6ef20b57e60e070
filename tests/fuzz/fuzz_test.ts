/**
 * Ten thousand inputs that no client would send, to every decoder and to both ports of a running
 * node; `deno task fuzz` sends a million.
 *
 * @module
 */

import { fuzzDecoders } from "./decoders.ts";
import { fuzzNode } from "./watched_node.ts";

Deno.test("fuzz: every decoder reads what it is given, or says what is wrong with it", () => {
  fuzzDecoders({ cases: 8_000, seed: 1 });
});

Deno.test("fuzz: a node lives, answers, and keeps its state, whatever comes to its ports", async () => {
  await fuzzNode({ cases: 2_000, seed: 1 });
});
