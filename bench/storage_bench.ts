/**
 * What the log costs: a link of the checksum chain, and one write with its fsync, for one entry
 * and for a group of them.
 *
 * @module
 */

import { join } from "node:path";
import { EMPTY_BASE } from "../src/raft/log.ts";
import type { LogPosition } from "../src/raft/types.ts";
import { chain } from "../src/storage/checksum.ts";
import { LibsqlLogStore } from "../src/storage/log_store.ts";
import { buildEntries, commandBody, termOf } from "../tests/contract/log_entries.ts";

const body = commandBody("x".repeat(200));
const term = termOf(1);
let checksum = "";
let index = 0;

Deno.bench("storage: a link of the checksum chain", () => {
  checksum = chain(checksum, ++index, term, body);
});

const directory = await Deno.makeTempDir({ prefix: "jmessage-bench-" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
const log = await LibsqlLogStore.open(join(directory, "log.db"), () => "a");
let number = 0;
let last: Pick<LogPosition, "index" | "checksum"> = EMPTY_BASE;

for (const count of [1, 16, 256]) {
  Deno.bench(`storage: ${count} entries are on disk`, async (bench) => {
    const entries = buildEntries(last, term, Array.from({ length: count }, () => body));
    bench.start();
    await log.persist([{ number: ++number, entries }]);
    bench.end();
    last = entries.at(-1) ?? last;
  });
}
