/**
 * A process that writes a backup and kills itself on the way, for `backup_test.ts`:
 * `backup_until_killed.ts FILE STEP`, where the step is `part N` (once so many are written),
 * `checked N` (once so many chunks were read again) or `never`.
 *
 * @module
 */

import { BackupWriter } from "../../src/storage/backup_writer.ts";
import { backupParts } from "../support/backup.ts";
import { conversation } from "../support/state_log.ts";

const [path = "", killAt = ""] = Deno.args;

function reached(step: string): void {
  if (step === killAt) Deno.kill(Deno.pid, "SIGKILL");
}

const parts = await backupParts(conversation(2_000));
const writer = await BackupWriter.prepare(path, { overwrite: false });
await writer.begin();
for (const [number, part] of parts.entries()) {
  await writer.write(part);
  reached(`part ${number + 1}`);
}
let checked = 0;
await writer.finish(() => reached(`checked ${++checked}`));
