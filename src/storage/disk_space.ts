/**
 * How much room there is on the disk of a directory. Owns only the question; what follows from
 * the answer is the node's.
 *
 * @module
 */

import { statfs } from "node:fs/promises";

/** Room on one file system, in bytes. */
export interface DiskSpace {
  /** What this user may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** `null` where the system does not tell. */
export async function diskSpace(path: string): Promise<DiskSpace | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}
