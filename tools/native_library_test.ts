/**
 * Shows from what file the executable loads its library: from one in memory, else from one that
 * nobody else can reach and that is gone afterwards; and what it says if neither can be.
 *
 * @module
 */

import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeReadOnly } from "../tests/storage/mounts.ts";
import { inDirectory } from "../tests/storage/temporary.ts";
import { loadLibrary, type Surroundings } from "./native_library.ts";

const BYTES = new TextEncoder().encode("a library");

interface Loaded {
  readonly path: string;
  readonly text: string;
  /** Modes of the file and of its directory. */
  readonly modes: readonly [number, number];
}

/** A process that "loads" by looking at the file; by default without files in memory. */
function surroundings(temporary: string, others: Partial<Surroundings> = {}): Surroundings {
  return {
    platform: "linux",
    temporary,
    openInMemory() {
      throw new Error("no files in memory here");
    },
    load: (path): Loaded => ({
      path,
      text: readFileSync(path, "utf8"),
      modes: [statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777],
    }),
    ...others,
  };
}

Deno.test("native library: on Linux it is in memory, and nothing is written", async () => {
  await inDirectory((directory) => {
    const memory = join(directory, "memory");
    let file = -1;
    const from = surroundings(join(directory, "absent"), {
      openInMemory: () => file = openSync(memory, "w"),
    });
    const loaded = loadLibrary(BYTES, from) as Loaded;
    assert.equal(loaded.text, "a library");
    assert.equal(loaded.path, `/proc/self/fd/${file}`);
    assert.throws(() => closeSync(file), { code: "EBADF" }, "it is closed again");
    assert.deepEqual(readdirSync(directory), ["memory"]);
    return Promise.resolve();
  });
});

Deno.test("native library: without files in memory it is in a directory of this user, then gone", async () => {
  await inDirectory((directory) => {
    const seen = new Set<string>();
    for (const platform of ["linux", "darwin"]) {
      const loaded = loadLibrary(BYTES, surroundings(directory, { platform })) as Loaded;
      assert.equal(loaded.text, "a library");
      assert.deepEqual(loaded.modes, [0o600, 0o700]);
      assert.deepEqual(readdirSync(directory), []);
      seen.add(loaded.path);
    }
    assert.equal(seen.size, 2, "its name is another each time");
    return Promise.resolve();
  });
});

Deno.test("native library: what cannot be loaded is one line with the way out, and leaves nothing", async () => {
  await inDirectory(async (directory) => {
    const noexec = surroundings(directory, {
      load() {
        throw new Error("failed to map segment from shared object");
      },
    });
    assert.throws(() => loadLibrary(BYTES, noexec), {
      message: `Cannot load libSQL by way of ${directory}: failed to map segment from shared ` +
        "object; set TMPDIR to a directory that can be written to, on a file system that is not " +
        "mounted noexec",
    });
    assert.deepEqual(readdirSync(directory), []);
    const writable = await makeReadOnly(directory);
    if (writable === null) return;
    try {
      assert.throws(
        () => loadLibrary(BYTES, surroundings(directory)),
        /^Error: Cannot load libSQL by way of .*(EROFS|EACCES).*; set TMPDIR/,
      );
    } finally {
      await writable();
    }
  });
});

Deno.test("native library: Windows keeps one copy, and never loads another one in its place", async () => {
  await inDirectory((directory) => {
    const from = surroundings(directory, { platform: "win32" });
    const { path } = loadLibrary(BYTES, from) as Loaded;
    const { ino } = statSync(path);
    assert.equal((loadLibrary(BYTES, from) as Loaded).path, path);
    assert.equal(statSync(path).ino, ino, "it was used again");
    writeFileSync(path, "an attack");
    assert.equal((loadLibrary(BYTES, from) as Loaded).text, "a library");
    assert.equal(readdirSync(dirname(path)).length, 1);
    assert.notEqual((loadLibrary(new Uint8Array(3), from) as Loaded).path, path);
    return Promise.resolve();
  });
});
