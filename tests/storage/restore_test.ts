/**
 * A backup made into a new cluster: what is as it was, what is new, and what a run that was killed
 * leaves to the next one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { restoreBackup } from "../../src/storage/restore.ts";
import { noteAside } from "../../src/storage/set_aside.ts";
import { policy, seenTerm, writeBackup } from "../support/backup.ts";
import { termOf } from "../contract/log_entries.ts";
import { inDirectory, rejectsWith } from "./temporary.ts";

const wallMs = 1_800_000_000_000;
const messages = 300;
/** Ann, Bob, their logins and the messages. */
const index = 4 + messages;

/** Runs the test with a backup, and the path of a directory that is not there. */
function withBackup(
  test: (backup: string, data: string) => Promise<void>,
  count = messages,
): Promise<void> {
  return inDirectory(async (directory) => {
    const backup = join(directory, "a.backup");
    await writeBackup(backup, count);
    await test(backup, join(directory, "data"));
  });
}

function filesOf(data: string): readonly string[] {
  return readdirSync(data).filter((name) => !/-(wal|shm)$/.test(name)).toSorted();
}

Deno.test("restore: rows, indexes, terms and policy are as they were, the cluster is new", async () => {
  await withBackup(async (backup, data) => {
    const restored = await restoreBackup({ backup, data, nodeId: "r", wallMs });
    assert.deepEqual(filesOf(data), ["chat-2.db", "lock.db", "log.db"]);
    const directory = await openDataDirectory(data, { create: false });
    assert.deepEqual(directory.log.identity, {
      nodeId: "r",
      clusterId: restored.clusterId,
      incarnation: 0,
    });
    assert.notEqual(restored.clusterId, "cluster-1");
    const stored = await directory.log.load(10);
    const term = { epoch: seenTerm.epoch + 1, number: wallMs, nodeId: "r" };
    assert.deepEqual(stored.promised, term);
    assert.equal(stored.commitIndex, index + 1);
    assert.deepEqual(stored.entries, []);
    const { config, ...base } = stored.base;
    assert.deepEqual([base.index, base.term], [index + 1, term]);
    assert.deepEqual(stored.termStarts, [{ term: termOf(1), index: 1 }, {
      term,
      index: index + 1,
    }]);
    assert.deepEqual(config?.config.policy, policy);
    assert.deepEqual(config?.config.voters.map(({ id }) => id), ["r"]);
    assert.deepEqual([config?.config.mark, config?.config.tombstones], [null, []]);
    const state = await directory.openState();
    assert.deepEqual(state.applied(), base);
    assert.equal((await state.digest()).digest, restored.backup.end.digest);
    const [row] = await state.reader.query("SELECT count(*) AS count FROM requests");
    assert.equal(row?.count, index);
    await state.close();
    await directory.close();
  });
});

Deno.test("restore: two of one backup have no place in common, though their nodes are called the same", async () => {
  await withBackup(async (backup, data) => {
    const bases = [];
    for (const at of [`${data}-1`, `${data}-2`]) {
      await restoreBackup({ backup, data: at, nodeId: "r", wallMs });
      const directory = await openDataDirectory(at, { create: false });
      bases.push(directory.log.base);
      await directory.close();
    }
    assert.equal(bases[0]!.index, bases[1]!.index);
    assert.notEqual(bases[0]!.checksum, bases[1]!.checksum);
  });
});

Deno.test("restore: a run that was killed when all was done is confirmed by the next", async () => {
  await withBackup(async (backup, data) => {
    const first = await restoreBackup({ backup, data, wallMs });
    const second = await restoreBackup({ backup, data, wallMs: wallMs + 1 });
    assert.deepEqual(second, { ...first, already: true });
    const named = restoreBackup({ backup, data, nodeId: "another", wallMs });
    await rejectsWith(named, "DATA_DIRECTORY", /it is that of a node already/);
    const otherBackup = `${backup}-2`;
    await writeBackup(otherBackup, messages + 1);
    const other = restoreBackup({ backup: otherBackup, data, wallMs });
    await rejectsWith(other, "DATA_DIRECTORY", /it is that of a node already/);
    const directory = await openDataDirectory(data, { create: false });
    await rejectsWith(restoreBackup({ backup, data, wallMs }), "DATA_DIRECTORY", /running on it/);
    await directory.begin(wallMs);
    await directory.close();
    const started = restoreBackup({ backup, data, wallMs });
    await rejectsWith(started, "DATA_DIRECTORY", /it is that of a node already/);
  });
});

Deno.test("restore: a backup that is refused changes nothing", async () => {
  await withBackup(async (backup, data) => {
    const bytes = readFileSync(backup);
    bytes[bytes.length >> 1]! ^= 4;
    writeFileSync(backup, bytes);
    const run = () => restoreBackup({ backup, data, wallMs });
    await rejectsWith(run(), "CORRUPT", /it is damaged: the part at byte/);
    assert.ok(!existsSync(data));
    mkdirSync(data);
    await rejectsWith(run(), "CORRUPT", /it is damaged/);
    assert.deepEqual(readdirSync(data), []);
  });
});

Deno.test("restore: what fails on the way leaves no directory, or the one that was there", async () => {
  await withBackup(async (backup, data) => {
    const stop = new Error("stop");
    const run = () =>
      restoreBackup({
        backup,
        data,
        wallMs,
        onRows: (_rows, step) => {
          if (step === "restored") throw stop;
        },
      });
    await assert.rejects(run(), stop);
    assert.ok(!existsSync(data));
    mkdirSync(data);
    writeFileSync(join(data, "mine.txt"), "kept");
    await assert.rejects(run(), stop);
    assert.deepEqual(readdirSync(data).toSorted(), ["lock.db", "mine.txt"]);
    await restoreBackup({ backup, data, wallMs });
    assert.equal(readFileSync(join(data, "mine.txt"), "utf8"), "kept");
  });
});

Deno.test("restore: what a node left is not touched: a state whose log is missing, or data set aside", async () => {
  await withBackup(async (backup, data) => {
    mkdirSync(data);
    writeFileSync(join(data, "chat-1.db"), "precious");
    const run = restoreBackup({ backup, data, wallMs });
    await rejectsWith(run, "DATA_DIRECTORY", /it holds chat-1.db of a node; give another --data/);
    assert.equal(readFileSync(join(data, "chat-1.db"), "utf8"), "precious");
    const aside = { into: "damaged", nodeId: "n", clusterId: "k", addresses: [], moved: true };
    mkdirSync(`${data}-2`);
    await noteAside(`${data}-2`, aside);
    const noted = restoreBackup({ backup, data: `${data}-2`, wallMs });
    await rejectsWith(noted, "DATA_DIRECTORY", /it is that of a node already/);
  });
});

/** Where the process ends itself; the backup has three chunks or more. */
const killedAt = ["checked 1", "restored 1", "restored 2", "log.db", "never"];

Deno.test("restore: kill -9 leaves nothing that a node starts on, and the next run cleans up", async () => {
  await withBackup(async (backup, data) => {
    for (const step of killedAt) {
      const said = await restoreUntil(step, { backup, data });
      const finished = said.length > 0;
      assert.equal(finished, step === "never", step);
      if (existsSync(data) && !existsSync(join(data, "log.db"))) {
        const refused = openDataDirectory(data, { create: true });
        await rejectsWith(refused, "DATA_DIRECTORY", /never finished; run admin restore again/);
      }
      const again = await restoreBackup({ backup, data, wallMs });
      assert.equal(again.already, step === "log.db" || step === "never", step);
      assert.deepEqual(filesOf(data), ["chat-2.db", "lock.db", "log.db"], step);
      const directory = await openDataDirectory(data, { create: false });
      const state = await directory.openState();
      assert.equal((await state.digest()).digest, again.backup.end.digest);
      await state.close();
      await directory.close();
      Deno.removeSync(data, { recursive: true });
    }
  }, 2_000);
});

/** Runs a restore in a process that kills itself at the step; gives what it says at its end. */
async function restoreUntil(
  step: string,
  { backup, data }: { readonly backup: string; readonly data: string },
): Promise<string> {
  const script = new URL("restore_until_killed.ts", import.meta.url).pathname;
  const { stdout, stderr, signal, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, backup, data, step],
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert.ok(success || signal === "SIGKILL", text);
  return new TextDecoder().decode(stdout);
}
