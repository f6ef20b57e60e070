/**
 * Writing a backup file: beside its final name, readable by its owner only, read again and checked
 * when it is whole, and only then given its name. Owns that nothing half ever has that name, and
 * that what a killed run left goes with the next one.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import type { BackupPart } from "../rpc/api.ts";
import { encodePart, type FilePart, firstChecksum, magicLine } from "./backup_format.ts";
import { type VerifiedBackup, verifyBackup } from "./backup_reader.ts";
import { fileError } from "./file_error.ts";
import { syncDirectory } from "./file_sync.ts";
import { RowCounter } from "./row_count.ts";

export interface BackupFileOptions {
  /** Replace a file of that name. */
  readonly overwrite: boolean;
}

/** A backup being written. One attempt after another may begin it anew. */
export class BackupWriter {
  readonly #path: string;
  readonly #partial: string;
  readonly #options: BackupFileOptions;
  #file: FileHandle | null = null;
  #checksum = firstChecksum();
  #counter = new RowCounter();

  private constructor(path: string, options: BackupFileOptions) {
    this.#path = path;
    this.#options = options;
    this.#partial = `${path}.partial-${process.pid}-${randomBytes(4).toString("hex")}`;
  }

  /** Throws `INVALID_ARGUMENT` if there is a file that must stay; else nothing is there yet. */
  static async prepare(path: string, options: BackupFileOptions): Promise<BackupWriter> {
    const writer = new BackupWriter(path, options);
    await writer.#checkFree();
    await removeLeftBehind(writer.#path);
    return writer;
  }

  /** Rows written so far. */
  get rows(): number {
    return this.#counter.counts.rows;
  }

  /** Begins a file; what was written before is thrown away. */
  async begin(): Promise<void> {
    await this.discard();
    this.#checksum = firstChecksum();
    this.#counter = new RowCounter();
    await this.#do(async () => {
      // Nobody else ever reads what people wrote, nor while it is made.
      this.#file = await open(this.#partial, "wx", 0o600);
      await this.#file.appendFile(magicLine);
    });
  }

  /** Writes a part as a member gives it. */
  async write(part: BackupPart): Promise<void> {
    switch (part.kind) {
      case "header": {
        const { kind: _kind, ...header } = part;
        return await this.#append({ kind: "header", header });
      }
      case "terms":
        return await this.#append({ kind: "terms", termStarts: part.termStarts });
      case "chunk":
        // What is no stream of rows is found when the file is read again.
        this.#counter.add(part.data);
        return await this.#append({ kind: "rows", data: part.data });
      case "end": {
        const { chunks, digest } = part;
        return await this.#append({
          kind: "end",
          end: { chunks, digest, ...this.#counter.counts },
        });
      }
    }
  }

  /** Puts it on disk, reads it again from there, and gives it its name. */
  async finish(onRows: (rows: number) => void): Promise<VerifiedBackup> {
    const file = this.#file;
    assert(file !== null, "A backup that is finished was begun");
    await this.#do(() => file.sync());
    const verified = await this.#readAgain(onRows);
    await this.#checkFree();
    await this.#do(async () => {
      await file.close();
      this.#file = null;
      await rename(this.#partial, this.#path);
      await syncDirectory(dirname(this.#path));
    });
    return verified;
  }

  async #readAgain(onRows: (rows: number) => void): Promise<VerifiedBackup> {
    try {
      return await verifyBackup(this.#partial, onRows);
    } catch (thrown) {
      const error = ChatError.from(thrown);
      if (error.reason !== "CORRUPT") throw error;
      const text = `Cannot keep the backup ${this.#path}: what was read again from the disk is ` +
        "not what was written; check the disk, or write to another one";
      throw new ChatError("CORRUPT", text, { cause: error });
    }
  }

  /** Leaves nothing of an unfinished one. */
  async discard(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    await file.close();
    await rm(this.#partial, { force: true });
  }

  async #append(part: FilePart): Promise<void> {
    const file = this.#file;
    assert(file !== null, "A backup is begun before it is written");
    const { bytes, checksum } = encodePart(part, this.#checksum);
    await this.#do(() => file.appendFile(bytes));
    this.#checksum = checksum;
  }

  async #checkFree(): Promise<void> {
    const info = await stat(this.#path).catch(() => null);
    if (info === null) return;
    if (!info.isFile()) throw taken(this.#path, "it is no file; give the path of one");
    if (this.#options.overwrite) return;
    throw taken(this.#path, "it is there already; give another path, or --overwrite");
  }

  async #do<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw fileError(error, { verb: "write", file: `the backup ${this.#path}` });
    }
  }
}

function taken(path: string, detail: string): ChatError {
  return new ChatError("INVALID_ARGUMENT", `Cannot write the backup ${path}: ${detail}`);
}

/** Files of earlier runs that were killed: their processes are there no more. */
async function removeLeftBehind(path: string): Promise<void> {
  const directory = dirname(path);
  const names = await readdir(directory).catch((error) => {
    throw fileError(error, { verb: "write", file: `the backup ${path}` });
  });
  const prefix = `${basename(path)}.partial-`;
  for (const name of names) {
    const [, pid] = /^(\d+)-[0-9a-f]{8}$/.exec(name.slice(prefix.length)) ?? [];
    if (!name.startsWith(prefix) || pid === undefined || isRunning(Number(pid))) continue;
    await rm(join(directory, name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
