/**
 * Files and their names made to last: what was written is on disk once the file is synced, and its
 * name once its directory is, too.
 *
 * @module
 */

import { open } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { toStorageError } from "./storage_error.ts";

/**
 * Makes what was created, renamed or deleted in a directory outlast a loss of power. Windows syncs no
 * directory: there the file system's journal orders the names, on which SQLite relies, too.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform !== "win32") await sync(path, "r");
}

/** The same for a directory of a node. Throws as storage does. */
export async function syncDataDirectory(path: string): Promise<void> {
  try {
    await syncDirectory(path);
  } catch (error) {
    throw toStorageError(error, basename(path) || path);
  }
}

/** Waits until a file of a node is on disk. Throws as storage does. */
export async function syncFile(path: string): Promise<void> {
  try {
    // Windows syncs only what may be written.
    await sync(path, "r+");
  } catch (error) {
    throw toStorageError(error, basename(path));
  }
}

async function sync(path: string, flags: "r" | "r+"): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
