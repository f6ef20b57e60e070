/**
 * Shows that the platform is read from a file's own bytes, with made-up files of each format, and
 * that an executable for another machine, or with another library in it, is found out.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  EXECUTABLE_BYTES_MAX,
  executableProblems,
  indexOf,
  platformOf,
} from "./executable_format.ts";

const TEXT_AT = 0x100;

/** A file of some numbers, by place and width in bytes, and a text further behind. */
function file(
  numbers: readonly (readonly [at: number, width: 2 | 4 | 8, value: number])[],
  text = "",
): Uint8Array {
  const bytes = new Uint8Array(0x200);
  const view = new DataView(bytes.buffer);
  for (const [at, width, value] of numbers) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
  }
  bytes.set(new TextEncoder().encode(text), TEXT_AT);
  return bytes;
}

/** Without a loader it is a library. */
function elf(machine: number, { loader = "", text = "" }): Uint8Array {
  return file([
    [0, 4, 0x464c457f],
    [0x12, 2, machine],
    [0x20, 8, 0x40],
    [0x36, 2, 56],
    [0x38, 2, 2],
    [0x40, 4, 6],
    [0x78, 4, loader === "" ? 1 : 3],
    [0x80, 8, TEXT_AT],
    [0x98, 8, loader.length],
  ], loader + text);
}

const machO = (cpu: number) => file([[0, 4, 0xfeedfacf], [4, 4, cpu]]);
const pe = (machine: number) =>
  file([[0, 2, 0x5a4d], [0x3c, 4, 0x80], [0x80, 4, 0x4550], [0x84, 2, machine]]);

Deno.test("executable format: tells system, processor and C library from the bytes", () => {
  const cases: [Uint8Array, string | undefined][] = [
    [elf(62, { loader: "/lib64/ld-linux-x86-64.so.2\0" }), "linux-x64"],
    [elf(183, { loader: "/lib/ld-linux-aarch64.so.1\0" }), "linux-arm64"],
    [elf(62, { loader: "/lib/ld-musl-x86_64.so.1\0", text: "libc.so.6\0" }), "linux-x64-musl"],
    [elf(183, { loader: "/lib/ld-musl-aarch64.so.1\0" }), "linux-arm64-musl"],
    [elf(62, { text: "\0libc.so.6\0" }), "linux-x64"],
    [elf(62, { text: "\0libc.so\0" }), "linux-x64-musl"],
    [elf(40, {}), undefined],
    [machO(0x0100000c), "macos-arm64"],
    [machO(0x01000007), "macos-x64"],
    [pe(0x8664), "windows-x64"],
    [pe(0x14c), undefined],
    [file([[0, 2, 0x5a4d], [0x3c, 4, 0xffff]]), undefined],
    [file([], "#!/bin/sh"), undefined],
    [new Uint8Array(8), undefined],
  ];
  for (const [bytes, expected] of cases) assert.equal(platformOf(bytes), expected);
});

Deno.test("executable format: finds a part wherever it lies, and nothing that is only like it", () => {
  const bytes = Uint8Array.of(1, 1, 2, 1, 1, 2, 3);
  assert.equal(indexOf(bytes, Uint8Array.of(1, 1, 2, 3)), 3);
  assert.equal(indexOf(bytes, Uint8Array.of(2, 3)), 5);
  assert.equal(indexOf(bytes, Uint8Array.of(2, 3, 4)), -1);
  assert.equal(indexOf(bytes, Uint8Array.of(7)), -1);
});

Deno.test("executable format: an executable with anything mixed up is told", () => {
  const library = elf(62, { text: "libc.so.6\0" });
  const other = elf(183, { text: "libc.so.6\0" });
  const program = elf(62, { loader: "/lib64/ld-linux-x86-64.so.2\0" });
  const whole = Uint8Array.of(...program, ...library);
  const platform = "linux-x64";
  assert.deepEqual(executableProblems(whole, { platform, library }), []);
  assert.deepEqual(executableProblems(program, { platform, library }), [
    "its library is not in it",
  ]);
  assert.deepEqual(executableProblems(whole, { platform, library: other }), [
    "its library is for linux-arm64",
    "its library is not in it",
  ]);
  assert.deepEqual(executableProblems(whole, { platform: "linux-x64-musl", library }), [
    "it is for linux-x64",
    "its library is for linux-x64",
  ]);
  const large = new Uint8Array(EXECUTABLE_BYTES_MAX + 1);
  large.set(whole);
  assert.deepEqual(executableProblems(large, { platform, library }), [
    `it has ${large.length} bytes`,
  ]);
});
