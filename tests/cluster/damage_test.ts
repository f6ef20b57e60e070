/**
 * Damaged data of a real node: it is never served. With peers the node sets it aside and joins
 * again by itself, under an id of its own; alone it ends, and leaves everything as it was.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { compareDigests } from "../../src/cli/digest_comparison.ts";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { connect } from "../../src/rpc/client.ts";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { alter, contents, founding } from "../storage/data_directories.ts";
import { inDirectory } from "../storage/temporary.ts";
import { type ClusterTest, withCluster } from "./cluster.ts";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";

/** Longest that everything asked of a cluster may take, ms. */
const CALLS_MS_MAX = 20_000;

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

Deno.test("cluster of 2: who meets damage while it leads stops at once, and joins again by itself", async () => {
  await inDirectory(async (directory) => {
    const cluster = new NodeCluster({ program: PROGRAM, directory: join(directory, "cluster") });
    try {
      const [first, second] = [await cluster.start("n1"), await cluster.start("n2")];
      const one = connect(first.ready.listen);
      const context = {
        deadlineMs: Date.now() + CALLS_MS_MAX,
        signal: AbortSignal.timeout(CALLS_MS_MAX),
      };
      const account = (name: string) => {
        return { requestId: randomUUID(), name, password: "long enough" };
      };
      await one.createAccount(account("ann"), context);
      const path = join(cluster.dataDirectory("n1"), "chat-1.db");
      await alter(path, "SELECT 1");
      damage(path, "scrypt");
      // What is new makes the readers look at the file again.
      await one.createAccount(account("bob"), context);
      await assert.rejects(one.login(account("ann"), context), { reason: "SHUTTING_DOWN" });
      one.close();
      const admin = new AdminCluster([second.ready.listen], {
        connect,
        ...context,
        token: cluster.adminToken,
      });
      await until(async () => {
        const { members } = await admin.status();
        return members.length === 2 && members.every(({ id, voter }) => voter && id !== "n1");
      }, { what: "the new node votes", ms: CALLS_MS_MAX });
      const digests = (await compareDigests(admin))?.digests;
      assert.equal(new Set(digests?.map(({ digest }) => digest)).size, 1);
      admin.close();
      assert.match(first.process.log.join("\n"), /Damaged data, which is not served: .*chat-1\.db/);
    } finally {
      await cluster.close();
    }
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
