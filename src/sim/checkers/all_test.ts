/**
 * The list of checkers against the list of properties in the design.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CHECKERS } from "./all.ts";

const text = (path: string) => Deno.readTextFile(new URL(path, import.meta.url));

/** Names in backquotes that look like a property, each once. */
function namesIn(part: string, pattern: RegExp): string[] {
  return [...new Set([...part.matchAll(pattern)].map(([, name]) => name!))].sort();
}

const checkers = CHECKERS.map(({ name }) => name).sort();

Deno.test("checkers: each property of DESIGN §11 has one, and each one a property", async () => {
  const design = await text("../../raft/DESIGN.md");
  const [, section = ""] = design.split(/^## 11\..*$/m);
  const properties = namesIn(section.split(/^## /m)[0]!, /`([A-Z][A-Za-z]+)`/g);
  assert.deepEqual(checkers, properties);
});

Deno.test("checkers: the table beside them names them all, and files that are there", async () => {
  const table = (await text("all.ts")).split("*/")[0]!;
  assert.deepEqual(namesIn(table, /^ \* \| `([A-Za-z]+)`/gm), checkers);
  for (const file of namesIn(table, /`(\w+\.ts)`/g)) {
    await text(file === "run.ts" ? "../run.ts" : file);
  }
});
