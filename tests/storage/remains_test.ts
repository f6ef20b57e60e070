/**
 * What is found in a damaged log, whatever lies beside it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRemains } from "../../src/storage/remains.ts";
import { inDirectory } from "./temporary.ts";

Deno.test("remains: what only looks like addresses hides none behind it", async () => {
  await inDirectory(async (directory) => {
    const seal = "0123456789abcdef";
    const list = (text: string) => `["${text}"]${seal}`;
    const bytes = [
      list("127.0.0.1:1"),
      list("torn\npage"),
      list("\0\x01\x02"),
      list("127.0.0.1:2"),
    ];
    writeFileSync(join(directory, "log.db"), bytes.join("\0"));
    assert.deepEqual((await readRemains(directory)).addresses, ["127.0.0.1:1", "127.0.0.1:2"]);
  });
});
