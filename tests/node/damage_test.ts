/**
 * Damage that is met while a node serves: the caller is sent elsewhere, and the node ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChatError } from "../../src/errors.ts";
import { startNode } from "../../src/node/node.ts";
import { connect } from "../../src/rpc/client.ts";
import { until } from "../cluster/wait.ts";
import { alter } from "../storage/data_directories.ts";
import { inDirectory } from "../storage/temporary.ts";

/** Cheap: nothing here is secret. */
const passwordCost = { N: 2 ** 10, r: 8, p: 1 };

Deno.test("node: a damaged row that is met while it serves is not told, and ends the node", async () => {
  await inDirectory(async (data) => {
    const ports = { listen: "127.0.0.1:0", peerListen: "127.0.0.1:0" };
    const node = await startNode({ data, ...ports, passwordCost });
    await node.ready;
    const connection = connect(node.listen);
    const context = () => ({ deadlineMs: Date.now() + 5_000, signal: AbortSignal.timeout(5_000) });
    try {
      const account = (name: string) => {
        return { requestId: randomUUID(), name, password: "long enough" };
      };
      const create = (name: string) => connection.createAccount(account(name), context());
      await create("ann");
      const path = join(data, "chat-1.db");
      await alter(path, "SELECT 1");
      const bytes = readFileSync(path);
      bytes[bytes.indexOf("scrypt")]! ^= 1;
      writeFileSync(path, bytes);
      // What is new makes the readers look at the file again.
      await create("bob");
      await assert.rejects(connection.login(account("ann"), context()), {
        reason: "SHUTTING_DOWN",
      });
      let ended: unknown = null;
      node.stopped.catch((error) => ended = error);
      await until(() => ended !== null, { what: "the node ends", ms: 5_000 });
      assert.ok(ended instanceof ChatError && ended.reason === "CORRUPT", String(ended));
      assert.match(ended.message, /chat-1\.db: a row in it/);
    } finally {
      connection.close();
      await node.stop();
    }
  });
});
