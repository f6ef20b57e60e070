/**
 * Secrets in files: read once, refused where others could read them too. Owns the modes that are
 * good enough; what a secret is for, and how long it must be, is its reader's to say.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";
import process from "node:process";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** Anybody but the owner. */
const OTHERS = 0o077;
/** What a file of root's may have more: a group that is let in on purpose (as mounted secrets). */
const GROUP_READ = 0o040;

/** What a file of secrets may hold: lines of printable ASCII without spaces. */
export interface SecretOptions {
  /** That named the file. */
  readonly flag: string;
  readonly linesMax?: number;
  /** Characters of each. */
  readonly lengthMin?: number;
}

/** The one secret in a file. Throws as {@linkcode readSecrets}. */
export async function readSecretFile(path: string, flag: string): Promise<string> {
  return (await readSecrets(path, { flag })).join();
}

/**
 * The secrets in a file, one a line, at least one. Throws `INVALID_ARGUMENT`, with the flag that
 * named the file, if it cannot be read, holds something else, or is open to others.
 */
export async function readSecrets(
  path: string,
  { flag, linesMax = 1, lengthMin = 1 }: SecretOptions,
): Promise<readonly string[]> {
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
      const bytes = await readBounded(file);
      if (bytes.length > limits.secretFileBytesMax) throw refuse("it is too long for a secret");
      secret = new TextDecoder().decode(bytes).trim();
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
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  if (lines.length > linesMax || !lines.every((line) => /^[!-~]+$/.test(line))) {
    const count = linesMax === 1 ? "one line" : `1 to ${linesMax} lines`;
    throw refuse(`it must be ${count} of printable ASCII without spaces`);
  }
  if (lines.some((line) => line.length < lengthMin)) {
    throw refuse(
      `a secret must have ${lengthMin} characters or more; openssl rand -hex 32 makes one`,
    );
  }
  return lines;
}

/**
 * What the file holds, up to one byte more than a secret may have. As it comes, from wherever it
 * stands: a pipe has no places, and gives what was written piece by piece.
 */
async function readBounded(file: FileHandle): Promise<Uint8Array> {
  const buffer = new Uint8Array(limits.secretFileBytesMax + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
