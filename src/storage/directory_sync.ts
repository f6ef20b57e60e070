/**
 * A file's name made to last: it is in its directory on disk only once that is synced, too.
 *
 * @module
 */

import { open } from "node:fs/promises";

/** Makes what was created, renamed or deleted in a directory outlast a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
