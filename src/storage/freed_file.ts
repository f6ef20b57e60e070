/**
 * Removing and renaming files of databases that were closed. The library keeps a closed connection
 * until it is collected, and Windows gives no file away that is open: so there the collector is asked
 * first. Owns how often; elsewhere nothing is ever in the way.
 *
 * @module
 */

import { rename, rm } from "node:fs/promises";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { machineCollector } from "../collector.ts";
import { limits } from "../limits.ts";

/** Removes a file; one that is not there is none to remove. */
export async function removeFreed(path: string): Promise<void> {
  await onceFreed(() => rm(path, { force: true }));
}

/** Removes a directory with all that is in it. */
export async function removeFreedDirectory(path: string): Promise<void> {
  await onceFreed(() => rm(path, { recursive: true, force: true }));
}

/** Gives a file another name, under which there may be one before. */
export async function renameFreed(from: string, to: string): Promise<void> {
  await onceFreed(() => rename(from, to));
}

/** How Windows says that a file, or one in a directory, is still in use. */
const IN_USE = new Set<unknown>(["EBUSY", "EPERM", "EACCES", "ENOTEMPTY"]);

/** Does it, and again while a file is still in use; throws what it throws then, or otherwise. */
export async function onceFreed(
  act: () => Promise<void>,
  options: { readonly platform?: string; readonly pauseMs?: number } = {},
): Promise<void> {
  const { platform = process.platform, pauseMs = limits.freeRetryMs } = options;
  let collect: (() => void) | null = null;
  for (let tries = 1;; tries++) {
    try {
      return await act();
    } catch (error) {
      const isInUse = error instanceof Error && "code" in error && IN_USE.has(error.code);
      if (platform !== "win32" || !isInUse || tries >= limits.freeTriesMax) throw error;
    }
    collect ??= machineCollector();
    collect();
    await setTimeout(pauseMs);
  }
}
