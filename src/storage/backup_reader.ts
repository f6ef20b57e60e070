/**
 * Reading a backup file, part by part, each checked against the chain of checksums; at its end the
 * digest and the counts are compared with what was read. Owns every check: damage to what a member
 * wrote is found, and a file that somebody else made is refused or has the form of one. Holds one
 * part in memory, and the term starts.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { schemaVersion } from "../chat/schema.ts";
import { limits } from "../limits.ts";
import type { TermStart } from "../raft/types.ts";
import type { BackupHeader } from "../rpc/api.ts";
import { fileError } from "./file_error.ts";
import {
  type BackupEnd,
  chainedChecksum,
  checkMagic,
  checksumBytes,
  damaged,
  decodeBody,
  decodeHead,
  type FilePart,
  firstChecksum,
  magicLine,
  otherVersion,
  partHeadBytes,
} from "./backup_format.ts";
import { RowCounter } from "./row_count.ts";

/** A backup that was read to its end. */
export interface VerifiedBackup {
  readonly header: BackupHeader;
  readonly termStarts: readonly TermStart[];
  readonly end: BackupEnd;
  /** Of the whole file. */
  readonly bytes: number;
}

/** Reads all of a backup; throws `CORRUPT` or `DATA_DIRECTORY` where it cannot be used. */
export async function verifyBackup(
  path: string,
  onRows: (rows: number) => void = () => {},
): Promise<VerifiedBackup> {
  const backup = await BackupReader.open(path);
  try {
    for await (const _chunk of backup.chunks()) onRows(backup.rows);
    const { header, termStarts, end, bytes } = backup;
    return { header, termStarts, end, bytes };
  } finally {
    await backup.close();
  }
}

/** One backup file, from its header on. */
export class BackupReader {
  readonly header: BackupHeader;
  readonly termStarts: readonly TermStart[];
  readonly #parts: PartReader;
  readonly #counter = new RowCounter();
  readonly #hash = createHash("sha256");
  #next: FilePart;
  #end: BackupEnd | null = null;

  private constructor(
    parts: PartReader,
    read: {
      readonly header: BackupHeader;
      readonly termStarts: readonly TermStart[];
      readonly next: FilePart;
    },
  ) {
    this.#parts = parts;
    this.header = read.header;
    this.termStarts = read.termStarts;
    this.#next = read.next;
  }

  static async open(path: string): Promise<BackupReader> {
    const parts = await PartReader.open(path);
    try {
      const first = await parts.next();
      if (first.kind !== "header") throw parts.damaged("it does not begin with a header");
      const { header } = first;
      if (header.schemaVersion !== schemaVersion) {
        const detail = `tables of version ${header.schemaVersion}, this one has ${schemaVersion}`;
        throw otherVersion(path, detail);
      }
      const termStarts: TermStart[] = [];
      let next = await parts.next();
      for (; next.kind === "terms"; next = await parts.next()) {
        for (const start of next.termStarts) termStarts.push(start);
        if (termStarts.length > limits.backupTermStartsMax) {
          throw parts.damaged(`it has more than ${limits.backupTermStartsMax} terms`);
        }
      }
      return new BackupReader(parts, { header, termStarts, next });
    } catch (error) {
      await parts.close();
      throw error;
    }
  }

  /** Rows read so far. */
  get rows(): number {
    return this.#counter.counts.rows;
  }

  /** Bytes read so far. */
  get bytes(): number {
    return this.#parts.position;
  }

  /** What it says at its end; an error before `chunks` has ended. */
  get end(): BackupEnd {
    if (this.#end === null) throw this.#parts.damaged("it was not read to its end");
    return this.#end;
  }

  /** The rows, as a snapshot has them. Once it has ended, everything was as it was written. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    let chunks = 0;
    for (; this.#next.kind === "rows"; this.#next = await this.#parts.next()) {
      const { data } = this.#next;
      this.#hash.update(data);
      if (!this.#counter.add(data)) throw this.#parts.damaged("the name of a table in it is none");
      chunks += 1;
      yield data;
    }
    if (this.#next.kind !== "end") throw this.#parts.damaged("its parts are out of order");
    const { end } = this.#next;
    await this.#parts.expectEnd();
    const { rows, accounts, messages } = this.#counter.counts;
    const same = end.chunks === chunks && end.digest === this.#hash.digest("hex") &&
      end.rows === rows && end.accounts === accounts && end.messages === messages;
    if (!same) throw this.#parts.damaged("its rows are not those that its end tells of");
    this.#end = end;
  }

  close(): Promise<void> {
    return this.#parts.close();
  }
}

/** The parts of a file in order, as long as their checksums are right. */
class PartReader {
  readonly #path: string;
  readonly #file: FileHandle;
  #checksum = firstChecksum();
  position = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<PartReader> {
    const file = await open(path, "r").catch((error) => {
      throw fileError(error, { verb: "read", file: `the backup ${path}` });
    });
    const parts = new PartReader(path, file);
    try {
      checkMagic(path, await parts.#read(magicLine.length));
      return parts;
    } catch (error) {
      await parts.close();
      throw error;
    }
  }

  async next(): Promise<FilePart> {
    const start = this.position;
    const head = await this.#read(partHeadBytes);
    if (head.length < partHeadBytes) throw this.damaged(`it ends at byte ${this.position}`);
    const { length, kind } = decodeHead(head);
    const isPart = kind !== undefined && length <= limits.backupPartBytesMax;
    if (!isPart) throw this.damaged(`there is no part at byte ${start}`);
    const rest = await this.#read(length + checksumBytes);
    if (rest.length < length + checksumBytes) {
      throw this.damaged(`it ends at byte ${this.position}`);
    }
    const body = rest.subarray(0, length);
    const checksum = chainedChecksum(this.#checksum, head, body);
    if (Buffer.compare(checksum, rest.subarray(length)) !== 0) {
      throw this.damaged(`the part at byte ${start} has a bad checksum`);
    }
    this.#checksum = checksum;
    const part = decodeBody(kind, body);
    if (part === null) throw this.damaged(`the part at byte ${start} is no ${kind}`);
    return part;
  }

  /** Throws if anything follows. */
  async expectEnd(): Promise<void> {
    const end = this.position;
    if ((await this.#read(1)).length > 0) throw this.damaged(`something follows its end, ${end}`);
  }

  damaged(detail: string) {
    return damaged(this.#path, detail);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** So many bytes, fewer where the file ends. */
  async #read(length: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, this.position)
        .catch((error) => {
          throw fileError(error, { verb: "read", file: `the backup ${this.#path}` });
        });
      if (bytesRead === 0) break;
      filled += bytesRead;
      this.position += bytesRead;
    }
    return buffer.subarray(0, filled);
  }
}
