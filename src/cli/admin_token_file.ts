/**
 * The file that a new admin token goes into. Owns that it is known to be writable before the token
 * is changed, that the secret is on disk by then, and that only a plain file is ever replaced; it
 * asks no cluster.
 *
 * @module
 */

import { lstat, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { ChatError } from "../errors.ts";
import { syncDirectory } from "../storage/file_sync.ts";
import { fileProblem } from "../storage/file_error.ts";

/** A new token beside its final name, in which the old one may still be. */
export class TokenFile {
  /** Where it belongs. */
  readonly path: string;
  /** Where the new token is until it is known to be good. */
  readonly kept: string;

  private constructor(path: string) {
    this.path = path;
    this.kept = `${path}.new`;
  }

  /** Writes `token` beside `path`. Throws, and leaves nothing, if it could not go there later. */
  static async prepare(path: string, token: string): Promise<TokenFile> {
    const file = new TokenFile(path);
    await checkPlain(path);
    await file.#write(token);
    return file;
  }

  /** The token is in force: it takes the place of the old one. */
  async finish(): Promise<void> {
    try {
      await rename(this.kept, this.path);
    } catch (cause) {
      const text = `The token was changed, and the new one is in ${this.kept}, but cannot be ` +
        `moved to ${this.path} (${fileProblem(cause).detail}): move it by hand`;
      throw new ChatError("DATA_DIRECTORY", text, { cause });
    }
    try {
      await syncDirectory(dirname(this.path));
    } catch (cause) {
      const text = `The token was changed, and the new one is in ${this.path}, but a loss of ` +
        `power may take it (${fileProblem(cause).detail}): keep a copy elsewhere`;
      throw new ChatError("DATA_DIRECTORY", text, { cause });
    }
  }

  /** The token was not changed. */
  async discard(): Promise<void> {
    await rm(this.kept, { force: true });
  }

  async #write(token: string): Promise<void> {
    let begun = false;
    try {
      const handle = await open(this.kept, "wx", 0o600);
      begun = true;
      try {
        await handle.appendFile(`${token}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      // Its name, too: a token that is in force and nowhere could only be changed on the leader.
      await syncDirectory(dirname(this.kept));
    } catch (error) {
      if (begun) await this.discard();
      throw isCode(error, "EEXIST") ? leftBehind(this.kept) : unwritable(this.path, error);
    }
  }
}

/** What is replaced is a plain file: never a link, a device or a directory. */
async function checkPlain(path: string): Promise<void> {
  if (path === "") throw refused(path, "the path is empty; give that of a file");
  try {
    if ((await lstat(path)).isFile()) return;
  } catch (error) {
    // That its directory is there is seen by writing beside it.
    if (isCode(error, "ENOENT")) return;
    throw unwritable(path, error);
  }
  throw refused(path, "it is no plain file; give the path of one");
}

/** A token that may be in force must not be lost to the next one. */
function leftBehind(kept: string): ChatError {
  const text = `Cannot write ${kept}: it is there already, and what is in it may be the admin ` +
    `token that holds; try it (--token-file ${kept}), then move it or delete it`;
  return new ChatError("INVALID_ARGUMENT", text, { field: "out" });
}

function unwritable(path: string, cause: unknown): ChatError {
  const { reason, detail } = fileProblem(cause);
  if (reason === "DISK_FULL") return new ChatError(reason, textOf(path, detail), { cause });
  return refused(path, detail, cause);
}

function refused(path: string, detail: string, cause?: unknown): ChatError {
  return new ChatError("INVALID_ARGUMENT", textOf(path, detail), { field: "out", cause });
}

function textOf(path: string, detail: string): string {
  return `Cannot write the token to --out ${path}: ${detail}`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
