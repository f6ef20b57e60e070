/**
 * Damage in the write-ahead log of `log.db` is told from what a crash leaves at its end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { Database } from "../../src/storage/database.ts";
import { checkWal } from "../../src/storage/wal_check.ts";
import { create } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";
import { batch, founded, inCopy, refused } from "./data_directories.ts";
import { inDirectory, onCrashCopy, rejectsWith } from "./temporary.ts";

const WAL = "log.db-wal";
const fileHeaderBytes = 32;
const frameBytes = 24 + 4_096;
const damaged = /^Cannot use log\.db-wal: (frame \d+ of it|its header) is damaged/;

/**
 * Runs `body` on what a killed node leaves: a log of a few transactions of several frames, and
 * where the newest of them begins in the write-ahead log.
 */
async function onKilled(body: (path: string, newestAt: number) => Promise<void>): Promise<void> {
  await inDirectory(async (path) => {
    const directory = await founded(path);
    let [last] = (await directory.log.load(10)).entries.slice(-1);
    let newestAt = 0;
    for (let number = 0; number < 6; number++) {
      newestAt = statSync(join(path, WAL)).size;
      const names = Array.from({ length: 40 }, (_, at) => create(`user${number}-${at}`));
      const entries = commandEntries(names, last!);
      await directory.log.persist([batch(entries)]);
      last = entries.at(-1);
    }
    assert.ok(statSync(join(path, WAL)).size >= newestAt + 3 * frameBytes);
    await onCrashCopy(path, (copy) => body(copy, newestAt));
    await directory.close();
  });
}

function flip(path: string, at: number, bit: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1 << bit;
  writeFileSync(path, bytes);
}

Deno.test("write-ahead log: what a killed node leaves is sound", async () => {
  await onKilled(async (path) => {
    await checkWal(join(path, WAL));
    await checkWal(join(path, "none"));
  });
});

Deno.test("write-ahead log: a flipped bit before the newest transaction is damage", async () => {
  await onKilled(async (path, newestAt) => {
    const wal = join(path, WAL);
    // Every byte of the headers of some frames, and now and then one of a page.
    const frames = [0, 1, 2, 7].map((frame) => fileHeaderBytes + frame * frameBytes);
    const heads = frames.flatMap((at) => Array.from({ length: 24 }, (_, byte) => at + byte));
    const header = Array.from({ length: fileHeaderBytes }, (_, byte) => byte);
    const pages = Array.from({ length: 40 }, (_, step) => 60 + step * Math.floor(newestAt / 41));
    // The commit of the newest but one: only what follows it shows that it was synced.
    const commit = Array.from({ length: 24 }, (_, byte) => newestAt - frameBytes + byte);
    for (const at of [...header, ...heads, ...pages, ...commit]) {
      assert.ok(at < newestAt);
      flip(wal, at, at % 8);
      await rejectsWith(checkWal(wal), "CORRUPT", damaged);
      flip(wal, at, at % 8);
    }
  });
});

Deno.test("write-ahead log: damage is refused before anything is changed", async () => {
  await onKilled(async (path, newestAt) => {
    flip(join(path, WAL), newestAt - 1_000, 3);
    await refused(path, {}, "CORRUPT", damaged);
  });
});

Deno.test("write-ahead log: a torn end is what a crash leaves, wherever it is torn", async () => {
  await onKilled(async (path, newestAt) => {
    const wal = join(path, WAL);
    const whole = readFileSync(wal);
    for (let end = newestAt; end < whole.length; end += 512) {
      truncateSync(wal, end);
      await checkWal(wal);
      writeFileSync(wal, whole);
    }
    // A power cut may leave the later frames of an un-synced transaction, and not the first.
    writeFileSync(wal, new Uint8Array(whole).fill(0, newestAt, newestAt + frameBytes));
    await checkWal(wal);
  });
});

Deno.test("write-ahead log: a torn end with older frames among it is no damage", async () => {
  await onKilled(async (path, newestAt) => {
    const wal = join(path, WAL);
    const whole = readFileSync(wal);
    // Of an older generation: every frame with other salts and checksums, and each a commit.
    const older = new Uint8Array(whole);
    for (let at = fileHeaderBytes; at < older.length; at += frameBytes) {
      for (let byte = 8; byte < 24; byte++) older[at + byte]! ^= 0x5a;
      older[at + 7] = 15;
    }
    let dice = 1;
    for (let trial = 0; trial < 300; trial++) {
      const mixed = new Uint8Array(whole);
      for (let sector = Math.ceil(newestAt / 512); sector * 512 < mixed.length; sector++) {
        dice = Math.imul(dice, 1_103_515_245) + 12_345 | 0;
        if ((dice >>> 16) % 2 === 0) continue;
        const end = Math.min((sector + 1) * 512, mixed.length);
        mixed.set(older.subarray(sector * 512, end), sector * 512);
      }
      writeFileSync(wal, mixed);
      await checkWal(wal);
    }
  });
});

Deno.test("write-ahead log: what two starts left torn is no damage", async () => {
  await onKilled(async (path, newestAt) => {
    const wal = join(path, WAL);
    const tear = (bytes: Uint8Array, at: number) => bytes.fill(0, at, at + frameBytes);
    writeFileSync(wal, tear(readFileSync(wal), newestAt));
    const directory = await openDataDirectory(path, { create: false });
    const before = directory.log.lastIndex;
    await directory.begin(1);
    const [last] = (await directory.log.load(1)).entries;
    const beginsAt = statSync(wal).size;
    await directory.log.persist([batch(commandEntries([create("zoe"), create("yan")], last!))]);
    await inCopy(path, async (copy) => {
      writeFileSync(join(copy, WAL), tear(readFileSync(join(copy, WAL)), beginsAt));
      const again = await openDataDirectory(copy, { create: false });
      assert.equal(again.log.lastIndex, before);
      await again.close();
    });
    await directory.close();
  });
});

Deno.test("write-ahead log: nothing is written behind what a crash left torn while others read it", async () => {
  await onKilled(async (path, newestAt) => {
    const wal = join(path, WAL);
    const torn = readFileSync(wal);
    writeFileSync(wal, torn.fill(0, newestAt, newestAt + frameBytes));
    const directory = await openDataDirectory(path, { create: false });
    const { lastIndex, identity } = directory.log;
    const shell = Database.open(join(path, "log.db"));
    const reading = await shell.hold("read");
    await reading.query("SELECT count(*) FROM entries");
    await rejectsWith(directory.begin(1), "DATA_DIRECTORY", /^Cannot use log\.db: another program/);
    assert.deepEqual(directory.log.identity, identity, "no start has begun");
    await inCopy(path, async (copy) => {
      const again = await openDataDirectory(copy, { create: false });
      assert.equal(again.log.lastIndex, lastIndex);
      await again.close();
    });
    reading.release();
    await directory.begin(1);
    assert.equal(statSync(wal).size, fileHeaderBytes + frameBytes, "what was torn is gone");
    await directory.close();
    await shell.close();
  });
});

Deno.test("write-ahead log: a page size that there is none is damage, whatever the checksum says", async () => {
  await inDirectory(async (directory) => {
    const wal = join(directory, WAL);
    for (const pageBytes of [0, 1, 511, 131_072, 0xffff_ffff]) {
      const bytes = Buffer.alloc(fileHeaderBytes + 100);
      bytes.writeUInt32BE(0x377f0682);
      bytes.writeUInt32BE(pageBytes, 8);
      let [one, two] = [0, 0];
      for (let at = 0; at < 24; at += 8) {
        one = (one + bytes.readUInt32LE(at) + two) >>> 0;
        two = (two + bytes.readUInt32LE(at + 4) + one) >>> 0;
      }
      bytes.writeUInt32BE(one, 24);
      bytes.writeUInt32BE(two, 28);
      writeFileSync(wal, bytes);
      await rejectsWith(checkWal(wal), "CORRUPT", /its header is damaged/);
    }
  });
});
