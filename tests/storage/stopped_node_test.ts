/**
 * What a stopped node holds: the state with its whole log, from whatever is left of it, while not a
 * byte of its directory changes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { takeFromStopped } from "../../src/cli/backup_of_stopped.ts";
import type { Entry } from "../../src/raft/types.ts";
import type { VerifiedBackup } from "../../src/storage/backup_reader.ts";
import { BackupWriter } from "../../src/storage/backup_writer.ts";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { restoreBackup } from "../../src/storage/restore.ts";
import { openMemoryState } from "../../src/storage/state_store.ts";
import { verifyDirectory } from "../../src/storage/verify.ts";
import { buildEntries, configBody, termOf } from "../contract/log_entries.ts";
import { conversation } from "../support/state_log.ts";
import { contents } from "./data_directories.ts";
import { inDirectory, rejectsWith } from "./temporary.ts";

/** Cluster-1 of a and b, who wrote to each other; then the cluster of b alone. */
const talk = [...conversation(6)];
const first = buildEntries({ index: 0, checksum: "" }, termOf(4), [configBody(["a", "b"])]);

/** A directory of "a" with these entries, of which its state has applied so many. */
async function stopped(
  path: string,
  { entries, applied }: { readonly entries: readonly Entry[]; readonly applied: number },
): Promise<void> {
  const directory = await openDataDirectory(path, { create: true, nodeId: "a" });
  await directory.join("cluster-1");
  await directory.log.persist([{ number: 1, promised: termOf(9), commitIndex: 2, entries }]);
  const state = await directory.openState();
  await state.apply(entries.slice(0, applied));
  await state.close();
  await directory.close();
}

/** Takes a backup of it, for which no byte of it changes. */
async function backupOf(path: string, file: string): Promise<VerifiedBackup & { told: string }> {
  const before = contents(path);
  const writer = await BackupWriter.prepare(file, { overwrite: false });
  const told: string[] = [];
  try {
    const { signal } = new AbortController();
    const remark = (text: string) => void told.push(text);
    await takeFromStopped(path, { writer, remark, signal, onRows: () => {} });
    return { ...await writer.finish(() => {}), told: told.join(" ") };
  } finally {
    await writer.discard();
    assert.deepEqual(contents(path), before);
  }
}

/** The config, then what was said, chained to it. */
function log(...after: Parameters<typeof buildEntries>[2]): Entry[] {
  const bodies = talk.map((entry) => {
    assert.ok(entry.kind === "command");
    return { kind: "command", data: entry.data } as const;
  });
  const rest = buildEntries(first[0]!, termOf(5), [...bodies, ...after]);
  return [...first, ...rest];
}

async function digestAt(entries: readonly Entry[]): Promise<string> {
  const state = await openMemoryState();
  await state.apply(entries);
  const { digest } = await state.digest();
  await state.close();
  return digest;
}

Deno.test("stopped node: its backup has the whole log, also what its state lacks or all of it", async () => {
  const entries = log();
  const digest = await digestAt(entries);
  for (const applied of [0, 3, entries.length]) {
    await inDirectory(async (directory) => {
      const path = join(directory, "a");
      await stopped(path, { entries, applied });
      if (applied === 0) rmSync(join(path, "chat-1.db"));
      const { header, end, told } = await backupOf(path, join(directory, "f"));
      assert.equal(end.digest, digest, `${applied} applied`);
      assert.deepEqual([header.clusterId, header.nodeId], ["cluster-1", "a"]);
      assert.equal(header.base.index, entries.length);
      assert.deepEqual([header.term, end.messages], [termOf(9), 6]);
      assert.match(
        told,
        /node a of cluster cluster-1, which is stopped\. .* ends at index 11; .* 2 is/,
      );
      assert.match(told, /counts from now on\. .* after index 11, are not in it\.$/);
      assert.deepEqual(readdirSync(directory).sort(), ["a", "f"]);
    });
  }
});

Deno.test("stopped node: what a killed one left is read with its write-ahead logs", async () => {
  await inDirectory(async (directory) => {
    const entries = log();
    const path = join(directory, "a");
    const open = await openDataDirectory(path, { create: true, nodeId: "a" });
    await open.join("cluster-1");
    await open.log.persist([{ number: 1, promised: termOf(9), commitIndex: 2, entries }]);
    const state = await open.openState();
    await state.apply(entries.slice(0, 5));
    const killed = join(directory, "killed");
    mkdirSync(killed);
    for (const name of readdirSync(path)) copyFileSync(join(path, name), join(killed, name));
    await state.close();
    await open.close();
    const { end } = await backupOf(killed, join(directory, "f"));
    assert.equal(end.digest, await digestAt(entries));
  });
});

Deno.test("stopped node: one that was removed is the beginning of a new cluster", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a");
    const entries = log(configBody(["b"]));
    await stopped(path, { entries, applied: 4 });
    const backup = join(directory, "f");
    const { end } = await backupOf(path, backup);
    const data = join(directory, "new");
    const restored = await restoreBackup({ backup, data, wallMs: 1 });
    assert.notEqual(restored.clusterId, "cluster-1");
    const { ok, digest, stoppedLast } = await verifyDirectory(data);
    assert.deepEqual({ ok, digest, stoppedLast }, {
      ok: true,
      digest: end.digest,
      stoppedLast: true,
    });
  });
});

Deno.test("stopped node: one that runs, never ran or is damaged gives nothing", async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "f");
    const path = join(directory, "a");
    mkdirSync(path);
    await rejectsWith(backupOf(path, file), "DATA_DIRECTORY", /no node ever ran on it/);
    await stopped(path, { entries: log(), applied: 3 });
    const runs = await openDataDirectory(path, { create: false });
    await rejectsWith(backupOf(path, file), "DATA_DIRECTORY", /another node is running on it/);
    await runs.close();
    writeFileSync(join(path, "chat-1.db"), new Uint8Array(8_192).fill(7));
    await rejectsWith(backupOf(path, file), "CORRUPT", /chat-1\.db/);
    assert.deepEqual(readdirSync(directory), ["a"], "nor leaves it anything");
  });
});
