/**
 * Shows with a registry of its own that a package is taken by its hash: from the registry, from
 * npm's cache once the registry is gone, and never if the hash is another.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { inDirectory } from "../tests/storage/temporary.ts";
import { output, unpack } from "./packages.ts";

/** An archive with one file, and what stands for it in the pinned list. */
async function makePackage(directory: string) {
  await Deno.mkdir(join(directory, "package"));
  const [name, version] = ["@some/tool", "1.2.3"];
  const manifest = { name, version, os: ["another"], scripts: { install: "touch ran" } };
  await Deno.writeTextFile(join(directory, "package", "package.json"), JSON.stringify(manifest));
  await Deno.writeTextFile(join(directory, "package", "tool"), "a tool");
  await output("tar", ["-czf", "tool.tgz", "package"], directory);
  const archive = await Deno.readFile(join(directory, "tool.tgz"));
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  return { archive, pinned: { name, version, integrity } };
}

Deno.test("packages: are taken by hash, without a registry once they are cached", async () => {
  await inDirectory(async (directory) => {
    const { archive, pinned } = await makePackage(directory);
    const asked: string[] = [];
    const registry = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
      asked.push(new URL(url).pathname);
      return new Response(archive.slice());
    });
    const npm = (port: number, cache: string) => ({
      npm_config_registry: `http://127.0.0.1:${port}/`,
      npm_config_cache: join(directory, cache),
      npm_config_fetch_retries: "0",
    });
    const { port } = registry.addr;
    const other = { ...pinned, integrity: `sha512-${btoa("x".repeat(64))}` };
    try {
      await assert.rejects(
        unpack(other, join(directory, "refused"), npm(port, "other")),
        /EINTEGRITY/,
      );
      asked.length = 0;
      const path = await unpack(pinned, join(directory, "one"), npm(port, "cache"));
      assert.equal(await Deno.readTextFile(join(path, "tool")), "a tool");
      assert.deepEqual([...Deno.readDirSync(path)].length, 2, "no script was run");
      assert.deepEqual(asked, ["/@some/tool/-/tool-1.2.3.tgz"]);
    } finally {
      await registry.shutdown();
    }
    // At an address where nobody ever was.
    const path = await unpack(pinned, join(directory, "two"), npm(9, "cache"));
    assert.equal(await Deno.readTextFile(join(path, "tool")), "a tool");
    await assert.rejects(
      unpack(pinned, join(directory, "three"), npm(9, "empty")),
      /npm ci .*failed/,
    );
  });
});
