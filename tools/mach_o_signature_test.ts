/**
 * Shows with a small made-up program that a signature is known to fit or not, and that what is left
 * without one is the program it was.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { signatureState, withoutSignature } from "./mach_o_signature.ts";

const PAGE = 4096;
const SIGNATURE_AT = 2 * PAGE + 100;
const SIGNATURE_BYTES = 12 + 8 + 44 + 3 * 32;
const COMMANDS = { signature: 32, segment: 48, last: 48 + 72 };
/** In front of the hashes, from the start of the signature. */
const DIRECTORY = 20;

/** A program of three pages: a signature, its segment and one command more, in this order. */
function signed(): Uint8Array {
  const bytes = new Uint8Array(SIGNATURE_AT + SIGNATURE_BYTES).fill(7, 200, SIGNATURE_AT);
  const view = new DataView(bytes.buffer);
  const put = (at: number, ...values: number[]) =>
    values.forEach((value, index) => view.setUint32(at + 4 * index, value, true));
  put(0, 0xfeedfacf, 0x01000007, 3, 2, 3, 16 + 72 + 24);
  put(COMMANDS.signature, 0x1d, 16, SIGNATURE_AT, SIGNATURE_BYTES);
  put(COMMANDS.segment, 0x19, 72);
  view.setBigUint64(COMMANDS.segment + 40, BigInt(PAGE), true);
  view.setBigUint64(COMMANDS.segment + 48, BigInt(bytes.length - PAGE), true);
  put(COMMANDS.last, 0x32, 24, 1, 2, 3, 4);
  sign(bytes);
  return bytes;
}

function sign(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  const put = (at: number, ...values: number[]) =>
    values.forEach((value, index) => view.setUint32(SIGNATURE_AT + at + 4 * index, value));
  put(0, 0xfade0cc0, SIGNATURE_BYTES, 1, 0, DIRECTORY);
  put(DIRECTORY, 0xfade0c02, 44 + 96, 0x20400, 2, 44, 0, 0, 3, SIGNATURE_AT);
  bytes.set([32, 2, 0, 12], SIGNATURE_AT + DIRECTORY + 36);
  for (let page = 0; page < 3; page++) {
    const covered = bytes.subarray(page * PAGE, Math.min((page + 1) * PAGE, SIGNATURE_AT));
    const hash = createHash("sha256").update(covered).digest();
    bytes.set(hash, SIGNATURE_AT + DIRECTORY + 44 + page * 32);
  }
}

Deno.test("Mach-O signature: fits until one byte is another, or not all is covered", () => {
  const bytes = signed();
  assert.equal(signatureState(bytes), "fits");
  for (const at of [30, PAGE + 1, SIGNATURE_AT - 1]) {
    bytes[at]! ^= 1;
    assert.equal(signatureState(bytes), "stale", `byte ${at}`);
    bytes[at]! ^= 1;
  }
  // Two pages and their hashes, which are right: the third could hold anything.
  const view = new DataView(bytes.buffer);
  view.setUint32(SIGNATURE_AT + DIRECTORY + 28, 2);
  view.setUint32(SIGNATURE_AT + DIRECTORY + 32, 2 * PAGE);
  assert.equal(signatureState(bytes), "stale");
});

Deno.test("Mach-O signature: taken out, the rest is as it was, and the segment ends with the file", () => {
  const bytes = signed();
  const bare = withoutSignature(bytes);
  assert.equal(signatureState(bare), "absent");
  assert.equal(bare.length, SIGNATURE_AT);
  assert.deepEqual(bare.subarray(200), bytes.subarray(200, SIGNATURE_AT));
  const view = new DataView(bare.buffer);
  assert.deepEqual([view.getUint32(16, true), view.getUint32(20, true)], [2, 72 + 24]);
  const [segment, last] = [32, 32 + 72];
  assert.equal(view.getUint32(segment, true), 0x19);
  assert.equal(Number(view.getBigUint64(segment + 40, true)), PAGE);
  assert.equal(Number(view.getBigUint64(segment + 48, true)), SIGNATURE_AT - PAGE);
  const rest = [0, 4, 8, 12, 16, 20, 24].map((at) => view.getUint32(last + at, true));
  assert.deepEqual(rest, [0x32, 24, 1, 2, 3, 4, 0]);
  assert.equal(withoutSignature(bare), bare);
});

Deno.test("Mach-O signature: one that is not at the end is left alone", () => {
  const bytes = Uint8Array.of(...signed(), 0);
  assert.throws(() => withoutSignature(bytes), /not at the end/);
});
