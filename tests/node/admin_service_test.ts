/**
 * What operators see and ask, over a driver without a core.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FakeDriver } from "../support/fake_driver.ts";
import { context } from "../support/service_bench.ts";
import { ChatError } from "../../src/errors.ts";
import { createAdminService } from "../../src/node/admin_service.ts";
import { Gate } from "../../src/node/gate.ts";
import { createLogger } from "../../src/node/logger.ts";
import { placed, salvaged, send } from "../support/chat_log.ts";

/** The second member, which follows the first. */
async function bench(nodeId = "node-2") {
  const driver = await FakeDriver.open(2);
  driver.follow("node-1");
  const gate = new Gate();
  const lines: string[] = [];
  gate.open();
  const admin = createAdminService({
    identity: () => ({
      nodeId,
      clusterId: "cluster-1",
      incarnation: 77,
      previousIncarnation: 76,
    }),
    self: () => ({ clientAddress: "here:1", peerAddress: "here:2" }),
    driver,
    state: {
      digest: (atLeastIndex = 0, signal) => {
        const appliedIndex = driver.appliedPosition().index;
        if (appliedIndex >= atLeastIndex) return Promise.resolve({ appliedIndex, digest: "d" });
        return new Promise((_, reject) =>
          signal?.addEventListener("abort", () => reject(signal.reason))
        );
      },
      reader: driver.chat,
    },
    backups: { async *serve() {} },
    gate,
    access: { check: () => Promise.resolve() },
    clock: { wall: () => 1_700_000_000_000 },
    security: { expiresAtMs: null },
    logger: createLogger({
      level: "info",
      format: "text",
      write: (line) => void lines.push(line),
    }),
  });
  return { driver, admin, lines };
}

Deno.test("admin service: a status is precise about the node itself, hearsay about the others", async () => {
  const { driver, admin } = await bench();
  const { members, ...cluster } = await admin.status({}, context());
  assert.deepEqual(cluster, {
    clusterId: "cluster-1",
    quorum: "all",
    lastResort: true,
    livesByLastResort: false,
    missing: [],
    term: "0.2@node-1",
    leader: "node-1",
    tolerates: 1,
    self: "node-2",
  });
  const [other, self] = members;
  assert.deepEqual([other?.id, other?.role, other?.commitIndex], ["node-1", "leader", 0]);
  assert.deepEqual(self, {
    id: "node-2",
    role: "follower",
    voter: true,
    clientAddress: "here:1",
    peerAddress: "here:2",
    term: "0.2@node-1",
    lastIndex: 0,
    commitIndex: 0,
    appliedIndex: 0,
    reachable: true,
    incarnation: 77,
  });
  await driver.close();
});

Deno.test("admin service: a node that is no member shows itself all the same", async () => {
  const { driver, admin } = await bench("node-9");
  const { members } = await admin.status({}, context());
  assert.deepEqual(members.map(({ id, voter }) => [id, voter]), [
    ["node-1", true],
    ["node-2", true],
    ["node-9", false],
  ]);
  await driver.close();
});

Deno.test("admin service: a digest waits for the index that is asked for", async () => {
  const { driver, admin } = await bench();
  assert.deepEqual(await admin.digest({}, context()), {
    id: "node-2",
    appliedIndex: 0,
    digest: "d",
  });
  await assert.rejects(admin.digest({ atLeastIndex: 5 }, context()), { reason: "NOT_UP_TO_DATE" });
  await driver.close();
});

Deno.test("admin service: transfers and removals are asked of the core, and refused as it says", async () => {
  const { driver, admin } = await bench();
  assert.deepEqual(await admin.transferLeadership({ to: "node-2" }, context()), {
    leader: "node-1",
    term: "0.2@node-1",
  });
  await admin.transferLeadership({}, context());
  assert.deepEqual((await admin.removeMember({ id: "node-1" }, context())).members.length, 2);
  assert.deepEqual(driver.asked, ["transfer node-2", "transfer null", "remove node-1"]);
  driver.refuses = new ChatError("NOT_LEADER", "no", { leader: "127.0.0.1:6001" });
  for (
    const call of [
      admin.transferLeadership({}, context()),
      admin.removeMember({ id: "x" }, context()),
    ]
  ) {
    await assert.rejects(call, { reason: "NOT_LEADER", leader: "127.0.0.1:6001" });
  }
  await driver.close();
});

Deno.test("admin service: salvage records come in pages, from this node's state", async () => {
  const { driver, admin } = await bench();
  const lost = ["m", "n", "o"].map((id) => salvaged(send(id, { by: "ann", to: "bob" }), null));
  await driver.chat.apply(placed(lost));
  const first = await admin.listSalvaged({ pageSize: 2 }, context());
  assert.deepEqual(first.records.map(({ seq, requestId }) => [seq, requestId]), [
    [1, "m"],
    [2, "n"],
  ]);
  const rest = await admin.listSalvaged({ pageToken: first.nextPageToken }, context());
  assert.deepEqual(rest.records.map(({ requestId, body }) => [requestId, body]), [
    ["o", "body of o"],
  ]);
  assert.equal(rest.nextPageToken, "");
  await assert.rejects(admin.listSalvaged({ pageSize: -1 }, context()), {
    reason: "INVALID_ARGUMENT",
  });
  await driver.close();
});

Deno.test("admin service: a changed admin token is told in the log, and never shown there", async () => {
  const { driver, admin, lines } = await bench();
  driver.follow(driver.self.id);
  const tokenHash = "ab".repeat(32);
  const requestId = "0199a1b2-0000-7000-8000-000000000001";
  await admin.rotateAdminToken({ requestId, tokenHash }, context());
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? "",
    /info {2}The admin token was changed: the one before it is taken no /,
  );
  assert.ok(!lines[0]?.includes(tokenHash));
});
