/**
 * A process that restores a backup and kills itself on the way, for `restore_test.ts`:
 * `restore_until_killed.ts BACKUP DATA STEP`, where the step is `checked N`, `restored N` (after
 * so many chunks), `log.db` (once that file is there) or `never`.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { restoreBackup } from "../../src/storage/restore.ts";

const [backup = "", data = "", killAt = ""] = Deno.args;
const seen = new Map<string, number>();

const { clusterId } = await restoreBackup({
  backup,
  data,
  wallMs: 1_800_000_000_000,
  onRows: (_rows, step) => {
    const count = (seen.get(step) ?? 0) + 1;
    seen.set(step, count);
    if (killAt === `${step} ${count}`) Deno.kill(Deno.pid, "SIGKILL");
  },
});
if (killAt === "log.db" && existsSync(join(data, killAt))) Deno.kill(Deno.pid, "SIGKILL");
console.log(clusterId);
