/**
 * Keeping a stopped directory still while somebody only looks at it: by its lock, or, where this
 * user can write nothing there and so lock nothing, by seeing that nobody changes it meanwhile.
 * Owns which of the two, and what cannot be looked at without writing.
 *
 * Without the lock a node may be running there. One that runs has a write-ahead log that is not
 * empty, and so has one that was killed: neither is read here. One that starts later is noticed.
 *
 * @module
 */

import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type DirectoryLock, isLockDenied, lockDirectory } from "./lock.ts";
import { toStorageError, unusable } from "./storage_error.ts";

/** What a node changes as soon as it starts. */
const tracePattern = /^(log|chat-\d+)\.db(-wal)?$/;

/** Held while a directory is looked at. */
export interface Look extends DirectoryLock {
  /** Throws `DATA_DIRECTORY` if a node was there meanwhile: what was seen means nothing then. */
  demandStill(): Promise<void>;
}

/** Throws `DATA_DIRECTORY` if a node has it, or if what it holds cannot be read without writing. */
export async function lockToLook(directory: string): Promise<Look> {
  const lock = await lockIfPermitted(directory);
  if (lock !== null) {
    return { release: () => lock.release(), demandStill: () => Promise.resolve() };
  }
  const before = await tracesOf(directory);
  for (const { name, bytes } of before) {
    if (name.endsWith("-wal") && bytes > 0) {
      throw needsCopy(join(directory, name.replace(/-wal$/, "")), bytes);
    }
  }
  return {
    release: () => Promise.resolve(),
    demandStill: async () => {
      if (JSON.stringify(await tracesOf(directory)) === JSON.stringify(before)) return;
      throw unusable(directory, "it was changed meanwhile", "stop the node that runs on it first");
    },
  };
}

/** The error for a database that can be read in a copy alone, in a directory that takes none. */
export function needsCopy(path: string, walBytes: number): Error {
  const name = basename(path);
  const why = walBytes > 0
    ? `${name}-wal has what is not in ${name} yet, as a node was killed or is running`
    : `${name} cannot be read without making files beside it`;
  return unusable(
    dirname(path),
    `this user cannot write it, and ${why}`,
    "stop the node if it runs, copy the directory with all its files, and give the copy",
  );
}

/** `null` where this user cannot write the lock: nothing but trying tells that everywhere. */
async function lockIfPermitted(directory: string): Promise<DirectoryLock | null> {
  try {
    return await lockDirectory(directory);
  } catch (error) {
    if (isLockDenied(error)) return null;
    throw error;
  }
}

interface Trace {
  readonly name: string;
  readonly bytes: number;
  readonly changedMs: number;
}

async function tracesOf(directory: string): Promise<readonly Trace[]> {
  try {
    const names = (await readdir(directory)).filter((name) => tracePattern.test(name)).toSorted();
    return await Promise.all(names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(directory, name));
      return { name, bytes: size, changedMs: mtimeMs };
    }));
  } catch (error) {
    throw toStorageError(error, directory);
  }
}
