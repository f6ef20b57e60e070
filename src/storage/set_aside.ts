/**
 * Setting damaged data aside: the databases of a data directory move into a directory inside it, so
 * that a new node can begin there. Owns the order that makes every crash leave either all of the
 * old data in its place, or a note by which the next start goes on: a note, the moves, the note that
 * they are done. The note stays until the new node is a member, since whom it is to join stands
 * only there.
 *
 * Nothing of this process may have the databases open: the library closes late, and would take a
 * new write-ahead log away by its name.
 *
 * @module
 */

import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { canonicalJson, seal } from "./checksum.ts";
import { syncDataDirectory } from "./file_sync.ts";
import { renameFreed } from "./freed_file.ts";
import { readSmallFile } from "./small_file.ts";
import { corrupt, toStorageError } from "./storage_error.ts";

/** Name of the note. */
export const ASIDE_FILE = "set-aside.json";

/** Name of the directory that damaged data goes into, by when it went. */
export function asideName(stamp: string): string {
  return `damaged-${stamp}`;
}

/** Whether a directory is one into which a node set its damaged data aside. */
export function isAside(path: string): boolean {
  return /^damaged-\d{14}$/.test(basename(resolve(path)));
}

/** Databases of a node, and what SQLite lays beside them. The lock stays. */
const databasePattern = /^(log|chat-\d+)\.db(-wal|-shm|-journal)?$/;

/** What a node that begins anew goes by. */
export interface Aside {
  /** Directory inside the data directory that holds the old data. */
  readonly into: string;
  /** Id of the new node. */
  readonly nodeId: string;
  readonly clusterId: string;
  /** Peer addresses of members of that cluster. */
  readonly addresses: readonly string[];
  /** Whether everything has moved. */
  readonly moved: boolean;
}

/** The note of a directory; `null` if there is none. Throws `CORRUPT` if it cannot be believed. */
export async function readAside(directory: string): Promise<Aside | null> {
  let text: string;
  try {
    text = await readSmallFile(join(directory, ASIDE_FILE)) ?? "";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    // Where the directory is none, whoever opens it says so.
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw toStorageError(error, ASIDE_FILE);
  }
  const [value = "", stored = ""] = text.split("\n");
  if (stored !== seal(ASIDE_FILE, value)) throw corrupt(ASIDE_FILE, "it has a bad checksum");
  return JSON.parse(value);
}

/** Notes what is about to be done, on disk. From then on it is done, now or at the next start. */
export async function noteAside(directory: string, aside: Aside): Promise<void> {
  const value = canonicalJson(aside);
  const path = join(directory, ASIDE_FILE);
  try {
    const file = await open(`${path}.new`, "w", 0o600);
    try {
      await file.writeFile(`${value}\n${seal(ASIDE_FILE, value)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  } catch (error) {
    throw toStorageError(error, ASIDE_FILE);
  }
  await syncDataDirectory(directory);
}

/** Moves what the note says, if that was not done. */
export async function moveAside(directory: string, aside: Aside): Promise<void> {
  if (aside.moved) return;
  const into = join(directory, aside.into);
  try {
    await mkdir(into, { recursive: true, mode: 0o700 });
    for (const name of await readdir(directory)) {
      if (databasePattern.test(name)) await renameFreed(join(directory, name), join(into, name));
    }
  } catch (error) {
    throw toStorageError(error, aside.into);
  }
  await syncDataDirectory(into);
  await syncDataDirectory(directory);
  await noteAside(directory, { ...aside, moved: true });
}

/** The new node is a member and comes back by itself from now on. */
export async function forgetAside(directory: string): Promise<void> {
  await rm(join(directory, ASIDE_FILE), { force: true });
}
