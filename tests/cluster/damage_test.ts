/**
 * Damaged data of a real node: it is never served. With peers the node sets it aside and joins
 * again by itself, under an id of its own; alone it ends, and leaves everything as it was.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { contents, founding } from "../storage/data_directories.ts";
import { inDirectory } from "../storage/temporary.ts";
import { type ClusterTest, withCluster } from "./cluster.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const PROGRAM = { command: Deno.execPath(), args: ["run", "--allow-all", CLI] };

/** Flips a bit of a text that lies in a file. */
function damage(path: string, text: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(text);
  assert.ok(at >= 0, `${text} is in ${path}`);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

/** Stops a follower in an orderly way, damages a file of it, and starts it again. */
async function damageOne(
  test: ClusterTest,
  file: string,
  text: string,
): Promise<{ readonly id: string; readonly log: readonly string[]; readonly path: string }> {
  const { id, process } = await test.follower();
  process.kill("SIGTERM");
  await process.exited;
  await test.writers.more(50, "without it");
  const path = test.cluster.dataDirectory(id);
  damage(join(path, file), text);
  const again = await test.cluster.start(id);
  return { id: again.ready.id, log: again.process.log, path };
}

Deno.test("cluster of 3: who finds its state and then its log damaged joins again by itself", async () => {
  await withCluster({ nodes: 3, senders: 4, perSecond: 100 }, async (test) => {
    const ids = new Set<string>();
    for (const [file, text] of [["chat-1.db", "scrypt"], ["log.db", "SQLite format 3"]] as const) {
      const { id, log, path } = await damageOne(test, file, text);
      ids.add(id);
      assert.match(id, /^n\d-\d{14}$/);
      assert.match(log.join("\n"), new RegExp(`Damaged data.*${file.replace(".", "\\.")}`));
      assert.match(log.join("\n"), /was set aside in .*damaged-\d{14}/);
      const aside = readdirSync(path).filter((name) => name.startsWith("damaged-"));
      assert.ok(aside.some((name) => readdirSync(join(path, name)).includes("log.db")));
      await test.writers.more(50, "with it back");
    }
    assert.equal(ids.size, 2);
    await test.prove(3);
  });
});

Deno.test("node: alone with damaged data it ends with a line, and nothing is moved", async () => {
  await inDirectory(async (path) => {
    const directory = await openDataDirectory(path, { create: true, nodeId: "a" });
    await directory.bootstrap(founding);
    await (await directory.openState()).close();
    await directory.close();
    damage(join(path, "log.db"), "cluster-1");
    const before = contents(path);
    const flags = ["--data", path, "--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
    const process = new NodeProcess({ program: PROGRAM, flags });
    assert.deepEqual(await process.exited, { code: 1, signal: null });
    assert.match(
      process.lastLine(),
      /log\.db: .*; nothing was moved, as .*: start the node again .* restore .* admin verify/,
    );
    assert.deepEqual(contents(path), before);
  });
});
