/**
 * When a write of the log counts as done: not before it is on disk, and never again after the disk
 * once failed at that. The descriptor that is synced is that of the file that SQLite writes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { buildEntries, commandBody, termOf } from "../contract/log_entries.ts";
import { EMPTY_BASE } from "../../src/raft/log.ts";
import type { Entry, PersistBatch } from "../../src/raft/types.ts";
import { LibsqlLogStore } from "../../src/storage/log_store.ts";
import { WalSync } from "../../src/storage/wal_sync.ts";
import { inDirectory, onCrashCopy, rejectsWith } from "./temporary.ts";

/** A file whose syncs end when the test says so. */
class SlowFile {
  readonly waiting: { readonly done: () => void; readonly fail: (error: Error) => void }[] = [];
  readonly closed = Promise.withResolvers<void>();
  #asked = Promise.withResolvers<void>();

  datasync(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.waiting.push({ done: resolve, fail: reject });
    this.#asked.resolve();
    return promise;
  }

  /** The next sync that is asked for. */
  async next() {
    await this.#asked.promise;
    this.#asked = Promise.withResolvers();
    return this.waiting.shift()!;
  }

  close(): Promise<void> {
    this.closed.resolve();
    return Promise.resolve();
  }
}

async function openOn(file: SlowFile, directory: string): Promise<LibsqlLogStore> {
  const path = join(directory, "log.db");
  const opening = LibsqlLogStore.open(
    path,
    () => "a",
    new WalSync(path, () => Promise.resolve(file)),
  );
  (await file.next()).done();
  return await opening;
}

function batches(count: number): readonly PersistBatch[] {
  const bodies = Array.from({ length: count }, (_, place) => commandBody(`entry ${place}`));
  const entries: readonly Entry[] = buildEntries(EMPTY_BASE, termOf(1), bodies);
  return entries.map((entry, place) => ({ number: place + 1, entries: [entry] }));
}

Deno.test("sync: a write is done once it is on disk, and the next one begins after that", async () => {
  await inDirectory(async (directory) => {
    const file = new SlowFile();
    const log = await openOn(file, directory);
    const [one, two] = batches(2);
    const done: string[] = [];
    const first = log.persist([one!]).then(() => done.push("first"));
    const second = log.persist([two!]).then(() => done.push("second"));
    const sync = await file.next();
    assert.deepEqual(done, []);
    // What a crash leaves now has the first one at most.
    await onCrashCopy(directory, async (copy) => {
      const left = await LibsqlLogStore.open(join(copy, "log.db"), () => "b");
      assert.equal(left.lastIndex, 1);
      await left.close();
    });
    sync.done();
    await first;
    assert.deepEqual(done, ["first"]);
    (await file.next()).done();
    await second;
    await log.close();
    await file.closed.promise;
  });
});

Deno.test("sync: after a failed one nothing is said to be on disk any more", async () => {
  await inDirectory(async (directory) => {
    const file = new SlowFile();
    const log = await openOn(file, directory);
    const [one] = batches(1);
    const first = log.persist([one!]);
    (await file.next()).fail(Object.assign(new Error("input/output error"), { code: "EIO" }));
    await rejectsWith(first, "INTERNAL", /Cannot use log\.db: the disk failed/);
    await rejectsWith(log.persist([one!]), "INTERNAL", /Cannot use log\.db: the disk failed/);
    await rejectsWith(log.rememberedAddresses(), "INTERNAL", /Cannot use log\.db: the disk failed/);
    assert.equal(file.waiting.length, 0);
    const wal = `${join(directory, "log.db")}-wal`;
    const bytes = statSync(wal).size;
    await log.close();
    assert.ok(bytes > 0);
    assert.equal(statSync(wal).size, bytes, "what is not on disk is not moved into the file");
  });
});

Deno.test("sync: the file is the one that SQLite writes, however often it begins anew", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "log.db");
    let handle: FileHandle | null = null;
    const sync = new WalSync(path, async (wal) => handle = await open(wal, "r+"));
    const log = await LibsqlLogStore.open(path, () => "a", sync);
    const same = async () => {
      const synced = await handle!.stat();
      assert.equal(synced.ino, statSync(`${path}-wal`).ino);
      assert.equal(synced.size, statSync(`${path}-wal`).size);
    };
    for (const batch of batches(300)) {
      await log.persist([batch]);
      if (batch.number % 100 === 0) {
        await same();
        await log.settle();
        await same();
      }
    }
    await log.close();
  });
});
