/**
 * What storage costs: a persist with its fsync, and a new state in memory. One transaction blocks
 * the event loop for as long as it takes, so these numbers bound the others.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataDirectory } from "../src/storage/data_directory.ts";
import { openMemoryState } from "../src/storage/state_store.ts";
import { send } from "../tests/support/chat_log.ts";
import { commandEntries } from "../tests/support/state_log.ts";

const path = mkdtempSync(join(tmpdir(), "jmessage-bench-"));
globalThis.addEventListener("unload", () => rmSync(path, { recursive: true }));
const directory = await openDataDirectory(path, { create: true });
const message = send("m", { by: "ann", to: "bob", body: "x".repeat(200) });
let last = { index: 0, checksum: "" };

for (const count of [1, 10, 100]) {
  Deno.bench(`storage: ${count} entries are on disk`, async (bench) => {
    const entries = commandEntries(new Array(count).fill(message), last);
    last = entries.at(-1)!;
    bench.start();
    await directory.log.persist([{ number: 1, commitIndex: last.index - 1, entries }]);
    bench.end();
  });
}

Deno.bench("storage: a state in memory is opened", async () => {
  await (await openMemoryState()).close();
});
