/**
 * Shows, by the real program, that a data directory which this user may not read is not taken for
 * one on which no node ever ran, and that one which may only be read is verified all the same.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { PROGRAM } from "../cluster/program.ts";
import { founding } from "../storage/data_directories.ts";
import { inDirectory, onCrashCopy, untilFreed } from "../storage/temporary.ts";

/** Takes from root that it may read everything; others need nothing. */
const AS_OTHERS = Deno.uid() === 0
  ? ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]
  : ["env"];

const ignore = spawnSync(AS_OTHERS[0] ?? "", ["--version"]).status !== 0;

async function run(...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const [command = "", ...first] = AS_OTHERS;
  const { code, stderr } = await new Deno.Command(command, {
    args: [...first, PROGRAM.command, ...PROGRAM.args, "admin", ...args],
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

async function errorOf(...args: readonly string[]): Promise<string> {
  const { code, stderr } = await run(...args);
  assert.equal(code, 1, args.join(" "));
  return stderr;
}

Deno.test({
  name: "admin: what may not be read is said to be just that, and who may read it",
  ignore,
  fn: () =>
    inDirectory(async (directory) => {
      const closed = join(directory, "closed");
      const data = join(closed, "data");
      await Deno.mkdir(closed);
      const opened = await openDataDirectory(data, { create: true, nodeId: "a" });
      await opened.bootstrap(founding);
      await (await opened.openState()).close();
      await opened.close();
      const log = join(data, "log.db");

      const denied = (path: string) =>
        `jmessage: Cannot read ${path}: this user (uid ${Deno.uid()}) must not; run this as the ` +
        "user that its node runs as, or as root, or give another --data\n";
      const all = [["verify", "--data"], ["recover", "--force", "--yes", "--data"], [
        ...["backup", join(directory, "backup"), "--from"],
      ]];
      // A directory above it, it itself, and the log in it.
      for (const [path, named] of [[closed, data], [data, data], [log, log]] as const) {
        const { mode } = await Deno.stat(path);
        await Deno.chmod(path, 0);
        try {
          for (const args of path === closed ? all : all.slice(0, 1)) {
            assert.equal(await errorOf(...args, data), denied(named));
          }
        } finally {
          await Deno.chmod(path, mode ?? 0o700);
        }
      }
      const nowhere = join(closed, "nowhere");
      assert.match(await errorOf("verify", "--data", nowhere), /no node ever ran on it/);
    }),
});

Deno.test({
  name: "admin verify: what may be read is enough, and what it is not enough for is no damage",
  ignore,
  fn: () =>
    inDirectory(async (data) => {
      const directory = await openDataDirectory(data, { create: true, nodeId: "a" });
      await directory.bootstrap(founding);
      await (await directory.openState()).close();
      const needsCopy = /^jmessage: Cannot use the data directory .+ log\.db-wal has what .+\n$/;
      // The files in the directory alone may be written, or nothing.
      for (const mode of [0o600, 0o400]) {
        await onCrashCopy(data, async (killed) => {
          await makeReadOnly(killed, mode);
          assert.match(await errorOf("verify", "--data", killed), needsCopy);
          await Deno.chmod(killed, 0o700);
        });
      }
      await directory.close();
      await untilFreed(data);
      for (const mode of [0o600, 0o400]) {
        await makeReadOnly(data, mode);
        assert.deepEqual(await run("verify", "--data", data), { code: 0, stderr: "" });
        await Deno.chmod(data, 0o700);
      }
    }),
});

async function makeReadOnly(directory: string, mode: number): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    await Deno.chmod(join(directory, name), mode);
  }
  await Deno.chmod(directory, 0o500);
}
