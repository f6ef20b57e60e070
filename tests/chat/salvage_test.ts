/**
 * What a losing side hands over (DESIGN §9): each command of its log with the answer that its
 * state remembers; and what a leader is told of what it was handed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeCommand, encodeCommand } from "../../src/chat/codec.ts";
import type { Command, Outcome, SalvagedCommand } from "../../src/chat/command.ts";
import { refusals } from "../../src/chat/refusals.ts";
import { salvagedFrom, settledAmong } from "../../src/chat/salvage.ts";
import { ChatError } from "../../src/errors.ts";
import {
  acknowledge,
  create,
  loggedIn,
  login,
  logout,
  placed,
  salvaged,
  send,
  testTimeMs,
} from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";
import { told } from "../support/salvage_cases.ts";

const toBob = { by: "ann", to: "bob" } as const;
const later = testTimeMs + 50;
const { sent, opened, revoked, acked } = told;
const refusal: Outcome = { ok: false, reason: "NAME_TAKEN", message: "taken" };

interface Case {
  readonly what: string;
  /** Decided, after ann (entries 1 and 2) and bob (3 and 4) were created and logged in. */
  readonly decided: readonly Command[];
  /** Handed over; what was decided, if not given. */
  readonly entries?: readonly Command[];
  readonly expected: readonly SalvagedCommand[];
}

const cases: readonly Case[] = [
  {
    what: "a decided command has its answer and the time at which it was accepted",
    decided: [send("l", { ...toBob, timeMs: later }), send("m", toBob)],
    expected: [
      salvaged(send("l", { ...toBob, timeMs: later }), sent("l", 5, later)),
      salvaged(send("m", toBob), sent("m", 6, later), { timeMs: later }),
    ],
  },
  {
    what: "a refused one has its refusal",
    decided: [send("m", { by: "ann", to: null })],
    expected: [salvaged(send("m", { by: "ann", to: null }), refusals.noSuchUser)],
  },
  {
    what: "one that is not decided has none",
    decided: [],
    entries: [send("m", toBob), login("ann", "ann-2"), create("cid")],
    expected: [
      salvaged(send("m", toBob), null),
      salvaged(login("ann", "ann-2"), null),
      salvaged(create("cid"), null),
    ],
  },
  {
    what: "other fields under a known id are refused, decided or not",
    decided: [send("m", toBob)],
    entries: [send("m", { ...toBob, fingerprint: "other" })],
    expected: [salvaged(send("m", { ...toBob, fingerprint: "other" }), refusals.requestIdReused)],
  },
  {
    what: "each attempt of a login has its session, with the time at which it was opened",
    decided: [
      send("l", { ...toBob, timeMs: later }),
      login("ann", "ann-2", { requestId: "login ann-1" }),
    ],
    entries: [
      login("ann"),
      login("ann", "ann-2", { requestId: "login ann-1" }),
      login("ann", "ann-3", { requestId: "login ann-1" }),
    ],
    expected: [
      salvaged(login("ann"), opened("ann-1")),
      salvaged(login("ann", "ann-2", { requestId: "login ann-1" }), opened("ann-2"), {
        timeMs: later,
      }),
      salvaged(login("ann", "ann-3", { requestId: "login ann-1" }), null),
    ],
  },
  {
    what: "a refused login has its refusal",
    decided: [login("ann", "ann-2", { passwordHash: "older" })],
    expected: [
      salvaged(login("ann", "ann-2", { passwordHash: "older" }), refusals.passwordChanged),
    ],
  },
  {
    what: "a session and a message that have ended",
    decided: [
      login("ann", "ann-2"),
      send("m", toBob),
      send("n", toBob),
      logout("o", { by: "ann", session: "ann-2" }),
      acknowledge("k", { by: "bob", ids: ["m"] }),
    ],
    expected: [
      salvaged(login("ann", "ann-2"), opened("ann-2"), { ended: true }),
      salvaged(send("m", toBob), sent("m", 6), { ended: true }),
      salvaged(send("n", toBob), sent("n", 7)),
      salvaged(logout("o", { by: "ann", session: "ann-2" }), revoked()),
      salvaged(acknowledge("k", { by: "bob", ids: ["m"] }), acked(1)),
    ],
  },
  {
    what: "what this side had salvaged keeps its first answer",
    decided: [
      salvaged(send("m", toBob), sent("m", 99, testTimeMs - 9), { timeMs: testTimeMs - 9 }),
      salvaged(create("cid"), refusal),
      send("n", { ...toBob, session: "none" }),
      salvaged(send("n", toBob), sent("n", 98)),
    ],
    expected: [
      salvaged(send("m", toBob), sent("m", 99, testTimeMs - 9), { timeMs: testTimeMs - 9 }),
      salvaged(create("cid"), refusal),
      salvaged(send("n", { ...toBob, session: "none" }), refusals.sessionUnknown),
      salvaged(send("n", toBob), sent("n", 98)),
    ],
  },
  {
    what: "what this side had salvaged without an answer has this side's success, no refusal",
    decided: [
      send("l", { ...toBob, timeMs: later }),
      salvaged(send("m", toBob), null),
      salvaged(send("n", { by: "ann", to: "cid" }), null),
    ],
    expected: [
      salvaged(send("l", { ...toBob, timeMs: later }), sent("l", 5, later)),
      salvaged(send("m", toBob), sent("m", 6)),
      salvaged(send("n", { by: "ann", to: "cid" }), null),
    ],
  },
  {
    what: "what this side had salvaged and ended since has ended",
    decided: [
      salvaged(login("ann", "ann-2"), opened("ann-2")),
      logout("o", { by: "ann", all: true }),
    ],
    expected: [
      salvaged(login("ann", "ann-2"), opened("ann-2"), { ended: true }),
      salvaged(logout("o", { by: "ann", all: true }), revoked(2)),
    ],
  },
];

for (const { what, decided, entries = decided, expected } of cases) {
  Deno.test(`salvage: ${what}`, async () => {
    const chat = await MemoryChat.open();
    await chat.apply(placed([...loggedIn("ann", "bob"), ...decided]));
    const orphans = entries.map((command) => ({ index: 9, data: encodeCommand(command) }));
    const salvagedBytes = await salvagedFrom(chat, orphans);
    assert.deepEqual(salvagedBytes.map((data) => decodeCommand(data, 0)), expected);
    await chat.close();
  });
}

Deno.test("salvage: nothing is handed over of nothing", async () => {
  const chat = await MemoryChat.open();
  assert.deepEqual(await salvagedFrom(chat, []), []);
  assert.deepEqual(await settledAmong(chat, []), []);
  await chat.close();
});

Deno.test("salvage: a leader takes nothing in that would stop its nodes", async () => {
  const chat = await MemoryChat.open();
  const good = encodeCommand(salvaged(create("ann"), null));
  for (const bad of [encodeCommand(create("ann")), new Uint8Array([1]), good.slice(1)]) {
    await assert.rejects(settledAmong(chat, [good, bad]), (error) => {
      assert.ok(error instanceof ChatError);
      assert.equal(error.reason, "INVALID_ARGUMENT");
      assert.match(error.message, /^Cannot take in .* item 1 must be a salvaged command/);
      return true;
    });
  }
  assert.deepEqual(await settledAmong(chat, [good]), [false]);
  await chat.close();
});

Deno.test("salvage: what was settled by an earlier command of a list is settled", async () => {
  const chat = await MemoryChat.open();
  const list = [create("ann"), create("ann"), login("ann"), login("ann")];
  const data = list.map((command) => encodeCommand(salvaged(command, null)));
  assert.deepEqual(await settledAmong(chat, data), [false, true, false, true]);
  // Nothing was written.
  assert.deepEqual((await chat.dump())["requests"], []);
  await chat.close();
});
