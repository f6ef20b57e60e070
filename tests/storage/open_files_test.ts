/**
 * Shows that a database which this process has open is seen, also by way of a link to its directory.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { isOpenHere } from "../../src/storage/open_files.ts";
import { founding } from "./data_directories.ts";
import { inDirectory } from "./temporary.ts";

Deno.test("open files: a database that is open is seen, by any name of its directory", async () => {
  await inDirectory(async (root) => {
    const [path, link] = [join(root, "data"), join(root, "link")];
    await Deno.mkdir(path);
    await Deno.symlink(path, link);
    assert.equal(await isOpenHere(path), false);
    const directory = await openDataDirectory(link, { create: true, nodeId: "a" });
    await directory.bootstrap(founding);
    assert.equal(await isOpenHere(path), Deno.build.os === "linux");
    assert.equal(await isOpenHere(link), Deno.build.os === "linux");
    assert.equal(await isOpenHere(root), false);
    await directory.close();
  });
});
