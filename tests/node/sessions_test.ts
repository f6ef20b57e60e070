/**
 * Sessions over the real state machine in memory.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HandClock } from "../support/hand_clock.ts";
import { loggedIn, login, logout, placed } from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";
import type { Command } from "../../src/chat/command.ts";
import { limits } from "../../src/limits.ts";
import { Sessions, tokenHash } from "../../src/node/sessions.ts";

/** Ann with two sessions, Bob with one; tokens are `one`, `two`, `three`. */
async function bench() {
  const chat = await MemoryChat.open();
  const clock = new HandClock();
  const revoked: string[] = [];
  const onRevoked = ({ sessionId }: { sessionId: string }) => void revoked.push(sessionId);
  const sessions = new Sessions({ reader: chat, clock, onRevoked });
  let index = 1;
  const apply = async (...commands: Command[]) => {
    const { outcomes } = await chat.apply(placed(commands, index));
    index += commands.length;
    sessions.applied(outcomes);
  };
  const [createAnn, loginAnn, createBob, loginBob] = loggedIn("ann", "bob");
  await apply(
    createAnn!,
    { ...loginAnn!, tokenHash: tokenHash("one") } as Command,
    login("ann", "ann-2", { tokenHash: tokenHash("two") }),
    createBob!,
    { ...loginBob!, tokenHash: tokenHash("three") } as Command,
  );
  return { chat, clock, sessions, revoked, apply };
}

Deno.test("sessions: a token finds its session; another, none or an empty one finds none", async () => {
  const { sessions, chat } = await bench();
  assert.deepEqual(await sessions.find("two"), {
    sessionId: "ann-2",
    accountId: "ann",
    name: "ann",
    revoked: false,
    usedAtMs: null,
    expiresAtMs: null,
  });
  for (const token of ["four", "", undefined]) assert.equal(await sessions.find(token), null);
  await chat.close();
});

Deno.test("sessions: one that was checked needs no query until something may have revoked it", async () => {
  const { sessions, chat, apply } = await bench();
  await sessions.find("one");
  chat.statements.splice(0);
  await sessions.find("one");
  await apply(login("ann", "ann-3"));
  await sessions.find("one");
  assert.equal(chat.statements.filter(({ sql }) => sql.includes("token_hash =")).length, 0);
  await apply(logout("out", { by: "bob" }));
  chat.statements.splice(0);
  assert.equal((await sessions.find("one"))?.revoked, false);
  assert.equal(chat.statements.length, 1);
  await chat.close();
});

Deno.test("sessions: a revoked one is known as such at once, and told to whoever watches it", async () => {
  const { sessions, chat, clock, revoked, apply } = await bench();
  for (const token of ["one", "two", "three"]) await sessions.find(token);
  const told: string[] = [];
  sessions.watch("ann-1", () => told.push("ann-1"));
  sessions.watch("ann-2", () => told.push("ann-2"));
  const unwatch = sessions.watch("ann-1", () => told.push("never"));
  unwatch();
  await apply(logout("out", { by: "ann" }));
  assert.equal((await sessions.find("one"))?.revoked, true);
  await clock.advance(limits.sessionCheckMs);
  assert.deepEqual(told, ["ann-1"]);
  await apply(logout("all", { by: "ann", session: "ann-2", all: true }));
  await clock.advance(limits.sessionCheckMs);
  assert.deepEqual(told, ["ann-1", "ann-2"]);
  assert.deepEqual(revoked, ["ann-1", "ann-2"]);
  assert.equal(clock.timers, 0);
  await chat.close();
});

Deno.test("sessions: after a snapshot all of them are checked again", async () => {
  const { sessions, chat, clock } = await bench();
  await sessions.find("one");
  const told: string[] = [];
  sessions.watch("ann-1", () => told.push("ann-1"));
  await chat.apply(placed([logout("out", { by: "ann" })], 100));
  sessions.applied(null);
  await clock.advance(limits.sessionCheckMs);
  assert.deepEqual(told, ["ann-1"]);
  await chat.close();
});
