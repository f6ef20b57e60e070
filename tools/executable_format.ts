/**
 * What a program or library is for, read from its own bytes: the executables of other platforms
 * cannot be run where they are built, so this is how it is known that nothing was mixed up. Owns
 * the three formats (ELF, Mach-O, PE) as far as that needs; nothing is changed here.
 *
 * @module
 */

const CPUS: ReadonlyMap<number, string> = new Map([
  // ELF
  [0x3e, "x64"],
  [0xb7, "arm64"],
  // Mach-O
  [0x0100_0007, "x64"],
  [0x0100_000c, "arm64"],
  // PE
  [0x8664, "x64"],
  [0xaa64, "arm64"],
]);

const ELF = 0x464c_457f;
const MACH_O = 0xfeed_facf;
const DOS = 0x5a4d;
const PE = 0x4550;
const PROGRAM_HEADER_INTERPRETER = 3;

/** The platform, named as in `targets.ts`; `undefined` for any other file. */
export function platformOf(bytes: Uint8Array): string | undefined {
  if (bytes.length < 0x40) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) === ELF) return elfPlatform(bytes, view);
  if (view.getUint32(0, true) === MACH_O) return named("macos", view.getUint32(4, true));
  if (view.getUint16(0, true) !== DOS) return undefined;
  const header = view.getUint32(0x3c, true);
  if (header + 6 > bytes.length || view.getUint32(header, true) !== PE) return undefined;
  return named("windows", view.getUint16(header + 4, true));
}

function named(system: string, machine: number): string | undefined {
  const cpu = CPUS.get(machine);
  return cpu === undefined ? undefined : `${system}-${cpu}`;
}

function elfPlatform(bytes: Uint8Array, view: DataView): string | undefined {
  const platform = named("linux", view.getUint16(0x12, true));
  if (platform === undefined) return undefined;
  return needsMusl(bytes, view) ? `${platform}-musl` : platform;
}

/** A program names its dynamic loader; a library names the C library of GNU, or none that is. */
function needsMusl(bytes: Uint8Array, view: DataView): boolean {
  const [table, size, count] = [
    Number(view.getBigUint64(0x20, true)),
    view.getUint16(0x36, true),
    view.getUint16(0x38, true),
  ];
  for (let at = table; at < table + size * count; at += size) {
    if (view.getUint32(at, true) !== PROGRAM_HEADER_INTERPRETER) continue;
    const start = Number(view.getBigUint64(at + 8, true));
    const length = Number(view.getBigUint64(at + 32, true));
    return textOf(bytes.subarray(start, start + length)).includes("/ld-musl-");
  }
  return indexOf(bytes, new TextEncoder().encode("libc.so.6\0")) < 0;
}

/** Where the one lies in the other; -1 if it does not. */
export function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  const first = part[0];
  if (first === undefined) return 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < part.length && bytes[at + length] === part[length]) length++;
    if (length === part.length) return at;
  }
  return -1;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** Largest that an executable may be, bytes: it is downloaded, and kept in memory while it is made. */
export const EXECUTABLE_BYTES_MAX = 140e6;

/** What is wrong with an executable that was made for a platform, with that library in it. */
export function executableProblems(
  bytes: Uint8Array,
  { platform, library }: { readonly platform: string; readonly library: Uint8Array },
): readonly string[] {
  const problems: string[] = [];
  const [program, inside] = [platformOf(bytes), platformOf(library)];
  if (program !== platform) problems.push(`it is for ${program ?? "no known platform"}`);
  if (inside !== platform) problems.push(`its library is for ${inside ?? "no known platform"}`);
  if (indexOf(bytes, library) < 0) problems.push("its library is not in it");
  if (bytes.length > EXECUTABLE_BYTES_MAX) problems.push(`it has ${bytes.length} bytes`);
  return problems;
}
