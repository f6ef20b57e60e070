/**
 * How the executable loads the libSQL library that lies inside it. The system loads libraries from
 * files alone, so one must be made: in memory where that is possible (Linux), else in a directory
 * that only this user can enter and that is gone again once it is loaded. Nobody else can put
 * another library in its place, and no other process finds anything to clean up.
 *
 * `bundle.ts` puts this into the bundle in the place of libSQL's own choice; from source it is not
 * used.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** What loading a library needs from the process; the real one is {@linkcode surroundings}. */
export interface Surroundings {
  readonly platform: string;
  /** Where temporary files may be made. */
  readonly temporary: string;
  /** Opens a file that is in memory alone; throws where there is no such thing. */
  openInMemory(): number;
  /** Loads a library from a file; throws what the system says if it cannot. */
  load(path: string): unknown;
}

/** Flags of `memfd_create`: closed in children; not to be run as a program. */
const CLOSE_ON_EXEC = 1;
const NO_PROGRAM = 8;

interface Ffi {
  dlopen(library: string, what: object): {
    readonly symbols: { memfd_create(name: Uint8Array, flags: number): number };
  };
}

/** Of this process. */
export const surroundings: Surroundings = {
  platform: process.platform,
  temporary: tmpdir(),
  openInMemory() {
    const { dlopen } = process.getBuiltinModule("bun:ffi") as unknown as Ffi;
    // With musl too, which takes this name for its own.
    const { symbols } = dlopen("libc.so.6", {
      memfd_create: { args: ["cstring", "u32"], returns: "i32" },
    });
    const name = new TextEncoder().encode("libsql\0");
    // Kernels before 6.3 do not know the second flag; later ones can be told to demand it.
    for (const flags of [CLOSE_ON_EXEC | NO_PROGRAM, CLOSE_ON_EXEC]) {
      const file = symbols.memfd_create(name, flags);
      if (file >= 0) return file;
    }
    throw new Error("No file in memory");
  },
  load(path) {
    const module = { exports: {} };
    process.dlopen(module, path);
    return module.exports;
  },
};

/** Loads the library with these bytes; throws one line that says what to do if it cannot. */
export function loadLibrary(bytes: Uint8Array, from: Surroundings = surroundings): unknown {
  if (from.platform === "linux") {
    try {
      return loadFromMemory(bytes, from);
    } catch {
      // No `/proc`, or a policy against it: a file does as well.
    }
  }
  try {
    return from.platform === "win32" ? loadKept(bytes, from) : loadFromFile(bytes, from);
  } catch (cause) {
    const [name, where] = from.platform === "win32"
      ? ["TEMP", "that can be written to"]
      : ["TMPDIR", "that can be written to, on a file system that is not mounted noexec"];
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot load libSQL by way of ${from.temporary}: ${why}; set ${name} to a directory ${where}`,
      { cause },
    );
  }
}

function loadFromMemory(bytes: Uint8Array, from: Surroundings): unknown {
  const file = from.openInMemory();
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    return from.load(`/proc/self/fd/${file}`);
  } finally {
    // What is loaded stays.
    closeSync(file);
  }
}

function loadFromFile(bytes: Uint8Array, from: Surroundings): unknown {
  // Its name cannot be guessed, and its mode is 0700.
  const directory = mkdtempSync(join(from.temporary, "jmessage-library-"));
  try {
    const path = join(directory, "libsql.node");
    writeFileSync(path, bytes, { mode: 0o600, flag: "wx" });
    return from.load(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Windows does not delete a library in use, so there one copy is kept, in the temporary directory
 * that each user has alone. It is used again only if it is the same in every byte.
 */
function loadKept(bytes: Uint8Array, from: Surroundings): unknown {
  const directory = join(from.temporary, "jmessage-library");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const hash = createHash("sha256").update(bytes).digest("hex");
  const path = join(directory, `${hash}.node`);
  if (!holds(path, bytes)) {
    const fresh = `${path}.${process.pid}`;
    writeFileSync(fresh, bytes, { mode: 0o600 });
    renameSync(fresh, path);
  }
  return from.load(path);
}

function holds(path: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}
