/**
 * A real process, really killed: everything it said to be on disk is there, and its state lies on
 * its log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { inDirectory } from "./temporary.ts";

/** After how many bytes of what it says the process is killed: early, and well under way. */
const killAfterBytes = [1, 400, 1_500];

Deno.test("kill -9: nothing that was said to be on disk is lost", async () => {
  for (const bytes of killAfterBytes) {
    await inDirectory(async (path) => {
      const said = await writeUntilKilled(path, bytes);
      const directory = await openDataDirectory(path, { create: false });
      const stored = await directory.log.load(1);
      assert.ok(directory.log.lastIndex >= said, `${directory.log.lastIndex}, said ${said}`);
      assert.ok(stored.commitIndex >= said);
      const state = await directory.openState();
      const applied = state.applied().index;
      assert.ok(applied <= directory.log.lastIndex);
      const rest = await directory.log.read(applied + 1, directory.log.lastIndex, 1 << 30);
      await state.apply(rest);
      const [row] = await state.reader.query("SELECT count(*) AS count FROM requests");
      assert.equal(row?.count, directory.log.lastIndex);
      await state.close();
      await directory.close();
    });
  }
});

/** Gives the last index that the process said before it was killed. */
async function writeUntilKilled(path: string, bytes: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("write_until_killed.ts", import.meta.url).pathname, path],
    stdout: "piped",
  }).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.length >= bytes) {
      child.kill("SIGKILL");
      break;
    }
  }
  await child.status;
  const whole = text.slice(0, text.lastIndexOf("\n")).split("\n");
  return Number(whole.at(-1));
}
