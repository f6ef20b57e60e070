/**
 * No statement of the state machine reads a whole table, however it is used: each is run here,
 * by applying every command and asking every query, and its plan is read.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodeCommand } from "../../src/chat/codec.ts";
import * as queries from "../../src/chat/queries.ts";
import { salvagedFrom, settledAmong } from "../../src/chat/salvage.ts";
import {
  acknowledge,
  create,
  loggedIn,
  login,
  logout,
  placed,
  remove,
  salvaged,
  send,
  testTimeMs,
} from "../support/chat_log.ts";
import { MemoryChat, type RunStatement } from "../support/memory_chat.ts";

/**
 * Steps that look like a scan and are bounded: lists that came as arguments, rows of `VALUES`, a
 * sub-query with a limit, and the deletions still at work, which are few.
 */
const bounded = [
  /^SCAN (e|json_each) VIRTUAL TABLE/,
  /^SCAN CONSTANT ROW$/,
  /^SCAN \d+ CONSTANT ROWS$/,
  /^SCAN \(?p\)?$/,
  /^SCAN (deletions|d)$/,
];

/** Scans that are not bounded, and sorting, which reads everything before the first row. */
async function badSteps(chat: MemoryChat, statement: RunStatement): Promise<readonly string[]> {
  const steps = await chat.plan(statement);
  return steps.filter((step) =>
    step.includes("TEMP B-TREE") ||
    step.includes("SCAN") && !bounded.some((form) => form.test(step))
  );
}

async function assertIndexed(chat: MemoryChat): Promise<void> {
  assert.ok(chat.statements.length > 0);
  const problems: string[] = [];
  for (const statement of chat.statements.splice(0)) {
    const steps = await badSteps(chat, statement);
    problems.push(...steps.map((step) => `${step}: ${statement.sql}`));
  }
  assert.deepEqual(problems, []);
}

Deno.test("plans: applying any command reads by index alone", async () => {
  const chat = await MemoryChat.open();
  // Once with lists as arguments, once with lists long enough to travel as JSON.
  for (const count of [1, 50]) {
    const names = Array.from({ length: count }, (_, n) => `u${count}-${n}`);
    const messageIds = names.map((name) => `m of ${name}`);
    const by = names[0] ?? "";
    await chat.apply(placed([
      ...loggedIn(...names),
      ...names.map((name) => send(`m of ${name}`, { by: name, to: by })),
      acknowledge(`k${count}`, { by, ids: messageIds }),
      logout(`o${count}`, { by: names.at(-1) ?? "", all: true }),
      create(`x${count}`, "taken"),
      ...names.map((name) => salvaged(send(`s of ${name}`, { by: name, to: by }), null)),
      ...names.map((name) => salvaged(send(`t of ${name}`, { by: name, to: "gone" }), null)),
      salvaged(login(by, `${by}-2`), null),
      salvaged(logout(`p${count}`, { by, all: true }), null),
      ...count === 50 ? [salvaged(remove("d", { by }), null), remove("e", { by })] : [],
    ], count * 1_000));
  }
  await assertIndexed(chat);
  await chat.close();
});

Deno.test("plans: handing over and taking in read by index alone", async () => {
  const chat = await MemoryChat.open();
  const log = placed([
    ...loggedIn("ann", "bob"),
    send("m", { by: "ann", to: "bob" }),
    send("n", { by: "bob", to: "ann" }),
  ]);
  await chat.apply(log);
  chat.statements.length = 0;
  for (const count of [1, log.length]) {
    const entries = log.slice(-count).map(({ command, place }) => {
      return { index: place.index, data: encodeCommand(command) };
    });
    await settledAmong(chat, await salvagedFrom(chat, entries));
  }
  await assertIndexed(chat);
  await chat.close();
});

Deno.test("plans: every query reads by index alone", async () => {
  const chat = await MemoryChat.open();
  await chat.apply(placed([...loggedIn("ann", "bob"), send("m", { by: "ann", to: "bob" })]));
  await chat.apply(placed([salvaged(send("s", { by: "cid", to: "dan" }), null)], 9));
  chat.statements.length = 0;
  const others = await queries.accountsNamed(chat, "bob");
  const pair = { accountId: "ann", others };
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    accountById: () => queries.accountById(chat, "ann"),
    accountsNamed: () => queries.accountsNamed(chat, "ann"),
    conversation: async () => {
      await queries.conversation(chat, pair, { limit: 5 });
      await queries.conversation(chat, pair, { limit: 5, after: 1 });
      await queries.conversation(chat, pair, { limit: 5, before: 9 });
    },
    findAccountByName: () => queries.findAccountByName(chat, "ann"),
    findAdminTokenHash: () => queries.findAdminTokenHash(chat),
    findOutcome: () => queries.findOutcome(chat, "m"),
    findSession: () => queries.findSession(chat, "token of ann-1"),
    inbox: () => queries.inbox(chat, "bob", { limit: 5 }),
    listAccounts: () => queries.listAccounts(chat, { limit: 5 }),
    listSalvaged: () => queries.listSalvaged(chat, { limit: 5 }),
    listSessions: async () => {
      await queries.listSessions(chat, "ann", { limit: 5 });
      await queries.listSessions(chat, "ann", { limit: 5, pageToken: "a" });
    },
    messagesTo: () => queries.messagesTo(chat, "bob", { afterIndex: 0, throughIndex: 9, limit: 5 }),
    sessionById: () => queries.sessionById(chat, "ann-1"),
    openSessions: () => queries.openSessions(chat, ["ann-1"]),
    receivedAt: async () => {
      await queries.receivedAt(chat, "bob", [9]);
      await queries.receivedAt(chat, "bob", [8, 9]);
    },
    resolveAckUpTo: () => queries.resolveAckUpTo(chat, "bob", { throughIndex: 9, limit: 5 }),
  };
  assert.deepEqual(Object.keys(asked).sort(), Object.keys(queries).sort());
  for (const ask of Object.values(asked)) await ask();
  await assertIndexed(chat);
  await chat.close();
});

Deno.test("plans: a conversation stops at its limit, however long it is", async () => {
  const chat = await MemoryChat.open();
  await chat.apply(placed([...loggedIn("ann", "bob"), send("m", { by: "ann", to: "bob" })]));
  chat.statements.length = 0;
  const others = await queries.accountsNamed(chat, "bob");
  await queries.conversation(chat, { accountId: "ann", others }, { limit: 5 });
  const steps = await chat.plan(chat.statements.at(-1) ?? { sql: "", args: [] });
  assert.ok(steps.some((step) => step.startsWith("MERGE")), steps.join("\n"));
  await chat.close();
});

Deno.test("plans: a full scan and a sort would be found", async () => {
  const chat = await MemoryChat.open();
  const scan = "SELECT id FROM messages WHERE sent_at_ms = ?";
  assert.equal((await badSteps(chat, { sql: scan, args: [testTimeMs] })).length, 1);
  const sort = "SELECT id FROM messages WHERE to_id = ? ORDER BY id";
  assert.equal((await badSteps(chat, { sql: sort, args: ["ann"] })).length, 1);
  await chat.close();
});
