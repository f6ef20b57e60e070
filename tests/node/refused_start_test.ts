/**
 * A whole node on a directory that cannot be used, or under an id that its cluster refuses.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NodeOptions } from "../../src/node/config.ts";
import { type RunningNode, startNode } from "../../src/node/node.ts";
import { alter, contents } from "../storage/data_directories.ts";
import { inDirectory, rejectsWith } from "../storage/temporary.ts";

const ports = { listen: "127.0.0.1:0", peerListen: "127.0.0.1:0" };

Deno.test("node: leaves a directory whose state it refuses as it was", async () => {
  await inDirectory(async (data) => {
    const options = { data, ...ports };
    await founded(options);
    await alter(join(data, "chat-1.db"), "CREATE TABLE later (x)");
    await alter(join(data, "chat-1.db"), "PRAGMA user_version = 99");
    const before = contents(data);
    await assert.rejects(startNode(options), { reason: "DATA_DIRECTORY" });
    assert.deepEqual(contents(data), before);
  });
});

Deno.test("node: one address in two spellings is refused before there is a directory", async () => {
  await inDirectory(async (parent) => {
    const options = {
      data: join(parent, "data"),
      listen: "127.0.0.1:7",
      peerListen: "127.0.0.1:07",
    };
    const wrong = /peer-listen must be another address than --listen/;
    await rejectsWith(startNode(options), "INVALID_ARGUMENT", wrong);
    assert.ok(!existsSync(options.data));
  });
});

Deno.test("node: with data of one cluster, it is not started to join another", async () => {
  await inDirectory(async (parent) => {
    const options = { data: join(parent, "own"), ...ports };
    await founded(options);
    const other = await startNode({ data: join(parent, "other"), ...ports });
    await other.ready;
    const before = contents(options.data);
    try {
      await rejectsWith(
        startNode({ ...options, join: ["127.0.0.1:1", other.peerListen] }),
        "WRONG_CLUSTER",
        /data directory own in cluster .+: it belongs to cluster .+; give another --data, or/,
      );
      assert.deepEqual(contents(options.data), before);
    } finally {
      await other.stop();
    }
  });
});

Deno.test("node: a first start that is refused for its id leaves none in its directory", async () => {
  await inDirectory(async (parent) => {
    const first = await startNode({ id: "a", data: join(parent, "first"), ...ports });
    await first.ready;
    const data = join(parent, "data");
    const joining = { data, ...ports, join: [first.peerListen] };
    try {
      await refusedForId(await startNode({ ...joining, id: "a" }));
      assert.deepEqual([...contents(data).keys()], []);
      const other = await startNode({ ...joining, id: "b" });
      await other.ready;
      await other.stop();
    } finally {
      await first.stop();
    }
  });
});

Deno.test("node: what was there before a start that is refused stays there", async () => {
  await inDirectory(async (parent) => {
    const first = await startNode({ id: "a", data: join(parent, "first"), ...ports });
    await first.ready;
    const data = join(parent, "data");
    try {
      // Nobody is there to ask: it has an id, and no more.
      await (await startNode({ data, ...ports, id: "a", join: ["127.0.0.1:1"] })).stop();
      assert.ok(contents(data).has("log.db"));
      await refusedForId(await startNode({ data, ...ports, join: [first.peerListen] }));
      assert.ok(contents(data).has("log.db"));
      assert.ok(contents(data).has("chat-1.db"));
    } finally {
      await first.stop();
    }
  });
});

async function refusedForId(node: RunningNode): Promise<void> {
  await rejectsWith(node.stopped, "INVALID_ARGUMENT", /^Cannot join as node a .*leave --id out/);
}

/** Leaves the directory of a node that has founded a cluster and stopped. */
async function founded(options: NodeOptions): Promise<void> {
  const node = await startNode(options);
  await node.ready;
  await node.stop();
}
