/**
 * File systems that refuse: read-only ones, full ones, and those that run nothing. Mounted for the
 * test alone, which only root may do, and not everywhere; for other users a test does with
 * permissions, or is told to be ignored.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, readdirSync, rmSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A small file system over a directory. */
export interface SmallDisk {
  /** Leaves no room on it; other work of this process goes on meanwhile. */
  fill(): Promise<void>;
  /** Takes away what filled it. */
  empty(): void;
  enlarge(): Promise<void>;
  unmount(): Promise<void>;
}

/** Why a test is ignored that needs one of these, to stand in its name. */
export const NEEDS_MOUNTS = "needs root, to mount a disk";

/** Whether this user may mount file systems here. */
export async function canMount(): Promise<boolean> {
  const path = await Deno.makeTempDir({ prefix: "jmessage-mount-" });
  try {
    const disk = await mountSmall(path);
    await disk?.unmount();
    return disk !== null;
  } finally {
    await Deno.remove(path);
  }
}

/** Mounts a small file system, of 4 MiB if not told, at `path`; `null` where that cannot be done. */
export async function mountSmall(path: string, megabytes = 4): Promise<SmallDisk | null> {
  if (Deno.uid() !== 0) return null;
  const size = `size=${megabytes}m`;
  if (!await run("mount", ["-t", "tmpfs", "-o", size, "tmpfs", path])) return null;
  const file = join(path, "ballast");
  return {
    empty: () => rmSync(file, { force: true }),
    fill: async () => {
      for (const size of [1 << 20, 1 << 12]) {
        try {
          while (true) await writeFile(file, new Uint8Array(size), { flag: "a" });
        } catch (error) {
          assert.match(String(error), /ENOSPC/);
        }
      }
    },
    enlarge: async () => {
      assert.ok(await run("mount", ["-o", "remount,size=64m", path]));
    },
    unmount: () => unmount(path),
  };
}

/** Lets no program or library in the directory be run; gives the way back, `null` as above. */
export async function mountNoexec(path: string): Promise<(() => Promise<void>) | null> {
  if (Deno.uid() !== 0) return null;
  const options = "noexec,size=32m";
  if (!await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])) return null;
  return () => unmount(path);
}

/** Makes the directory, or one file, read-only for this user; `null` where that cannot be done. */
export async function makeReadOnly(path: string): Promise<(() => Promise<void>) | null> {
  if (Deno.uid() !== 0) {
    const names = statSync(path).isDirectory() ? readdirSync(path) : [];
    chmodSync(path, 0o500);
    for (const name of names) chmodSync(join(path, name), 0o400);
    return () => Promise.resolve(chmodSync(path, 0o700));
  }
  // Permissions mean nothing to root: a read-only mount does.
  if (!await run("mount", ["--bind", path, path])) return null;
  if (await run("mount", ["-o", "remount,bind,ro", path])) return () => unmount(path);
  await unmount(path);
  return null;
}

async function run(command: string, args: string[]): Promise<boolean> {
  const output = await new Deno.Command(command, { args, stderr: "null" }).output();
  return output.success;
}

async function unmount(path: string): Promise<void> {
  // Lazily: the library still has files open there until they are collected.
  assert.ok(await run("umount", ["--lazy", path]));
}
