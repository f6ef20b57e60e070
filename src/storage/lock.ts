/**
 * The exclusive lock on a data directory: a database of its own in which a write transaction
 * stays open. The operating system holds the lock for the process, so `kill -9` frees it and no
 * stale lock file can stay behind. Nothing ever reaches that file.
 *
 * @module
 */

import { join } from "node:path";
import { ChatError } from "../errors.ts";
import { Database, type Held } from "./database.ts";
import { unusable } from "./storage_error.ts";

/** Name of the lock's database in a data directory. */
export const LOCK_FILE = "lock.db";

/** A lock that is held until it is released or the process ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** Takes the lock, or throws `DATA_DIRECTORY` at once if another process or node has it. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const database = Database.open(join(directory, LOCK_FILE));
  let held: Held | null = null;
  try {
    await database.configure(["journal_mode=MEMORY"]);
    const transaction = held = await database.hold("write");
    // A file that cannot be written is locked for reading only, without a word: ask for a write.
    await transaction.query("CREATE TABLE held (id)");
    return {
      release: async () => {
        // The transaction must end: the library keeps a closed connection until it is collected.
        transaction.release();
        await database.close();
      },
    };
  } catch (error) {
    held?.release();
    await database.close();
    const busy = error instanceof ChatError && isBusy(error.cause);
    if (!busy) throw error;
    throw unusable(
      directory,
      "another node is running on it",
      "stop that one first, or give another --data",
    );
  }
}

/** Runs `body` while the directory is locked. */
export async function withLock<T>(directory: string, body: () => Promise<T>): Promise<T> {
  const lock = await lockDirectory(directory);
  try {
    return await body();
  } finally {
    await lock.release();
  }
}

/** Whether it is this user who may not lock it, and nobody else who has it. */
export function isLockDenied(error: unknown): boolean {
  const isRefused = error instanceof ChatError && error.reason === "DATA_DIRECTORY";
  return isRefused && error.cause !== undefined && !isBusy(error.cause);
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && (cause as { code?: unknown }).code === "SQLITE_BUSY";
}
