/**
 * Secrets in files: read once, refused where others could read them too. Owns the modes that are
 * good enough; what a secret is for, and how long it must be, is its reader's to say.
 *
 * @module
 */

import { open } from "node:fs/promises";
import process from "node:process";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** Anybody but the owner. */
const OTHERS = 0o077;
/** What a file of root's may have more: a group that is let in on purpose (as mounted secrets). */
const GROUP_READ = 0o040;

/**
 * The secret in a file, without the line break at its end. Throws `INVALID_ARGUMENT`, with the
 * flag that named the file, if it cannot be read, is empty, or is open to others.
 */
export async function readSecretFile(path: string, flag: string): Promise<string> {
  const refuse = (why: string) => {
    const text = `Cannot use --${flag} ${path}: ${why}`;
    return new ChatError("INVALID_ARGUMENT", text, { field: flag });
  };
  let secret: string;
  let mode: number;
  let uid: number;
  try {
    const file = await open(path, "r");
    try {
      ({ mode, uid } = await file.stat());
      const buffer = new Uint8Array(limits.secretFileBytesMax + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > limits.secretFileBytesMax) throw refuse("it is too long for a secret");
      secret = new TextDecoder().decode(buffer.subarray(0, bytesRead)).trim();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ChatError) throw error;
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw refuse(missing ? "there is no such file" : String(error));
  }
  const excess = mode & (uid === 0 ? OTHERS & ~GROUP_READ : OTHERS);
  if (process.platform !== "win32" && excess !== 0) {
    throw refuse(`others may read or change it; run chmod 600 ${path}`);
  }
  if (!/^[!-~]+$/.test(secret)) throw refuse("it must be one line of printable ASCII, no spaces");
  return secret;
}
