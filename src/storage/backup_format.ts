/**
 * The form of a backup file: a line that names the format, then parts, each with its length, its
 * kind and a checksum chained over everything before it, and nothing after the end. Owns the bytes
 * and the sentences about a file that is not such a one; it opens no file.
 *
 * Why the checksums are a chain: a part that was moved, left out or taken from another backup is
 * noticed where it stands, and the last checksum is that of the whole file.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { ChatError } from "../errors.ts";
import type { TermStart } from "../raft/types.ts";
import type { BackupHeader } from "../rpc/api.ts";
import { endIn, headerIn, termStartsIn } from "./backup_shape.ts";

/** Version of this form; another one is refused. */
export const backupFormat = 1;

const magicPrefix = "jmessage backup ";

/** The first line of every backup. */
export const magicLine: Uint8Array = Buffer.from(`${magicPrefix}${backupFormat}\n`);

/** Bytes of length and kind, before what is in a part. */
export const partHeadBytes = 5;

/** Bytes of a checksum, after it. */
export const checksumBytes = 32;

/** What a backup says at its end. */
export interface BackupEnd {
  readonly chunks: number;
  /** SHA-256 over all rows, hex: the digest of the state that they are. */
  readonly digest: string;
  readonly rows: number;
  /** Accounts that are not deleted. */
  readonly accounts: number;
  readonly messages: number;
}

/** A part of a backup file. */
export type FilePart =
  | { readonly kind: "header"; readonly header: BackupHeader }
  | { readonly kind: "terms"; readonly termStarts: readonly TermStart[] }
  | { readonly kind: "rows"; readonly data: Uint8Array }
  | { readonly kind: "end"; readonly end: BackupEnd };

/** By their byte. */
const kinds: readonly FilePart["kind"][] = ["header", "terms", "rows", "end"];

/** A part's bytes in the file; `previous` is the checksum before it. */
export function encodePart(
  part: FilePart,
  previous: Uint8Array,
): { readonly bytes: Uint8Array; readonly checksum: Uint8Array } {
  const body = bodyOf(part);
  const head = Buffer.alloc(partHeadBytes);
  head.writeUInt32BE(body.length);
  head.writeUInt8(kinds.indexOf(part.kind) + 1, 4);
  const checksum = chainedChecksum(previous, head, body);
  return { bytes: Buffer.concat([head, body, checksum]), checksum };
}

/** Length of a part's body and its kind; the kind is `undefined` if there is no such one. */
export function decodeHead(head: Uint8Array): {
  readonly length: number;
  readonly kind: FilePart["kind"] | undefined;
} {
  const bytes = Buffer.from(head);
  return { length: bytes.readUInt32BE(), kind: kinds[bytes.readUInt8(4) - 1] };
}

/** The part of a body whose checksum was right; `null` if there is none of that kind in it. */
export function decodeBody(kind: FilePart["kind"], body: Uint8Array): FilePart | null {
  switch (kind) {
    case "rows":
      return { kind, data: body };
    case "header": {
      const header = headerIn(body);
      return header && { kind, header };
    }
    case "terms": {
      const termStarts = termStartsIn(body);
      return termStarts && { kind, termStarts };
    }
    case "end": {
      const end = endIn(body);
      return end && { kind, end };
    }
  }
}

/** SHA-256 over the checksum before, and the part. */
export function chainedChecksum(
  previous: Uint8Array,
  head: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  return createHash("sha256").update(previous).update(head).update(body).digest();
}

/** The checksum before the first part. */
export function firstChecksum(): Uint8Array {
  return createHash("sha256").update(magicLine).digest();
}

/** Throws unless the file's first bytes are {@linkcode magicLine}. */
export function checkMagic(file: string, first: Uint8Array): void {
  if (Buffer.compare(first, magicLine) === 0) return;
  const text = Buffer.from(first).toString("latin1");
  const other = text.startsWith(magicPrefix) ? /^\d+/.exec(text.slice(magicPrefix.length)) : null;
  if (other === null || Number(other[0]) === backupFormat) {
    throw refused(file, "it is no backup of jmessage, or only the start of one");
  }
  throw otherVersion(file, `of format ${other[0]}, this one knows ${backupFormat}`);
}

/** A backup that another version wrote. */
export function otherVersion(file: string, detail: string): ChatError {
  const text = `Cannot use the backup ${file}: another version of jmessage wrote it (${detail}); ` +
    "run that version";
  return new ChatError("DATA_DIRECTORY", text);
}

/** A backup that is damaged: where, for inquiry. */
export function damaged(file: string, detail: string, cause?: unknown): ChatError {
  return refused(file, `it is damaged: ${detail}`, cause);
}

function refused(file: string, detail: string, cause?: unknown): ChatError {
  const text = `Cannot use the backup ${file}: ${detail}; use another one`;
  return new ChatError("CORRUPT", text, { cause });
}

function bodyOf(part: FilePart): Uint8Array {
  switch (part.kind) {
    case "rows":
      return part.data;
    case "header":
      return Buffer.from(JSON.stringify(part.header));
    case "terms":
      return Buffer.from(JSON.stringify(part.termStarts));
    case "end":
      return Buffer.from(JSON.stringify(part.end));
  }
}
