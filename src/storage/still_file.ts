/**
 * A database file of a stopped node, to look at without a change to any byte of its directory.
 * Owns whether that is the file itself or a copy, and the copy's end.
 *
 * SQLite reads a file without locking or making anything only if there is no write-ahead log to
 * take into account. So after an orderly stop, however large the file is, it is read where it lies;
 * what a killed node left is copied first, into a directory of its own inside the data directory,
 * where the file system may share the blocks.
 *
 * @module
 */

import { constants, copyFile, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeFreedDirectory } from "./freed_file.ts";
import { isDenied, toStorageError } from "./storage_error.ts";
import { needsCopy } from "./lock_to_look.ts";

/** Begins the names of directories with copies. */
const copyPrefix = "looked-at-";

/** Where the header of a database has the version of its schema, and how many bytes it is. */
const versionAt = 60;
const versionBytes = 4;

/** A path that may be opened. */
export interface StillFile {
  readonly path: string;
  /** Whether it is the file itself, which may only be opened as `Database.openStill` does. */
  readonly isOriginal: boolean;
  /** Removes the copy. */
  release(): Promise<void>;
}

/** The file, if it is whole by itself and of this schema's version; else a copy that is ours. */
export async function stillFile(path: string, version: number): Promise<StillFile> {
  if (await walBytesOf(path) === 0 && await versionOf(path) === version) {
    return { path, isOriginal: true, release: () => Promise.resolve() };
  }
  return await copyOf(path);
}

/** A copy in any case, which may be changed. */
export async function copyOf(path: string): Promise<StillFile> {
  const walBytes = await walBytesOf(path);
  let copies: string;
  try {
    copies = await mkdtemp(join(dirname(path), copyPrefix));
  } catch (error) {
    if (isDenied(error)) throw needsCopy(path, walBytes);
    throw toStorageError(error, basename(path));
  }
  const release = () => removeFreedDirectory(copies);
  try {
    const copy = join(copies, basename(path));
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    if (walBytes > 0) await copyFile(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
    return { path: copy, isOriginal: false, release };
  } catch (error) {
    await release();
    throw toStorageError(error, basename(path));
  }
}

/** Removes the copies of whoever died while it looked; in a directory to be read only they stay. */
export async function removeCopies(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(copyPrefix)) continue;
    try {
      await rm(join(directory, name), { recursive: true });
    } catch (error) {
      if (!isDenied(error)) throw toStorageError(error, name);
    }
  }
}

/** Bytes of the write-ahead log beside a database file. */
async function walBytesOf(path: string): Promise<number> {
  return (await stat(`${path}-wal`).catch(() => null))?.size ?? 0;
}

async function versionOf(path: string): Promise<number | null> {
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array(versionBytes);
    const { bytesRead } = await file.read(bytes, 0, versionBytes, versionAt);
    return bytesRead === versionBytes ? new DataView(bytes.buffer).getUint32(0) : null;
  } finally {
    await file.close();
  }
}
