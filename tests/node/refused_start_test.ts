/**
 * A whole node on a directory that cannot be used.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { startNode } from "../../src/node/node.ts";
import { alter, contents } from "../storage/data_directories.ts";
import { inDirectory } from "../storage/temporary.ts";

Deno.test("node: leaves a directory whose state it refuses as it was", async () => {
  await inDirectory(async (data) => {
    const options = { data, listen: "127.0.0.1:0", peerListen: "127.0.0.1:0" };
    const node = await startNode(options);
    await node.ready;
    await node.stop();
    await alter(join(data, "chat-1.db"), "PRAGMA user_version = 99");
    const before = contents(data);
    await assert.rejects(startNode(options), { reason: "DATA_DIRECTORY" });
    assert.deepEqual(contents(data), before);
  });
});
