/**
 * A process that opens a data directory and keeps it until it is killed.
 *
 * @module
 */

import { openDataDirectory } from "../../src/storage/data_directory.ts";

await openDataDirectory(Deno.args[0]!, { create: true });
console.log("open");
setInterval(() => {}, 1_000_000);
