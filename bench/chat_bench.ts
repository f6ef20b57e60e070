/**
 * What the state machine costs: a command's byte form, and applying batches to a state in
 * memory, where the database is all there is to wait for.
 *
 * @module
 */

import { decodeCommand, encodeCommand } from "../src/chat/codec.ts";
import type { LogPosition } from "../src/raft/types.ts";
import { LibsqlStateStore } from "../src/storage/state_store.ts";
import { loggedIn, send } from "../tests/support/chat_log.ts";
import { commandEntries } from "../tests/support/state_log.ts";

const command = send("m", { by: "ann", to: "bob", body: "hello ".repeat(16) });
const bytes = encodeCommand(command);

Deno.bench("chat: a command to bytes", () => {
  encodeCommand(command);
});

Deno.bench("chat: a command from bytes", () => {
  decodeCommand(bytes, 1);
});

const state = await LibsqlStateStore.openMemory();
const accounts = commandEntries(loggedIn("ann", "bob"));
await state.apply(accounts);
let last: LogPosition = accounts.at(-1) ?? state.applied();
let made = 0;

for (const count of [1, 16, 256]) {
  Deno.bench(`chat: a batch of ${count} messages is applied`, async (bench) => {
    const commands = Array.from({ length: count }, () => {
      return send(`id ${made++}`, { by: "ann", to: "bob", body: "hello" });
    });
    const entries = commandEntries(commands, last);
    bench.start();
    await state.apply(entries);
    bench.end();
    last = entries.at(-1) ?? last;
  });
}
