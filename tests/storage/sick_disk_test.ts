/**
 * Disks that refuse: whatever cannot be written is told in one clear line, and costs nothing but
 * the write.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Entry } from "../../src/raft/types.ts";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { send } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";
import { batch, founded, refused, withState } from "./data_directories.ts";
import { canMount, makeReadOnly, mountSmall, NEEDS_MOUNTS, type SmallDisk } from "./mounts.ts";
import { inDirectory, rejectsWith } from "./temporary.ts";

Deno.test("sick disk: a read-only directory is refused", async () => {
  await inDirectory(async (path) => {
    await (await withState(path)).close();
    const unlock = await makeReadOnly(path);
    if (unlock === null) return;
    try {
      const line = /it is read-only or not permitted for this user; make its directory writable/;
      await refused(path, {}, "DATA_DIRECTORY", line);
    } finally {
      await unlock();
    }
  });
});

Deno.test("sick disk: an empty read-only directory is refused", async () => {
  await inDirectory(async (path) => {
    const unlock = await makeReadOnly(path);
    if (unlock === null) return;
    try {
      const line = /lock\.db: it is read-only or not permitted for this user; make its directory/;
      await refused(path, {}, "DATA_DIRECTORY", line);
    } finally {
      await unlock();
    }
  });
});

Deno.test("sick disk: each database that is read-only by itself is refused", async () => {
  for (const name of ["log.db", "chat-1.db"]) {
    await inDirectory(async (path) => {
      await (await withState(path)).close();
      const unlock = await makeReadOnly(join(path, name));
      if (unlock === null) return;
      try {
        await refused(
          path,
          {},
          "DATA_DIRECTORY",
          new RegExp(`Cannot write ${name}: it is read-only`),
        );
      } finally {
        await unlock();
      }
    });
  }
});

const ignore = !await canMount();

/** A test on a small disk of its own. */
function onSmallDisk(name: string, body: (path: string, disk: SmallDisk) => Promise<void>): void {
  const fn = () =>
    inDirectory(async (path) => {
      const disk = await mountSmall(path);
      assert.ok(disk !== null);
      try {
        await body(path, disk);
      } finally {
        await disk.unmount();
      }
    });
  Deno.test({ name: `sick disk: ${name} (${NEEDS_MOUNTS})`, ignore, fn });
}

onSmallDisk("a full one is told, and costs nothing but the write", async (path, disk) => {
  const directory = await founded(path);
  const first = (await directory.log.load(1)).entries[0]!;
  const entries = longEntries(first, 100);
  let written = 0;
  const fill = async () => {
    for (; written < entries.length; written++) {
      await directory.log.persist([batch([entries[written]!])]);
    }
  };
  await rejectsWith(fill(), "DISK_FULL", /log\.db: the disk is full; free some space/);
  assert.ok(written > 5, `${written} entries fit`);
  await directory.close();
  await disk.enlarge();
  const again = await openDataDirectory(path, { create: false });
  assert.deepEqual((await again.log.load(200)).entries, [first, ...entries.slice(0, written)]);
  await again.log.persist([batch([entries[written]!])]);
  await again.close();
});

onSmallDisk("a data directory cannot be made on a full one", async (path, disk) => {
  await disk.fill();
  const opening = openDataDirectory(path, { create: true });
  await rejectsWith(opening, "DISK_FULL", /the disk is full; free some space/);
});

/** Entries of 64 KiB each. */
function longEntries(previous: Entry, count: number): Entry[] {
  const body = "long ".repeat(13_000);
  const messages = Array.from({ length: count }, (_, number) => {
    return send(`m${number}`, { by: "ann", to: "bob", body });
  });
  return commandEntries(messages, previous);
}
