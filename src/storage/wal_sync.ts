/**
 * Puts a database's write-ahead log on disk beside the event loop. Owns a descriptor of that file
 * of its own, and that after a failure nothing is said to be on disk any more.
 *
 * With `synchronous=FULL` SQLite does the same within each commit, and as long as the disk takes
 * for it, some ms, a node would hear nobody. With `NORMAL` it syncs what a checkpoint and a new
 * beginning of the write-ahead log need, and leaves out only this: that a commit is on disk. Whoever
 * waits here before the next transaction begins has exactly what `FULL` gives, in the same order.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";

/** What a {@linkcode WalSync} asks of the file. */
export interface SyncedFile {
  /** Resolves once everything written before is on disk, with the size of the file. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** One write-ahead log, from the first commit that made it to the close of its database. */
export class WalSync {
  readonly #open: () => Promise<SyncedFile>;
  #file: SyncedFile | null = null;
  #failed: { readonly error: unknown } | null = null;

  /** Of the database at `path`; nothing is opened before the first {@linkcode WalSync.run}. */
  constructor(path: string, openFile: (path: string) => Promise<SyncedFile> = openForSync) {
    this.#open = () => openFile(`${path}-wal`);
  }

  /**
   * Waits until every commit before this call is on disk. Rejects with the file system's error,
   * and then always: after a failed sync the system may have let go of what it could not write.
   */
  async run(): Promise<void> {
    this.demandSound();
    try {
      this.#file ??= await this.#open();
      await this.#file.datasync();
    } catch (error) {
      this.#failed = { error };
      throw error;
    }
  }

  /** Throws if one has failed: then nothing more is to be written. */
  demandSound(): void {
    if (this.#failed !== null) throw this.#failed.error;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }
}

/** Windows syncs only what may be written. */
function openForSync(path: string): Promise<FileHandle> {
  return open(path, "r+");
}
