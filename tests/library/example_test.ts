/**
 * Runs the example of the library as its reader would: cut out of `mod.ts`, in a directory of
 * its own, in a process of its own, which must end by itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LIBRARY = new URL("../../mod.ts", import.meta.url);
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** The code between the fences of the module's opening comment. */
function exampleOf(source: string): string {
  const fenced = /^ \* ```ts\n([^]*?)^ \* ```$/m.exec(source)?.[1];
  assert.ok(fenced !== undefined, "mod.ts has an example");
  return fenced.replace(/^ \* ?/gm, "");
}

Deno.test("library: the example in mod.ts runs, says what it should, and ends", async () => {
  const example = exampleOf(await Deno.readTextFile(LIBRARY));
  const directory = await Deno.makeTempDir({ prefix: "jmessage-test-" });
  try {
    const file = join(directory, "example.ts");
    await Deno.writeTextFile(file, example.replaceAll('"./mod.ts"', `"${LIBRARY.href}"`));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--check", "--allow-all", "--config", CONFIG, file],
      cwd: directory,
      signal: AbortSignal.timeout(60_000),
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.equal(new TextDecoder().decode(stdout), "ann: Hello, Bob!\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
