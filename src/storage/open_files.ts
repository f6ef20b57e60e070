/**
 * Whether this process still has a database of a directory open: the library keeps a closed
 * connection until it is collected. Owns asking the operating system; where that cannot say, what
 * was collected counts as closed.
 *
 * @module
 */

import { readdir, readlink, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { LOCK_FILE } from "./lock.ts";

/** Where Linux lists the files that a process has open. */
const openFiles = "/proc/self/fd";

/** The lock is not looked at. */
export async function isOpenHere(directory: string): Promise<boolean> {
  // The system names files without the links on the way, as service managers make them.
  const home = await realpath(directory).catch(() => resolve(directory));
  const numbers = await readdir(openFiles).catch(() => []);
  for (const number of numbers) {
    const path = await readlink(join(openFiles, number)).catch(() => "");
    if (dirname(path) === home && /\.db(-wal|-shm)?$/.test(path)) {
      if (!path.endsWith(`/${LOCK_FILE}`)) return true;
    }
  }
  return false;
}
