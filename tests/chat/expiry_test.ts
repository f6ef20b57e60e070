/**
 * When a session ends that nobody uses: by the time in the log alone, the same on every node.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Command, Outcome } from "../../src/chat/command.ts";
import {
  acknowledge,
  create,
  login,
  logout,
  placed,
  remove,
  renew,
  salvaged,
  send,
  testTimeMs,
} from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";

const IDLE = 1_000;
const at = (ms: number) => ({ timeMs: testTimeMs + ms });
const ann = [create("ann"), login("ann", "ann-1", { idleMs: IDLE })];

/** Outcomes of the commands after ann has logged in, in one batch and one by one. */
async function outcomesOf(...commands: readonly Command[]): Promise<readonly Outcome[]> {
  const log = placed([...ann, ...commands]);
  const all: Outcome[][] = [];
  const dumps: unknown[] = [];
  for (const batches of [[log], log.map((one) => [one])]) {
    const chat = await MemoryChat.open();
    const outcomes: Outcome[] = [];
    for (const batch of batches) outcomes.push(...(await chat.apply(batch)).outcomes.values());
    all.push(outcomes.slice(ann.length));
    dumps.push(await chat.dump());
    await chat.close();
  }
  assert.deepEqual(all[0], all[1]);
  assert.deepEqual(dumps[0], dumps[1]);
  return all[0] ?? [];
}

const told = (outcome: Outcome | undefined) =>
  outcome?.ok === false ? `${outcome.reason}: ${outcome.message}` : "ok";

Deno.test("expiry: a session is good until its time, and for nothing from then on", async () => {
  const [last] = await outcomesOf(send("m", { by: "ann", to: "ann", ...at(IDLE - 1) }));
  assert.equal(told(last), "ok");
  const late = [
    send("m", { by: "ann", to: "ann", ...at(IDLE) }),
    acknowledge("k", { by: "ann", ids: [], ...at(IDLE) }),
    logout("o", { by: "ann", ...at(IDLE) }),
    remove("d", { by: "ann", ...at(IDLE) }),
    renew("n", { by: "ann", idleMs: IDLE, ...at(IDLE) }),
  ];
  for (const outcome of await outcomesOf(...late)) {
    assert.match(told(outcome), /^UNAUTHENTICATED: .* it was not used for too long; log in again$/);
  }
});

Deno.test("expiry: a use moves the end, never back", async () => {
  const [, renewed, shorter, later] = await outcomesOf(
    create("bob"),
    renew("n", { by: "ann", idleMs: IDLE, ...at(600) }),
    renew("o", { by: "ann", idleMs: 1, ...at(700) }),
    send("m", { by: "ann", to: "bob", ...at(IDLE + 599) }),
  );
  assert.deepEqual(renewed, {
    ok: true,
    kind: "renewSession",
    sessionId: "ann-1",
    usedAtMs: testTimeMs + 600,
    expiresAtMs: testTimeMs + 600 + IDLE,
  });
  assert.equal(
    shorter?.ok && shorter.kind === "renewSession" && shorter.expiresAtMs,
    renewed?.ok && renewed.kind === "renewSession" && renewed.expiresAtMs,
  );
  assert.equal(told(later), "ok");
});

Deno.test("expiry: whose clock is behind does not bring a session back", async () => {
  const [, late] = await outcomesOf(
    create("bob", "bob", at(IDLE)),
    send("m", { by: "ann", to: "bob", ...at(0) }),
  );
  assert.match(told(late), /not used for too long/);
});

Deno.test("expiry: a session of an older log does not end until it is used again", async () => {
  const chat = await MemoryChat.open();
  await chat.apply(placed([create("ann"), login("ann")]));
  const years = at(10 * 365 * 86_400_000);
  const { outcomes } = await chat.apply(placed([
    send("m", { by: "ann", to: "ann", ...years }),
    renew("n", { by: "ann", idleMs: IDLE, ...years }),
    send("o", { by: "ann", to: "ann", timeMs: years.timeMs + IDLE }),
  ], 3));
  assert.deepEqual([...outcomes.values()].map((one) => one.ok), [true, true, false]);
  await chat.close();
});

Deno.test("expiry: what the other side of a partition noted counts, but for a session that has ended", async () => {
  const used: Outcome = {
    ok: true,
    kind: "renewSession",
    sessionId: "ann-1",
    usedAtMs: testTimeMs + 900,
    expiresAtMs: testTimeMs + 900 + IDLE,
  };
  const there = salvaged(renew("n", { by: "ann", idleMs: IDLE, ...at(900) }), used);
  const [, late] = await outcomesOf(there, send("m", { by: "ann", to: "ann", ...at(1_800) }));
  assert.equal(told(late), "ok");
  const [, , after] = await outcomesOf(
    logout("o", { by: "ann" }),
    there,
    send("m", { by: "ann", to: "ann" }),
  );
  assert.match(told(after), /it was logged out/);
});
