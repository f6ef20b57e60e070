/**
 * Data directories for tests: founded, with a state, copied, altered behind the program's back,
 * and refused with one line while not a byte in them changes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Reason } from "../../src/errors.ts";
import { DEFAULT_POLICY } from "../../src/raft/state.ts";
import type { Entry, PersistBatch } from "../../src/raft/types.ts";
import {
  type DataDirectory,
  openDataDirectory,
  type OpenOptions,
} from "../../src/storage/data_directory.ts";
import { Database } from "../../src/storage/database.ts";
import { create } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";
import { inDirectory, rejectsWith } from "./temporary.ts";

export const founder = { id: "a", peerAddress: "127.0.0.1:7000", clientAddress: "127.0.0.1:8000" };
export const founding = { clusterId: "cluster-1", founder, policy: DEFAULT_POLICY };

/**
 * Hashes of what is in a directory, by file: without the lock, which is opened for writing first, and
 * without what SQLite makes to read a database, the index of a write-ahead log and an empty one.
 */
export function contents(path: string): ReadonlyMap<string, string> {
  const names = readdirSync(path).filter((name) => !/lock|-shm$/.test(name));
  const files = names.map((name) => ({ name, bytes: readFileSync(join(path, name)) }))
    .filter(({ name, bytes }) => !name.endsWith("-wal") || bytes.length > 0);
  return new Map(files.map(({ name, bytes }) => [name, sha256(bytes)]));
}

/** Expects that neither log nor state can be used, and that no byte was changed. */
export async function refused(
  path: string,
  options: Partial<OpenOptions>,
  reason: Reason,
  message: RegExp,
): Promise<void> {
  const before = contents(path);
  const opened = (async () => {
    const directory = await openDataDirectory(path, { create: true, ...options });
    try {
      await (await directory.openState()).close();
    } finally {
      await directory.close();
    }
  })();
  await rejectsWith(opened, reason, message);
  assert.deepEqual(contents(path), before);
}

export async function founded(path: string): Promise<DataDirectory> {
  const directory = await openDataDirectory(path, { create: true, nodeId: "a" });
  await directory.bootstrap(founding);
  return directory;
}

/** A founder whose state has applied entry 2. */
export async function withState(path: string): Promise<DataDirectory> {
  const directory = await founded(path);
  const [first] = (await directory.log.load(10)).entries;
  const entries = commandEntries([create("ann")], first!);
  await directory.log.persist([batch(entries)]);
  const state = await directory.openState();
  await state.apply([first!, ...entries]);
  await state.close();
  return directory;
}

export function batch(entries: readonly Entry[]): PersistBatch {
  return { number: 1, entries };
}

export async function alter(path: string, sql: string): Promise<void> {
  const database = Database.open(path);
  await database.query(sql);
  await database.checkpoint("truncate");
  await database.close();
}

export async function inCopy(path: string, body: (copy: string) => Promise<void>): Promise<void> {
  await inDirectory(async (parent) => {
    const copy = join(parent, "copy");
    cpSync(path, copy, { recursive: true });
    await body(copy);
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
