/**
 * A process that persists and applies as fast as it can, and says after each persist up to which
 * index everything is on disk, until it is killed.
 *
 * @module
 */

import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { loggedIn, send } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";

const directory = await openDataDirectory(Deno.args[0]!, { create: true });
await directory.join("cluster-1");
const state = await directory.openState();
const encoder = new TextEncoder();
let last = { index: 0, checksum: "" };
let commands = loggedIn("ann", "bob");
for (let number = 1;; number++) {
  const entries = commandEntries(commands, last);
  last = entries.at(-1)!;
  await directory.log.persist([{ number, commitIndex: last.index, entries }]);
  Deno.stdout.writeSync(encoder.encode(`${last.index}\n`));
  await state.apply(entries);
  if (number % 7 === 0) await state.checkpoint();
  commands = [1, 2, 3].map((part) => send(`m${number}.${part}`, { by: "ann", to: "bob" }));
}
