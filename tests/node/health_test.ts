/**
 * The pages and the health service of whole nodes: what they say from the start to the end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { NodeOptions } from "../../src/node/config.ts";
import type { RoleChange } from "../../src/node/driver_api.ts";
import { NodeHealth } from "../../src/node/health.ts";
import { Listeners } from "../../src/node/listeners.ts";
import { startNode } from "../../src/node/node.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type { Role } from "../../src/raft/types.ts";
import { inDirectory } from "../storage/temporary.ts";

const ports = { listen: "127.0.0.1:0", peerListen: "127.0.0.1:0", http: "127.0.0.1:0" };

async function page(address: string | null, path: string): Promise<readonly [number, string]> {
  const response = await fetch(`http://${address}${path}`);
  return [response.status, await response.text()];
}

Deno.test("health pages: a node is alive before it is ready, and ready once it serves", async () => {
  await inDirectory(async (directory) => {
    const options: NodeOptions = { data: join(directory, "a"), ...ports };
    const node = await startNode(options);
    try {
      await node.ready;
      assert.deepEqual(await page(node.http, "/livez"), [200, "ok\n"]);
      assert.deepEqual(await page(node.http, "/readyz"), [200, "ok\n"]);
    } finally {
      await node.stop();
    }
    await assert.rejects(fetch(`http://${node.http}/livez`), "the port is free again");
    const lone = { ...options, data: join(directory, "b"), join: ["127.0.0.1:1"] };
    const joiner = await startNode(lone);
    joiner.ready.catch(() => {});
    try {
      assert.deepEqual(await page(joiner.http, "/livez"), [200, "ok\n"]);
      const [status, body] = await page(joiner.http, "/readyz");
      assert.equal(status, 503);
      assert.match(body, /^not ready: the node does not vote yet/);
    } finally {
      await joiner.stop();
    }
  });
});

Deno.test("health: a node that is told to stop is ready no more, and says so at once", () => {
  const roles = new Listeners<[RoleChange]>();
  const health = new NodeHealth({ onRole: (listener) => roles.add(listener) });
  const told: string[] = [];
  health.onChange(() => void told.push(`${health.ready()} ${health.leader()}`));
  const change = (role: Role, ready: boolean) =>
    roles.tell({ role, ready, term: ZERO_TERM, leader: "a" });
  change("follower", true);
  change("leader", false);
  change("leader", true);
  assert.equal(health.problem(), null);
  health.stop();
  health.stop();
  assert.equal(health.problem(), "the node is stopping");
  change("leader", true);
  assert.deepEqual(told, ["true false", "false false", "true true", "false false", "false false"]);
});
