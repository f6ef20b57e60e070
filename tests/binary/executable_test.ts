/**
 * What only the executable can do wrong: it needs nothing beside it, leaves nothing, loads its own
 * library wherever temporary files lie, takes no orders from what it finds, and starts at once.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { version } from "../../src/cli/version.ts";
import { EXECUTABLE_BYTES_MAX, indexOf, platformOf } from "../../tools/executable_format.ts";
import { hostTarget } from "../../tools/targets.ts";
import { makeReadOnly, mountNoexec } from "../storage/mounts.ts";
import { inDirectory } from "../storage/temporary.ts";
import { Alone, executable } from "./executable.ts";

/** Longest that the quickest of some starts may take, ms. */
const START_MS_MAX = 150;

/** A command that opens databases, and so loads the library. */
async function verify(alone: Alone): Promise<void> {
  const { code, stdout, stderr } = await alone.run("admin", "verify", "--data", alone.data);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^whole /m);
  assert.equal(stderr, "");
}

Deno.test("executable: is for this machine, and not too large to be copied around", async () => {
  const bytes = await Deno.readFile(executable());
  assert.equal(platformOf(bytes), hostTarget()?.name);
  assert.ok(bytes.length <= EXECUTABLE_BYTES_MAX, `${bytes.length} bytes`);
});

Deno.test("executable: does not know where it was built, and looks at nothing there", async () => {
  const bytes = await Deno.readFile(executable());
  assert.equal(indexOf(bytes, new TextEncoder().encode("jmessage-compile-")), -1);
});

Deno.test("executable: says at once what it is made of", async () => {
  await inDirectory(async (directory) => {
    const alone = await Alone.in(directory);
    const times: number[] = [];
    for (let left = 10; left > 0; left--) {
      const started = performance.now();
      const { code, stdout } = await alone.run("--version");
      times.push(performance.now() - started);
      assert.equal(code, 0);
      const [first, commit, runtime, libraries] = stdout.split("\n");
      assert.equal(first, `jmessage ${version}`);
      assert.match(commit ?? "", /^commit {3}([0-9a-f]{12}(-dirty)?|unknown)$/);
      assert.match(runtime ?? "", /^runtime {2}Bun \d+\.\d+\.\d+, /);
      assert.match(libraries ?? "", /^with {5}libsql \d+\.\d+\.\d+, /);
    }
    const quickest = Math.min(...times);
    assert.ok(quickest < START_MS_MAX, `the quickest start took ${quickest} ms`);
  });
});

Deno.test("executable: needs nothing beside it, and leaves nothing", async () => {
  await inDirectory(async (directory) => {
    const alone = await Alone.in(directory);
    await verify(alone);
    assert.deepEqual(alone.left(), []);
  });
});

Deno.test("executable: loads its library where no temporary file can be made, or be run", async () => {
  await inDirectory(async (directory) => {
    const alone = await Alone.in(directory);
    for (const mount of [mountNoexec, makeReadOnly]) {
      const unmount = await mount(alone.temporary);
      try {
        await verify(alone);
      } finally {
        await unmount?.();
      }
    }
    await Deno.remove(alone.temporary);
    await verify(alone);
  });
});

Deno.test("executable: what lies in the working directory has no say", async () => {
  await inDirectory(async (directory) => {
    const alone = await Alone.in(directory);
    const sign = join(directory, "sign");
    const files = {
      ".env": "JMESSAGE_DATA=/nowhere\n",
      "bunfig.toml": 'preload = ["./preload.js"]\n',
      "preload.js": `require("node:fs").writeFileSync(${JSON.stringify(sign)}, "");\n`,
      "package.json": '{ "type": "nonsense", "imports": { "libsql": "./preload.js" } }\n',
      "tsconfig.json": "{ nonsense\n",
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(alone.working, name), text);
    }
    await verify(alone);
    const { code, stderr } = await alone.run("admin", "verify");
    assert.deepEqual([code, /required option '--data <dir>'/.test(stderr)], [2, true], stderr);
    await assert.rejects(Deno.stat(sign), { code: "ENOENT" });
  });
});

Deno.test("executable: simulates in several processes of itself", async () => {
  await inDirectory(async (directory) => {
    const alone = await Alone.in(directory);
    const flags = ["--runs", "6", "--jobs", "2", "--seed", "1", "--json"];
    const { code, stdout, stderr } = await alone.run("simulate", ...flags);
    assert.equal(code, 0, stderr);
    const { runs, violations } = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
    assert.deepEqual([runs, violations], [6, 0]);
    assert.deepEqual(alone.left(), []);
  });
});
