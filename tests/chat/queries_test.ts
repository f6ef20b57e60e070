/**
 * What services read of the state: what each query gives, in which order and pages, and that
 * every statement is served by an index.
 *
 * @module
 */

import assert from "node:assert/strict";
import { accountById, accountsNamed, findAccountByName } from "../../src/chat/queries.ts";
import { findOutcome, findSession, listAccounts } from "../../src/chat/queries.ts";
import { conversation, inbox, messagesTo, resolveAckUpTo } from "../../src/chat/queries.ts";
import type { MessagePage } from "../../src/chat/queries.ts";
import type { Command } from "../../src/chat/command.ts";
import { limits } from "../../src/limits.ts";
import { acknowledge, create, loggedIn, login, logout } from "../support/chat_log.ts";
import { placed, remove, send, testTerm, testTimeMs } from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";

/** A state after these commands; ann is entries 1 and 2, bob 3 and 4, cid 5 and 6. */
async function chatAfter(...commands: readonly Command[]): Promise<MemoryChat> {
  const chat = await MemoryChat.open();
  await chat.apply(placed([...loggedIn("ann", "bob", "cid"), ...commands]));
  chat.statements.length = 0;
  return chat;
}

function ids(page: MessagePage): string {
  return page.messages.map((message) => message.id).join(" ") + (page.more ? " …" : "");
}

const noTimes = { usedAtMs: null, expiresAtMs: null } as const;
const ann = { by: "ann" } as const;
const bob = { by: "bob" } as const;

Deno.test("queries: a session is found by its token's hash, revoked or not", async () => {
  const chat = await chatAfter(logout("o", ann), remove("d", bob));
  const annSession = {
    sessionId: "ann-1",
    accountId: "ann",
    name: "ann",
    revoked: true,
    ...noTimes,
  };
  assert.deepEqual(await findSession(chat, "token of ann-1"), annSession);
  const bobSession = {
    sessionId: "bob-1",
    accountId: "bob",
    name: "bob",
    revoked: true,
    ...noTimes,
  };
  assert.deepEqual(await findSession(chat, "token of bob-1"), bobSession);
  assert.equal((await findSession(chat, "token of cid-1"))?.revoked, false);
  assert.equal(await findSession(chat, "token of nobody"), null);
  await chat.close();
});

Deno.test("queries: a name finds its live account in any case, and its owners in order", async () => {
  const chat = await chatAfter(remove("d", bob), create("bob2", "BOB", { timeMs: testTimeMs + 1 }));
  const live = { accountId: "bob2", name: "BOB", passwordHash: "hash of bob2", deleted: false };
  const gone = { accountId: "bob", name: "bob", passwordHash: "", deleted: true };
  assert.deepEqual(await findAccountByName(chat, "Bob"), live);
  assert.equal(await findAccountByName(chat, "dan"), null);
  assert.deepEqual(await accountsNamed(chat, "bob"), [live, gone]);
  assert.deepEqual(await accountById(chat, "bob"), gone);
  assert.equal(await accountById(chat, "dan"), null);
  await chat.close();
});

Deno.test("queries: accounts come by name, page by page, while others come and go", async () => {
  const chat = await chatAfter(create("x", "Abe"), create("y", "Zoe"));
  const first = await listAccounts(chat, { limit: 2 });
  assert.deepEqual(first.accounts.map(({ name }) => name), ["Abe", "ann"]);
  await chat.apply(placed([remove("d", ann), create("z", "aaa"), remove("e", bob)], 100));
  const second = await listAccounts(chat, { limit: 2, pageToken: first.nextPageToken });
  assert.deepEqual(second.accounts.map(({ name }) => name), ["cid", "Zoe"]);
  assert.equal(second.nextPageToken, "");
  await assert.rejects(listAccounts(chat, { limit: 2, pageToken: "Not a key" }), {
    reason: "INVALID_ARGUMENT",
    field: "page_token",
  });
  await chat.close();
});

Deno.test("queries: every kind of outcome comes back as it was", async () => {
  const log = placed([
    ...loggedIn("ann", "bob"),
    send("m", { ...ann, to: "bob", timeMs: testTimeMs + 7 }),
    send("n", { ...ann, to: null }),
    acknowledge("k", { ...bob, ids: ["m"] }),
    logout("o", ann),
    remove("d", bob),
  ]);
  const chat = await MemoryChat.open();
  const { outcomes } = await chat.apply(log);
  for (const { place, command } of log) {
    const { requestId, fingerprint } = command;
    const outcome = outcomes.get(place.index);
    assert.deepEqual(await findOutcome(chat, requestId), { fingerprint, outcome });
  }
  assert.equal(await findOutcome(chat, "none"), null);
  await chat.close();
});

Deno.test("queries: the inbox holds what is not acknowledged, oldest first, in pages", async () => {
  const chat = await chatAfter(
    send("a", { ...ann, to: "bob", body: "null\u0000 and ü" }),
    send("b", { ...ann, to: "bob" }),
    send("c", { by: "cid", to: "bob" }),
    send("d", { ...bob, to: "ann" }),
    send("e", { ...bob, to: "bob" }),
    acknowledge("k", { ...bob, ids: ["b"] }),
  );
  const first = await inbox(chat, "bob", { limit: 2 });
  assert.equal(ids(first), "a c …");
  assert.deepEqual(first.messages[0], {
    id: "a",
    index: 7,
    term: testTerm,
    from: "ann",
    to: "bob",
    body: "null\u0000 and ü",
    sentAtMs: testTimeMs,
    acknowledged: false,
  });
  await chat.apply(placed([acknowledge("l", { ...bob, ids: ["a", "c"] })], 100));
  const second = await inbox(chat, "bob", { limit: 2, pageToken: first.nextPageToken });
  assert.deepEqual([ids(second), second.nextPageToken], ["e", ""]);
  await assert.rejects(inbox(chat, "bob", { limit: 2, pageToken: "-1" }), { field: "page_token" });
  await chat.close();
});

Deno.test("queries: a page ends before its bodies are too many bytes, but is never empty", async () => {
  const body = "x".repeat(limits.bodyBytesMax);
  const count = limits.pageBodyBytesMax / limits.bodyBytesMax + 1;
  const messages = Array.from(
    { length: count },
    (_, n) => send(`m${n}`, { ...ann, to: "bob", body }),
  );
  const chat = await chatAfter(...messages);
  const first = await inbox(chat, "bob", { limit: 100 });
  assert.deepEqual([first.messages.length, first.more], [count - 1, true]);
  const second = await inbox(chat, "bob", { limit: 100, pageToken: first.nextPageToken });
  assert.deepEqual([second.messages.length, second.more], [1, false]);
  await chat.close();
});

Deno.test("queries: a subscription reads what came to its account, from here to there", async () => {
  const chat = await chatAfter(
    send("a", { ...ann, to: "bob" }), // 7
    send("b", { ...ann, to: "cid" }),
    acknowledge("k", { ...bob, ids: ["a"] }),
    send("c", { ...ann, to: "bob" }), // 10
    send("d", { ...bob, to: "bob" }), // 11
  );
  const read = (afterIndex: number, throughIndex: number, limit = 9) =>
    messagesTo(chat, "bob", { afterIndex, throughIndex, limit });
  assert.equal(ids(await read(0, 11)), "a c d");
  assert.equal((await read(0, 11)).messages[0]?.acknowledged, true);
  assert.equal(ids(await read(7, 10)), "c");
  assert.equal(ids(await read(0, 11, 2)), "a c …");
  assert.equal(ids(await read(11, 11)), "");
  await chat.close();
});

Deno.test("queries: a conversation has both directions and nobody else, from either end", async () => {
  const chat = await chatAfter(
    send("a", { ...ann, to: "bob" }), // 7
    send("b", { ...bob, to: "ann" }),
    send("x", { ...ann, to: "cid" }),
    send("y", { ...ann, to: "ann" }),
    send("c", { ...ann, to: "bob" }), // 11
    send("d", { ...ann, to: "bob" }), // 12
  );
  const others = await accountsNamed(chat, "bob");
  const read = async (range: { before?: number; after?: number; limit: number }) =>
    ids(await conversation(chat, { accountId: "ann", others }, range));
  assert.equal(await read({ limit: 9 }), "a b c d");
  assert.equal(await read({ limit: 2 }), "c d …");
  assert.equal(await read({ limit: 2, before: 11 }), "a b");
  assert.equal(await read({ limit: 1, before: 11 }), "b …");
  assert.equal(await read({ limit: 2, after: 7 }), "b c …");
  assert.equal(await read({ limit: 3, after: 7 }), "b c d");
  assert.equal(await read({ limit: 3, after: 12 }), "");
  const self = await accountsNamed(chat, "ann");
  assert.equal(
    ids(await conversation(chat, { accountId: "ann", others: self }, { limit: 9 })),
    "y",
  );
  const nobody = await conversation(chat, { accountId: "ann", others: [] }, { limit: 9 });
  assert.deepEqual(nobody, { messages: [], more: false });
  await chat.close();
});

Deno.test("queries: what a deleted account sent stays readable, what it received does not", async () => {
  const many = Array.from({ length: 40 }, (_, n) => send(`t${n}`, { ...ann, to: "bob" }));
  const chat = await chatAfter(
    send("a", { ...bob, to: "ann" }),
    ...many,
    remove("d", bob),
    create("bob2", "bob", { timeMs: testTimeMs + 1 }),
    login("bob2"),
    send("b", { by: "bob2", to: "ann" }),
    send("c", { ...ann, to: "bob2" }),
  );
  assert.equal(ids(await inbox(chat, "ann", { limit: 9 })), "a b");
  const others = await accountsNamed(chat, "bob");
  const page = await conversation(chat, { accountId: "ann", others }, { limit: 9 });
  assert.equal(ids(page), "a b c");
  assert.deepEqual(page.messages.map(({ from, to }) => [from, to]), [
    ["bob", "ann"],
    ["bob", "ann"],
    ["ann", "bob"],
  ]);
  // Who took the name sees nothing of what was said before.
  const annOthers = await accountsNamed(chat, "ann");
  const theirs = await conversation(chat, { accountId: "bob2", others: annOthers }, { limit: 9 });
  assert.equal(ids(theirs), "b c");
  await chat.close();
});

Deno.test("queries: a conversation skips what is still to be moved of a deleted account", async () => {
  const many = Array.from({ length: 40 }, (_, n) => send(`t${n}`, { ...ann, to: "bob" }));
  const chat = await chatAfter(...many, remove("d", bob));
  const rows = await chat.dump();
  assert.equal(rows["messages"]?.length, 40 - limits.deletedMessagesPerCommand);
  const others = await accountsNamed(chat, "bob");
  const page = await conversation(chat, { accountId: "ann", others }, { limit: 9 });
  assert.deepEqual(page, { messages: [], more: false });
  await chat.close();
});

Deno.test("queries: up to a position means the ids not yet acknowledged, in parts", async () => {
  const chat = await chatAfter(
    send("a", { ...ann, to: "bob" }), // 7
    send("b", { ...ann, to: "bob" }),
    send("c", { ...bob, to: "ann" }),
    send("d", { ...ann, to: "bob" }), // 10
    acknowledge("k", { ...bob, ids: ["a"] }),
  );
  const resolve = (throughIndex: number, limit: number) =>
    resolveAckUpTo(chat, "bob", { throughIndex, limit });
  assert.deepEqual(await resolve(99, 9), { messageIds: ["b", "d"], more: false });
  assert.deepEqual(await resolve(9, 9), { messageIds: ["b"], more: false });
  assert.deepEqual(await resolve(99, 1), { messageIds: ["b"], more: true });
  await chat.close();
});
