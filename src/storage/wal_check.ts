/**
 * Looks for damage in a write-ahead log before SQLite reads it. SQLite takes the first frame whose
 * checksum does not hold for the end, as after a crash in the middle of a write: right for the
 * newest transaction, but with a bit flipped further up it would silently forget what was synced
 * and acknowledged. Owns telling the two apart for a log whose every commit is synced before the
 * next begins (`wal_sync.ts`); it changes nothing.
 *
 * Source: the "WAL-mode file format" of SQLite (https://sqlite.org/walformat.html).
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { corrupt, toStorageError } from "./storage_error.ts";

/** Bytes of the file's header, and of that of each frame; a page follows each of those. */
const fileHeaderBytes = 32;
const frameHeaderBytes = 24;

/** The last bit of the magic says how checksums read their words. */
const magicLittle = 0x377f0682;
const magicBig = 0x377f0683;

/** The least that a disk writes at once, or not at all. */
const sectorBytes = 512;

/** Sizes that a page may have: the header's checksum tells damage, not who made it. */
const pageSizes: ReadonlySet<number> = new Set([9, 10, 11, 12, 13, 14, 15, 16].map((n) => 2 ** n));

/** Frames read at once. */
const framesPerRead = 64;

/** The two running sums of the format. */
type Sums = readonly [number, number];

interface Header {
  readonly pageBytes: number;
  readonly little: boolean;
  /** The 8 bytes by which frames belong to this header; those of older ones have others. */
  readonly salts: Buffer;
  readonly sums: Sums;
}

/**
 * Throws `CORRUPT`, which names the file and the frame, if something was lost that had been
 * synced. What a crash leaves in the middle of the newest transaction is no damage, and damage to
 * just that transaction cannot be told from it.
 */
export async function checkWal(path: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw toStorageError(error, basename(path));
  }
  try {
    await check(file, basename(path));
  } finally {
    await file.close();
  }
}

async function check(file: FileHandle, name: string): Promise<void> {
  const head = Buffer.alloc(fileHeaderBytes);
  const { bytesRead } = await file.read(head, 0, fileHeaderBytes, 0);
  // Nothing was ever written behind a header that is not whole: it is synced first.
  if (bytesRead < fileHeaderBytes || (await file.stat()).size === fileHeaderBytes) return;
  const header = readHeader(head);
  if (header === null) throw corrupt(name, "its header is damaged");
  /** Index of the first frame that does not hold, and whether its transaction has ended since. */
  let broken: number | null = null;
  let ended = false;
  const { sums } = header;
  let last: Predecessor = { own: true, commits: false, stored: sums, sums };
  for await (const { bytes, at, index } of frames(file, header)) {
    const frame = readFrame(bytes, { at, last, header });
    // What follows from what the one before covers shows that its own checksum is what is damaged.
    if (broken !== null && frame.provesLast && last.own && last.commits) ended = true;
    last = frame;
    if (broken === null && frame.sound && frame.salted) continue;
    // It was begun after the broken one had been committed, and so synced.
    if (ended && frame.own) throw corrupt(name, `frame ${broken! + 1} of it is damaged`);
    const whole = frame.sound || (broken === null && frame.commitWhole);
    broken ??= index;
    if (frame.own && frame.commits && whole) ended = true;
  }
}

/** What must be known of one frame, or of the header, to look at the next. */
interface Predecessor {
  /** Written under this header, and not left over from an older one. */
  readonly own: boolean;
  readonly commits: boolean;
  /** Its checksum as it lies there, and as its predecessor's and its bytes give it. */
  readonly stored: Sums;
  readonly sums: Sums;
}

/** What one frame says, and whether it can be believed. */
interface Frame extends Predecessor {
  readonly salted: boolean;
  /** Its checksum follows from its predecessor's, as it lies there or as it should be. */
  readonly sound: boolean;
  /** Its checksum follows from its predecessor's bytes, whatever stands there as theirs. */
  readonly provesLast: boolean;
  /** Its salts and its commit mark were written at once, or not at all. */
  readonly commitWhole: boolean;
}

function readFrame(
  bytes: Buffer,
  { at, last, header }: {
    readonly at: number;
    readonly last: Predecessor;
    readonly header: Header;
  },
): Frame {
  const stored: Sums = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const from = (sums: Sums) =>
    sumOf(bytes.subarray(frameHeaderBytes), header.little, {
      from: sumOf(bytes.subarray(0, 8), header.little, { from: sums }),
    });
  const same = (sums: Sums) => sums[0] === stored[0] && sums[1] === stored[1];
  const sums = from(last.sums);
  // Its predecessor's checksum may be what is damaged, or what that one covers.
  const provesLast = same(sums);
  const sound = provesLast || same(from(last.stored));
  // The checksum does not cover the salts: where it holds, they are what is damaged.
  const salted = bytes.subarray(8, 16).equals(header.salts);
  const own = salted || (sound && last.own);
  const commitWhole = Math.floor((at + 4) / sectorBytes) === Math.floor((at + 15) / sectorBytes);
  const commits = bytes.readUInt32BE(4) !== 0;
  return { own, sound, salted, provesLast, commitWhole, commits, stored, sums };
}

function readHeader(head: Buffer): Header | null {
  const magic = head.readUInt32BE(0);
  if (magic !== magicLittle && magic !== magicBig) return null;
  const little = magic === magicLittle;
  const sums = sumOf(head.subarray(0, 24), little, { from: [0, 0] });
  if (sums[0] !== head.readUInt32BE(24) || sums[1] !== head.readUInt32BE(28)) return null;
  const pageBytes = head.readUInt32BE(8);
  if (!pageSizes.has(pageBytes)) return null;
  return { pageBytes, little, salts: head.subarray(16, 24), sums };
}

/** All whole frames, in order. Each is valid until the next is asked for. */
async function* frames(file: FileHandle, { pageBytes }: Header) {
  const frameBytes = frameHeaderBytes + pageBytes;
  const buffer = Buffer.alloc(frameBytes * framesPerRead);
  for (let first = 0;; first += framesPerRead) {
    const at = fileHeaderBytes + first * frameBytes;
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    const count = Math.floor(bytesRead / frameBytes);
    for (let index = 0; index < count; index++) {
      const bytes = buffer.subarray(index * frameBytes, (index + 1) * frameBytes);
      yield { bytes, at: at + index * frameBytes, index: first + index };
    }
    if (count < framesPerRead) return;
  }
}

/** Goes on from two sums over more words of 32 bits, of which there is an even number. */
function sumOf(bytes: Buffer, little: boolean, { from }: { readonly from: Sums }): Sums {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [one, two] = from;
  for (let at = 0; at < bytes.length; at += 8) {
    one = (one + view.getUint32(at, little) + two) >>> 0;
    two = (two + view.getUint32(at + 4, little) + one) >>> 0;
  }
  return [one, two];
}
