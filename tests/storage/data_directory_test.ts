/**
 * The data directory: what a start finds and stores, and every way in which a directory is
 * refused with one clear line and left as it was.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { create } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";
import {
  alter,
  batch,
  contents,
  founded,
  founder,
  founding,
  inCopy,
  refused,
  withState,
} from "./data_directories.ts";
import { inDirectory, onCrashCopy, rejectsWith } from "./temporary.ts";

Deno.test("data directory: is made for its owner alone, with a generated id", async () => {
  await inDirectory(async (parent) => {
    const path = join(parent, "new", "data");
    const directory = await openDataDirectory(path, { create: true });
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.match(directory.identity.nodeId, /^[0-9a-f-]{36}$/);
    assert.equal(directory.identity.clusterId, "");
    const { nodeId } = directory.identity;
    await directory.close();
    const again = await openDataDirectory(path, { create: false });
    assert.equal(again.identity.nodeId, nodeId);
    await again.close();
  });
});

Deno.test("data directory: an empty one is closed to others, one with files is left alone", async () => {
  for (const [name, mode] of [[null, 0o700], ["notes.txt", 0o755]] as const) {
    await inDirectory(async (path) => {
      chmodSync(path, 0o755);
      if (name !== null) writeFileSync(join(path, name), "");
      await (await openDataDirectory(path, { create: true })).close();
      assert.equal(statSync(path).mode & 0o777, mode);
    });
  }
});

Deno.test("data directory: each start has a higher incarnation, also when clocks go back", async () => {
  await inDirectory(async (path) => {
    const starts = [];
    for (const wallMs of [5_000.5, 9_000, 1_000, 1_000]) {
      const directory = await openDataDirectory(path, { create: true });
      const { incarnation, previousIncarnation } = await directory.begin(wallMs);
      starts.push([incarnation, previousIncarnation]);
      await directory.close();
    }
    assert.deepEqual(starts, [[5_000, 0], [9_000, 5_000], [9_001, 9_000], [9_002, 9_001]]);
  });
});

Deno.test("data directory: a founder's first config is committed with the cluster id", async () => {
  await inDirectory(async (path) => {
    const directory = await founded(path);
    const stored = await directory.log.load(10);
    assert.equal(directory.identity.clusterId, "cluster-1");
    assert.equal(stored.commitIndex, 1);
    assert.deepEqual(stored.configs[0]?.config.voters, [founder]);
    await assert.rejects(directory.bootstrap(founding), /Only an empty node founds/);
    await directory.close();
  });
});

Deno.test("data directory: a joiner keeps the cluster that took it in", async () => {
  await inDirectory(async (path) => {
    const directory = await openDataDirectory(path, { create: true });
    await directory.join("cluster-1");
    await directory.join("cluster-1");
    await rejectsWith(
      directory.join("cluster-2"),
      "WRONG_CLUSTER",
      /in cluster cluster-2: it belongs to cluster cluster-1; give another --data/,
    );
    await directory.close();
    await refused(
      path,
      { clusterId: "cluster-2" },
      "WRONG_CLUSTER",
      /belongs to cluster cluster-1/,
    );
  });
});

Deno.test("data directory: is locked against this process and others, until kill -9", async () => {
  await inDirectory(async (path) => {
    const holder = await holdInChild(path);
    const line = /another node is running on it; stop that one first, or give another --data/;
    await rejectsWith(openDataDirectory(path, { create: true }), "DATA_DIRECTORY", line);
    holder.kill("SIGKILL");
    await holder.status;
    const directory = await openDataDirectory(path, { create: false });
    await rejectsWith(openDataDirectory(path, { create: true }), "DATA_DIRECTORY", line);
    await directory.close();
    await (await openDataDirectory(path, { create: false })).close();
  });
});

Deno.test("data directory: another id than the stored one is refused", async () => {
  await inDirectory(async (path) => {
    await (await founded(path)).close();
    await refused(path, { nodeId: "b" }, "INVALID_ARGUMENT", /as node b: it is that of node a;/);
    const directory = await openDataDirectory(path, { create: true, nodeId: "a" });
    await directory.close();
  });
});

Deno.test("data directory: one without data is refused to commands on a stopped node", async () => {
  await inDirectory(async (path) => {
    const line = /no node ever ran on it; give the --data of a node/;
    await rejectsWith(
      openDataDirectory(join(path, "absent"), { create: false }),
      "DATA_DIRECTORY",
      line,
    );
    await rejectsWith(openDataDirectory(path, { create: false }), "DATA_DIRECTORY", line);
    writeFileSync(join(path, "file"), "");
    await rejectsWith(
      openDataDirectory(join(path, "file"), { create: true }),
      "DATA_DIRECTORY",
      /it is not a directory/,
    );
    await rejectsWith(
      openDataDirectory(join(path, "file", "data"), { create: true }),
      "DATA_DIRECTORY",
      /file\/data: it cannot be made there; give another --data/,
    );
  });
});

Deno.test("data directory: a newer schema is refused, in the log and in the state", async () => {
  await inDirectory(async (path) => {
    await (await withState(path)).close();
    await inCopy(path, async (copy) => {
      await alter(join(copy, "log.db"), "CREATE TABLE later (x)");
      await alter(join(copy, "log.db"), "PRAGMA user_version = 99");
      const line = /log\.db: a newer jmessage wrote it \(schema version 99, this one knows 1\);/;
      await refused(copy, {}, "DATA_DIRECTORY", line);
    });
    await inCopy(path, async (copy) => {
      await alter(join(copy, "chat-1.db"), "CREATE TABLE later (x)");
      await alter(join(copy, "chat-1.db"), "PRAGMA user_version = 99");
      await refused(copy, {}, "DATA_DIRECTORY", /chat-1\.db: a newer jmessage wrote it/);
    });
  });
});

Deno.test("data directory: databases of another program are refused", async () => {
  await inDirectory(async (path) => {
    await alter(join(path, "log.db"), "CREATE TABLE notes (text)");
    await refused(path, {}, "CORRUPT", /log\.db: it is a database of another program/);
  });
});

Deno.test("data directory: a log without its cluster id is refused", async () => {
  await inDirectory(async (path) => {
    const directory = await openDataDirectory(path, { create: true });
    await directory.log.persist([batch(commandEntries([create("ann")]))]);
    await directory.close();
    await refused(path, {}, "CORRUPT", /log\.db: it has a log but no cluster id/);
  });
});

Deno.test("data directory: a damaged entry is named by file and index", async () => {
  await inDirectory(async (path) => {
    await (await withState(path)).close();
    await alter(join(path, "log.db"), "UPDATE entries SET data = x'00' WHERE idx = 2");
    const line = /log\.db: a bad checksum of the entry at index 2; keep a copy .* join again/;
    await refused(path, {}, "CORRUPT", line);
  });
});

Deno.test("data directory: a state without its log is refused, not founded anew", async () => {
  await inDirectory(async (path) => {
    await (await withState(path)).close();
    rmSync(join(path, "log.db"));
    await refused(path, {}, "CORRUPT", /log\.db: it is missing beside chat-1\.db/);
  });
});

Deno.test("data directory: old states go, files of other people stay", async () => {
  await inDirectory(async (path) => {
    const others = ["chat-notes.txt", "chat-0.db.copy"];
    for (const name of others) writeFileSync(join(path, name), "");
    await (await withState(path)).close();
    for (const name of ["chat-0.db", "chat-7.db-wal"]) writeFileSync(join(path, name), "");
    const directory = await openDataDirectory(path, { create: false });
    await (await directory.openState()).close();
    await directory.close();
    const names = [...contents(path).keys()];
    assert.deepEqual(names.toSorted(), [...others, "chat-1.db", "log.db"].toSorted());
  });
});

Deno.test("data directory: a state that is not on the log is refused", async () => {
  await inDirectory(async (path) => {
    const directory = await withState(path);
    await directory.close();
    const line = /chat-1\.db: it has applied index 2, which is not on the log of log\.db/;
    await inCopy(path, async (copy) => {
      await alter(join(copy, "chat-1.db"), "UPDATE applied SET checksum = 'other'");
      await refused(copy, {}, "CORRUPT", line);
    });
    await inCopy(path, async (copy) => {
      const other = await openDataDirectory(copy, { create: false });
      await other.log.persist([{ number: 1, truncateFrom: 2, entries: [] }]);
      await other.close();
      await refused(copy, {}, "CORRUPT", line);
    });
  });
});

Deno.test("data directory: a refusal after a crash leaves the write-ahead log where it is", async () => {
  await inDirectory(async (path) => {
    const directory = await withState(path);
    await onCrashCopy(path, async (copy) => {
      assert.ok(statSync(join(copy, "log.db-wal")).size > 0);
      await alter(join(copy, "chat-1.db"), "UPDATE applied SET checksum = 'other'");
      await refused(copy, {}, "CORRUPT", /chat-1\.db: it has applied index 2, which is not on/);
    });
    await directory.close();
  });
});

Deno.test("data directory: a missing state is made anew from a whole log, else refused", async () => {
  await inDirectory(async (path) => {
    const directory = await withState(path);
    const place = (await directory.log.positionAt(2))!;
    await directory.close();
    rmSync(join(path, "chat-1.db"));
    const again = await openDataDirectory(path, { create: false });
    const state = await again.openState();
    assert.equal(state.applied().index, 0);
    await state.close();
    await again.log.compact({ ...place, config: null });
    await again.close();
    rmSync(join(path, "chat-1.db"));
    await refused(path, {}, "CORRUPT", /chat-1\.db: it is missing/);
  });
});

/** A process that has the directory open; it is there once it has said so. */
async function holdInChild(path: string): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("hold_directory.ts", import.meta.url).pathname, path],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value).trim(), "open");
  await reader.cancel();
  return child;
}
