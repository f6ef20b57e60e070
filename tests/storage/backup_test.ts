/**
 * Backup files: whatever is done to one is noticed, and nothing half ever has its name.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  checksumBytes,
  decodeHead,
  encodePart,
  type FilePart,
  firstChecksum,
  magicLine,
  partHeadBytes,
} from "../../src/storage/backup_format.ts";
import { verifyBackup } from "../../src/storage/backup_reader.ts";
import { BackupWriter } from "../../src/storage/backup_writer.ts";
import { RowCounter } from "../../src/storage/row_count.ts";
import { openMemoryState } from "../../src/storage/state_store.ts";
import { limits } from "../../src/limits.ts";
import { termOf } from "../contract/log_entries.ts";
import { create, loggedIn, login, remove, send } from "../support/chat_log.ts";
import { backupParts, policy, seenTerm, writeBackup } from "../support/backup.ts";
import { commandEntries, conversation } from "../support/state_log.ts";
import { inDirectory, rejectsWith } from "./temporary.ts";

const keep = { overwrite: false };

Deno.test("backup: tells what is in it, with the digest of the state that it is of", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    const written = await writeBackup(path, 7);
    const entries = conversation(7);
    const state = await openMemoryState();
    await state.apply(entries);
    assert.equal(written.end.digest, (await state.digest()).digest);
    await state.close();
    assert.deepEqual(await verifyBackup(path), written);
    const { header, end, bytes } = written;
    const { index, term, checksum } = entries.at(-1)!;
    assert.deepEqual(header.base, { index, term, checksum });
    assert.deepEqual([header.clusterId, header.nodeId], ["cluster-1", "n1"]);
    assert.deepEqual([header.policy, header.term], [policy, seenTerm]);
    assert.deepEqual([end.accounts, end.messages], [2, 7]);
    assert.equal(bytes, statSync(path).size);
    assert.equal(statSync(path).mode & 0o777, 0o600, "it holds hashes of passwords");
    assert.deepEqual(readdirSync(directory), ["a.backup"]);
  });
});

Deno.test("backup: every byte that was changed is noticed", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    await writeBackup(path, 2);
    const whole = readFileSync(path);
    const other = join(directory, "changed");
    for (let at = 0; at < whole.length; at++) {
      const changed = new Uint8Array(whole);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(other, changed);
      const reason = /of format \d+, this one knows 1/;
      const isVersion = at === magicLine.length - 2;
      await assert.rejects(verifyBackup(other), (error: Error) => {
        assert.match(error.message, isVersion ? reason : /^Cannot use the backup [^\n]*$/, `${at}`);
        return true;
      });
    }
  });
});

Deno.test("backup: one that ends anywhere, or goes on, is refused", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    await writeBackup(path, 2);
    const whole = readFileSync(path);
    const other = join(directory, "changed");
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(other, whole.subarray(0, length));
      const told = /it is no backup of jmessage|it is damaged: it ends at byte/;
      await rejectsWith(verifyBackup(other), "CORRUPT", told);
    }
    writeFileSync(other, new Uint8Array([...whole, 0]));
    await rejectsWith(verifyBackup(other), "CORRUPT", /something follows its end/);
    writeFileSync(other, new Uint8Array([...whole, ...whole]));
    await rejectsWith(verifyBackup(other), "CORRUPT", /something follows its end/);
  });
});

Deno.test("backup: what is none, or another version's, is told apart", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    const told = async (bytes: string | Uint8Array, reason: "CORRUPT" | "DATA_DIRECTORY") => {
      writeFileSync(path, bytes);
      await rejectsWith(verifyBackup(path), reason, /^Cannot use the backup /);
    };
    await told("a letter to my aunt, which is long enough to be one", "CORRUPT");
    await told("jmessage backup 2\nand whatever it holds", "DATA_DIRECTORY");
    const [first] = await backupParts(conversation(1));
    assert.ok(first?.kind === "header");
    const { kind: _kind, ...header } = first;
    const newer = { ...header, schemaVersion: header.schemaVersion + 1 };
    const { bytes } = encodePart({ kind: "header", header: newer }, firstChecksum());
    await told(new Uint8Array([...magicLine, ...bytes]), "DATA_DIRECTORY");
    const none = join(directory, "none");
    await rejectsWith(verifyBackup(none), "INVALID_ARGUMENT", /there is no such file/);
    await rejectsWith(verifyBackup(directory), "INVALID_ARGUMENT", /it is a directory/);
  });
});

Deno.test("backup: parts that were taken out, moved or doubled are noticed before the end", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    const parts = await backupParts(conversation(3));
    assert.deepEqual(parts.map(({ kind }) => kind), ["header", "terms", "chunk", "end"]);
    const [header, terms, chunk, end] = parts as [never, never, never, never];
    const bad = [[terms, chunk, end], [header, chunk, terms, end], [header, terms, end], [
      header,
      terms,
      chunk,
      chunk,
      end,
    ]];
    for (const wrong of bad) {
      const writer = await BackupWriter.prepare(path, keep);
      await writer.begin();
      for (const part of wrong) await writer.write(part);
      await rejectsWith(writer.finish(() => {}), "CORRUPT", /not what was written/);
      await writer.discard();
      assert.deepEqual(readdirSync(directory), []);
    }
  });
});

Deno.test("backup: whole parts of another backup are noticed where they stand", async () => {
  await inDirectory(async (directory) => {
    const [first, second] = [join(directory, "a.backup"), join(directory, "b.backup")];
    await writeBackup(first, 2);
    await writeBackup(second, 3);
    const [a, b] = [readFileSync(first), readFileSync(second)];
    // Of the same length in both, as only a digit is another.
    const { length } = decodeHead(a.subarray(magicLine.length, magicLine.length + partHeadBytes));
    const end = magicLine.length + partHeadBytes + length + checksumBytes;
    assert.notDeepEqual(a.subarray(0, end), b.subarray(0, end));
    writeFileSync(first, new Uint8Array([...b.subarray(0, end), ...a.subarray(end)]));
    await rejectsWith(verifyBackup(first), "CORRUPT", new RegExp(`part at byte ${end} has a bad`));
  });
});

Deno.test("backup: one that somebody made holds no more in memory than it may", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    const [first] = await backupParts(conversation(1));
    assert.ok(first?.kind === "header");
    const { kind: _kind, ...header } = first;
    const told = async (parts: readonly FilePart[], message: RegExp) => {
      let checksum = firstChecksum();
      const pieces: Uint8Array[] = [magicLine];
      for (const part of [{ kind: "header", header } as const, ...parts]) {
        const encoded = encodePart(part, checksum);
        checksum = encoded.checksum;
        pieces.push(encoded.bytes);
      }
      writeFileSync(path, Buffer.concat(pieces));
      await rejectsWith(verifyBackup(path), "CORRUPT", message);
    };
    const data = Buffer.from(`{"table":"${"x".repeat(10_000)}`);
    await told([{ kind: "rows", data }], /the name of a table in it is none/);
    const termStarts = Array.from({ length: 25_000 }, () => ({ term: termOf(1), index: 1 }));
    const terms = { kind: "terms", termStarts } as const;
    const enough = limits.backupTermStartsMax / termStarts.length;
    await told(Array(enough).fill(terms), /it ends at byte/);
    await told(Array(enough + 1).fill(terms), /it has more than 1000000 terms/);
  });
});

Deno.test("backup: a file that is there stays, unless it may be replaced", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    writeFileSync(path, "older");
    await rejectsWith(BackupWriter.prepare(path, keep), "INVALID_ARGUMENT", /--overwrite/);
    const writer = await BackupWriter.prepare(path, { overwrite: true });
    await writer.begin();
    for (const part of await backupParts(conversation(1))) await writer.write(part);
    assert.equal(readFileSync(path, "utf8"), "older", "until the new one is whole");
    await writer.finish(() => {});
    assert.equal((await verifyBackup(path)).end.messages, 1);
    const asDirectory = BackupWriter.prepare(directory, { overwrite: true });
    await rejectsWith(asDirectory, "INVALID_ARGUMENT", /it is no file/);
    const late = await BackupWriter.prepare(join(directory, "b"), keep);
    await late.begin();
    for (const part of await backupParts(conversation(1))) await late.write(part);
    writeFileSync(join(directory, "b"), "somebody else's");
    await rejectsWith(late.finish(() => {}), "INVALID_ARGUMENT", /there already/);
    await late.discard();
    assert.deepEqual(readdirSync(directory).toSorted(), ["a.backup", "b"]);
  });
});

Deno.test("backup: a new run removes what a killed one left, and no more", async () => {
  await inDirectory(async (directory) => {
    const dead = spawnSync("true").pid;
    const path = join(directory, "a.backup");
    const others = [
      `a.backup.partial-${process.ppid}-0123abcd`,
      `a.backup.partial-${dead}-0123abcd.txt`,
      `b.backup.partial-${dead}-0123abcd`,
      "a.backup.partial-mine",
    ];
    for (const name of [...others, `a.backup.partial-${dead}-0123abcd`]) {
      writeFileSync(join(directory, name), "half");
    }
    const writer = await BackupWriter.prepare(path, keep);
    assert.deepEqual(readdirSync(directory).toSorted(), others.toSorted());
    await writer.begin();
    await writer.begin();
    assert.equal(readdirSync(directory).length, others.length + 1, "one at a time");
    await writer.discard();
    assert.deepEqual(readdirSync(directory).toSorted(), others.toSorted());
  });
});

Deno.test("backup: kill -9 leaves no file of that name, and the next run cleans up", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "a.backup");
    for (const step of ["part 1", "part 3", "checked 1", "never"]) {
      const script = new URL("backup_until_killed.ts", import.meta.url).pathname;
      const args = ["run", "-A", script, path, step];
      const { stderr, signal, success } = await new Deno.Command(Deno.execPath(), { args })
        .output();
      const isWhole = step === "never";
      const text = new TextDecoder().decode(stderr);
      assert.ok(isWhole ? success : signal === "SIGKILL", text);
      const names = readdirSync(directory);
      assert.equal(names.length, 1, "of those before it nothing is left");
      assert.equal(names.includes("a.backup"), isWhole, names.join());
    }
    assert.equal((await verifyBackup(path)).end.messages, 2_000);
  });
});

Deno.test("row counter: counts the same however the stream is cut", async () => {
  const parts = await backupParts(commandEntries([
    ...loggedIn("ann", "bob"),
    create("cid"),
    send("m1", { by: "ann", to: "bob", body: "one\nwith a line break,null]" }),
    send("m2", { by: "bob", to: "ann", body: "{two}" }),
    login("cid"),
    remove("gone", { by: "cid" }),
  ]));
  const rows = parts.flatMap((part) => part.kind === "chunk" ? [...part.data] : []);
  for (const size of [1, 2, 7, 64, rows.length]) {
    const counter = new RowCounter();
    for (let at = 0; at < rows.length; at += size) {
      counter.add(new Uint8Array(rows.slice(at, at + size)));
    }
    const { accounts, messages } = counter.counts;
    assert.deepEqual([accounts, messages], [2, 2], `in pieces of ${size}`);
    const lines = new TextDecoder().decode(new Uint8Array(rows)).trimEnd().split("\n");
    assert.equal(counter.counts.rows, lines.filter((line) => line.startsWith("[")).length);
  }
});
