/**
 * The list of planted bugs fits the sources of today.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MUTANTS } from "./list.ts";
import { edited, PARTS, tryEdit } from "./mutant.ts";

Deno.test("mutants: there are enough of them in each part, each by a name of its own", () => {
  assert.ok(MUTANTS.length >= 24);
  for (const part of PARTS) {
    assert.ok(MUTANTS.filter((mutant) => mutant.part === part).length >= 3, part);
  }
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

Deno.test("mutants: the text that each replaces is there exactly once", async () => {
  for (const { edit } of MUTANTS) if (edit !== null) await tryEdit(edit);
});
