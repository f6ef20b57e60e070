/**
 * Batches change nothing: a log comes to the same outcomes and the same rows however it is cut,
 * on any machine. That is what lets each node apply at its own pace.
 *
 * @module
 */

import fc from "fast-check";
import assert from "node:assert/strict";
import { emptyBatch } from "../../src/chat/batch.ts";
import { evaluate, type PlacedCommand } from "../../src/chat/evaluate.ts";
import { limits } from "../../src/limits.ts";
import { anyCommand } from "../support/chat_arbitrary.ts";
import {
  acknowledge,
  create,
  loggedIn,
  placed,
  remove,
  salvaged,
  send,
} from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";

/** Enough messages to bob that moving them takes more than one command. */
const before = placed([
  ...loggedIn("ann", "bob"),
  ...Array.from({ length: 80 }, (_, n) => send(`old${n}`, { by: "ann", to: "bob" })),
]);

/** Sizes of batches, repeated for as long as the log goes on. */
const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });

/** Everything that can be told of a machine after a log was applied in batches of these sizes. */
async function run(log: readonly PlacedCommand[], batchSizes: readonly number[]) {
  const chat = await MemoryChat.open();
  await chat.apply(before);
  const outcomes: unknown[] = [];
  const messages: unknown[] = [];
  for (let from = 0, turn = 0; from < log.length; turn++) {
    const size = batchSizes[turn % batchSizes.length] ?? 1;
    const applied = await chat.apply(log.slice(from, from + size));
    outcomes.push(...applied.outcomes);
    messages.push(...applied.messages);
    from += size;
  }
  const rows = await chat.dump();
  await chat.close();
  return { outcomes, messages, rows };
}

/** The same rules over everything in memory, with nothing to fetch and nothing to write. */
function model(log: readonly PlacedCommand[]): readonly unknown[] {
  const { rows } = emptyBatch();
  const decide = (one: PlacedCommand) => evaluate({ rows, changes: emptyBatch().changes }, one);
  for (const one of before) decide(one);
  return log.map((one) => [one.place.index, decide(one)]);
}

Deno.test("batches: a log cut anyhow comes to the same outcomes and rows", async () => {
  const property = fc.asyncProperty(
    fc.array(anyCommand, { minLength: 1, maxLength: 40 }),
    sizes,
    async (commands, batchSizes) => {
      const log = placed(commands, before.length + 1);
      const expected = await run(log, [1]);
      assert.deepEqual(expected.outcomes, model(log));
      assert.deepEqual(await run(log, batchSizes), expected);
    },
  );
  await fc.assert(property, { seed: 2625, numRuns: 100 });
});

Deno.test("batches: what a deleted account received moves some with each command", async () => {
  const log = placed([
    remove("d", { by: "bob" }),
    create("cid"),
    remove("e", { by: "ann" }),
    create("dan"),
  ], before.length + 1);
  const chat = await MemoryChat.open();
  await chat.apply(before);
  const moved: number[] = [];
  for (const one of log) {
    await chat.apply([one]);
    const rows = await chat.dump();
    assert.equal((rows["messages"]?.length ?? 0) + (rows["deleted_messages"]?.length ?? 0), 80);
    moved.push(rows["deleted_messages"]?.length ?? 0);
  }
  const step = limits.deletedMessagesPerCommand;
  assert.deepEqual(moved, [step, 2 * step, 80, 80]);
  assert.deepEqual((await chat.dump())["deletions"], []);
  await chat.close();
});

Deno.test("batches: a salvaged deletion is counted as any", async () => {
  const deleted = { ok: true, kind: "deleteAccount" } as const;
  const log = placed([
    create("cid"),
    salvaged(remove("d", { by: "bob" }), deleted),
    create("dan"),
  ], before.length + 1);
  assert.deepEqual(await run(log, [3]), await run(log, [1]));
});

Deno.test("batches: none is applied twice, and an empty one changes nothing", async () => {
  const chat = await MemoryChat.open();
  await chat.apply(before);
  const rows = await chat.dump();
  const empty = await chat.apply([]);
  assert.deepEqual([empty.outcomes.size, empty.messages], [0, []]);
  // The same requests at later places: every one is answered, nothing is written.
  const again = await chat.apply(
    before.map(({ place, command }) => ({
      place: { ...place, index: place.index + before.length },
      command,
    })).filter(({ command }) => command.kind !== "login"),
  );
  assert.equal(again.outcomes.size, before.length - 2);
  assert.deepEqual(again.messages, []);
  assert.deepEqual(await chat.dump(), rows);
  await chat.close();
});

Deno.test("batches: one may be longer than a statement can hold", async () => {
  const many = Array.from({ length: 5_000 }, (_, n) => `n${n}`);
  const chat = await MemoryChat.open();
  await chat.apply(before);
  const log = placed([
    ...many.map((id) => send(id, { by: "ann", to: "bob" })),
    acknowledge("k", { by: "bob", ids: many }),
  ], before.length + 1);
  const { outcomes, messages } = await chat.apply(log);
  assert.equal(messages.length, many.length);
  const last = outcomes.get(before.length + log.length);
  assert.deepEqual(last, { ok: true, kind: "acknowledge", acknowledged: many.length });
  const [row] = await chat.query("SELECT sum(acknowledged) AS done FROM messages");
  assert.equal(row?.["done"], many.length);
  await chat.close();
});
