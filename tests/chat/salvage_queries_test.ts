/**
 * Salvage records as operators read them: whole, named, in pages.
 *
 * @module
 */

import assert from "node:assert/strict";
import { listSalvaged } from "../../src/chat/queries.ts";
import { limits } from "../../src/limits.ts";
import {
  acknowledge,
  create,
  loggedIn,
  login,
  placed,
  remove,
  salvaged,
  send,
  testTimeMs,
} from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";
import { told } from "../support/salvage_cases.ts";

Deno.test("salvage queries: who, to whom, what, when and why, with the names of those lost", async () => {
  const chat = await MemoryChat.open();
  const over = { timeMs: testTimeMs - 7 };
  await chat.apply(placed([
    ...loggedIn("ann", "bob"),
    remove("d", { by: "bob" }),
    salvaged(create("ann2", "Ann"), told.made("ann2"), over),
    salvaged(send("m", { by: "ann2", to: "bob", body: "a \u0000 b" }), null),
    salvaged(send("n", { by: "ann", to: "nobody" }), told.sent("n", 77)),
    salvaged(acknowledge("k", { by: "ann2", ids: ["x", "y"] }), told.acked(1)),
    salvaged(login("nobody"), told.opened("nobody-1")),
  ]));
  const nothing = { toAccountId: null, to: null, body: null, messageIds: [] };
  const common = { ...nothing, acceptedAtMs: testTimeMs, acknowledged: true };
  const { records, nextPageToken } = await listSalvaged(chat, { limit: 10 });
  assert.equal(nextPageToken, "");
  assert.deepEqual(records, [
    {
      ...common,
      index: 6,
      requestId: "ann2",
      kind: "createAccount",
      accountId: "ann2",
      from: "Ann",
      acceptedAtMs: testTimeMs - 7,
      reason: "another account has the name",
    },
    {
      ...common,
      index: 7,
      requestId: "m",
      kind: "sendMessage",
      accountId: "ann2",
      from: "Ann",
      toAccountId: "bob",
      to: "bob",
      body: "a \u0000 b",
      reason: "its account does not exist here",
      acknowledged: false,
    },
    {
      ...common,
      index: 8,
      requestId: "n",
      kind: "sendMessage",
      accountId: "ann",
      from: "ann",
      toAccountId: "nobody",
      body: "body of n",
      reason: "the receiver does not exist here",
    },
    {
      ...common,
      index: 9,
      requestId: "k",
      kind: "acknowledge",
      accountId: "ann2",
      from: "Ann",
      messageIds: ["x", "y"],
      reason: "its account does not exist here",
    },
    {
      ...{ ...common, index: 10, requestId: "login nobody-1", kind: "login" },
      ...{ accountId: "nobody", from: null, reason: "its account does not exist here" },
    },
  ]);
  assert.doesNotMatch(JSON.stringify(records), /hash of|token of/);
  await chat.close();
});

Deno.test("salvage queries: pages end by rows and by bytes, and miss nothing", async () => {
  const chat = await MemoryChat.open();
  const body = "x".repeat(limits.bodyBytesMax);
  const ids = Array.from({ length: 40 }, (_, n) => `m${n}`);
  const lost = ids.map((id) => salvaged(send(id, { by: "ann", to: "gone", body }), null));
  await chat.apply(placed([...loggedIn("ann"), ...lost]));
  for (const limit of [7, 500]) {
    const got: string[] = [];
    let pageToken = "";
    do {
      const page = await listSalvaged(chat, { limit, pageToken });
      assert.ok(page.records.length <= Math.min(limit, limits.pageBodyBytesMax / body.length));
      got.push(...page.records.map(({ requestId }) => requestId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.deepEqual(got, ids);
  }
  await assert.rejects(listSalvaged(chat, { limit: 7, pageToken: "x" }), {
    reason: "INVALID_ARGUMENT",
  });
  await chat.close();
});
