/**
 * The file of a node's local token: made anew at each start, gone when the node stops in order.
 * Owns its name, its mode and that no half of it can be read; who believes it is
 * `admin_access.ts`'s.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSmallFile } from "../storage/small_file.ts";

/** Only the owner reads it. */
const FILE_MODE = 0o600;

/** Where it is in a data directory. */
export function localTokenFile(data: string): string {
  return join(data, "local-token");
}

/** Writes the token of this start in the place of an older one. */
export async function writeLocalToken(data: string, token: string): Promise<void> {
  const file = localTokenFile(data);
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, `${token}\n`, { mode: FILE_MODE, flag: "wx" });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** The token of the node that runs there; `null` if there is none, or it is not to be read. */
export async function readLocalToken(data: string): Promise<string | null> {
  const text = await readSmallFile(localTokenFile(data)).catch(() => null);
  return text?.trim() || null;
}

/** Nobody is to believe it any more. */
export async function removeLocalToken(data: string): Promise<void> {
  await rm(localTokenFile(data), { force: true }).catch(() => undefined);
}
