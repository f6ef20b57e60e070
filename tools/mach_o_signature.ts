/**
 * The signature within a Mach-O program. macOS ends a program whose signature does not fit its
 * bytes, yet runs one for x64 that has none; Bun signs again what it makes for arm64, and leaves
 * the signature of the bare runtime in what it makes for x64. Owns how to tell, and how to take
 * out what does not fit; it signs nothing.
 *
 * @module
 */

import { createHash } from "node:crypto";

const HEADER_BYTES = 32;
const LOAD_SEGMENT = 0x19;
const LOAD_SIGNATURE = 0x1d;
const CODE_DIRECTORY = 0xfade_0c02;
const SHA256 = 2;

interface LoadCommand {
  readonly kind: number;
  readonly at: number;
  readonly size: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function loadCommands(view: DataView): readonly LoadCommand[] {
  const commands: LoadCommand[] = [];
  let at = HEADER_BYTES;
  for (let left = view.getUint32(16, true); left > 0; left--) {
    const size = view.getUint32(at + 4, true);
    commands.push({ kind: view.getUint32(at, true), at, size });
    at += size;
  }
  return commands;
}

/** Whether there is a signature, and whether it is that of these bytes. */
export function signatureState(bytes: Uint8Array): "absent" | "fits" | "stale" {
  const view = viewOf(bytes);
  const signature = loadCommands(view).find(({ kind }) => kind === LOAD_SIGNATURE);
  if (signature === undefined) return "absent";
  const blob = view.getUint32(signature.at + 8, true);
  // An index of parts: pairs of a kind and where the part begins.
  for (let left = view.getUint32(blob + 8), at = blob + 12; left > 0; left--, at += 8) {
    const part = blob + view.getUint32(at + 4);
    if (view.getUint32(part) !== CODE_DIRECTORY) continue;
    return pagesFit(bytes, { directory: part, end: blob }) ? "fits" : "stale";
  }
  return "stale";
}

/** The code directory has a hash of every page up to the signature itself. */
function pagesFit(
  bytes: Uint8Array,
  { directory, end }: { readonly directory: number; readonly end: number },
): boolean {
  const view = viewOf(bytes);
  const hashes = directory + view.getUint32(directory + 16);
  const [pages, limit] = [view.getUint32(directory + 28), view.getUint32(directory + 32)];
  const [hashBytes, hash] = [view.getUint8(directory + 36), view.getUint8(directory + 37)];
  const pageBytes = 2 ** view.getUint8(directory + 39);
  if (hash !== SHA256 || limit !== end || pages !== Math.ceil(limit / pageBytes)) return false;
  for (let page = 0; page < pages; page++) {
    const start = page * pageBytes;
    const covered = bytes.subarray(start, Math.min(start + pageBytes, limit));
    const expected = bytes.subarray(hashes + page * hashBytes, hashes + (page + 1) * hashBytes);
    const digest = createHash("sha256").update(covered).digest().subarray(0, hashBytes);
    if (!digest.equals(expected)) return false;
  }
  return true;
}

/** The same program without its signature, which is the last thing in the file. */
export function withoutSignature(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes);
  const commands = loadCommands(view);
  const signature = commands.find(({ kind }) => kind === LOAD_SIGNATURE);
  if (signature === undefined) return bytes;
  const start = view.getUint32(signature.at + 8, true);
  const end = start + view.getUint32(signature.at + 12, true);
  const segment = commands.find(({ kind, at }) =>
    kind === LOAD_SEGMENT && fileEnd(view, at) === bytes.length
  );
  if (end !== bytes.length || segment === undefined) {
    throw new Error("Cannot take out a signature that is not at the end");
  }
  const result = bytes.slice(0, start);
  const out = viewOf(result);
  const commandsEnd = HEADER_BYTES + view.getUint32(20, true);
  result.copyWithin(signature.at, signature.at + signature.size, commandsEnd);
  result.fill(0, commandsEnd - signature.size, commandsEnd);
  out.setUint32(16, commands.length - 1, true);
  out.setUint32(20, commandsEnd - HEADER_BYTES - signature.size, true);
  // The segment may stand after the signature's command, and have moved.
  const moved = segment.at > signature.at ? segment.at - signature.size : segment.at;
  const fileStart = Number(out.getBigUint64(moved + 40, true));
  out.setBigUint64(moved + 48, BigInt(start - fileStart), true);
  return result;
}

/** Where the bytes of a segment end in the file. */
function fileEnd(view: DataView, segment: number): number {
  return Number(view.getBigUint64(segment + 40, true) + view.getBigUint64(segment + 48, true));
}
