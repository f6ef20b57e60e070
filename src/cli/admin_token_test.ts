/**
 * Shows that a new admin token is not made in vain: the file that it goes into is looked at before
 * anybody is asked, and where nobody knows whether it holds, it is not lost.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../errors.ts";
import type { AdminApi } from "../rpc/api.ts";
import { adminCommand } from "./admin.ts";
import { runProgram } from "./program.ts";

interface Trial {
  readonly code: number;
  readonly error: string;
  /** Calls of any kind that the cluster got. */
  readonly calls: number;
  /** What was printed and done, in order. */
  readonly events: readonly string[];
}

/** Rotates at a cluster whose only member gives `answer`, or that cannot be found after it did. */
async function rotate(
  flags: readonly string[],
  { answer, thenGone = false }: { readonly answer: () => Promise<object>; thenGone?: boolean },
): Promise<Trial> {
  let error = "";
  let calls = 0;
  const events: string[] = [];
  let rotated = false;
  const count = <T>(work: () => Promise<T>) => {
    calls += 1;
    return work();
  };
  const gone = () => Promise.reject(new ChatError("NO_ANSWER", "gone"));
  const member = { id: "a", clientAddress: "a:1", appliedIndex: 1, commitIndex: 1 };
  const api = {
    status: () =>
      count(() =>
        rotated && thenGone
          ? gone()
          : Promise.resolve({ clusterId: "k", leader: "a", self: "a", members: [member] })
      ),
    rotateAdminToken: () =>
      count(() => {
        rotated = true;
        events.push("asked");
        return answer();
      }),
    close() {},
  } as unknown as AdminApi & { close(): void };
  const print = (text: string) => void events.push(text.replace(/jma_[\w-]{43}/, "TOKEN"));
  const output = {
    line: print,
    json: (value: object) => print(JSON.stringify(value)),
    remark: print,
    taken: () => Promise.resolve(print("taken")),
  };
  const load = () => Promise.resolve(adminCommand({ connect: () => api, output }));
  const code = await runProgram(["admin", "token", "rotate", "-s", "a:1", ...flags], {
    commands: [{ name: "admin", summary: "look after a cluster", load }],
    onError: (line) => void (error = line),
  });
  return { code, error, calls, events };
}

const done = () => Promise.resolve({});

async function withFiles(show: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-token-" });
  try {
    await show(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("admin token: a path that cannot be written is refused before anybody is asked", async () => {
  await withFiles(async (directory) => {
    await Deno.mkdir(`${directory}/dir`);
    await Deno.writeTextFile(`${directory}/file`, "old");
    await Deno.symlink("file", `${directory}/link`);
    await Deno.symlink("nowhere", `${directory}/dangling`);
    const before = namesIn(directory);
    const noFile = "it is no plain file; give the path of one";
    const noDirectory = "there is no such file or directory; give another path";
    const paths = [
      [`${directory}/dir`, noFile],
      [`${directory}/link`, noFile],
      [`${directory}/dangling`, noFile],
      ["/dev/null", noFile],
      [`${directory}/none/file`, noDirectory],
      [`${directory}/none/`, noDirectory],
      [`${directory}/file/below`, "a part of its path is no directory; give another path"],
      [`${directory}/${"x".repeat(253)}`, "its name is too long; give another path"],
      ["", "the path is empty; give that of a file"],
    ] as const;
    for (const [path, why] of paths) {
      const { code, error, calls } = await rotate(["--out", path], { answer: done });
      assert.equal(error, `jmessage: Cannot write the token to --out ${path}: ${why}`);
      assert.deepEqual([code, calls], [2, 0], path);
    }
    assert.deepEqual(namesIn(directory), before, "nothing is left");
    assert.equal(await Deno.readTextFile(`${directory}/file`), "old");
  });
});

Deno.test("admin token: it is printed, and taken, before it is in force", async () => {
  const json = await rotate(["--json"], { answer: done });
  assert.deepEqual([json.code, json.events], [0, ['{"token":"TOKEN"}', "taken", "asked"]]);
  const text = await rotate([], { answer: done });
  const after = "(it is shown this once; the old one is good no more)";
  assert.deepEqual(text.events, ["admin token: TOKEN", "taken", "asked", after]);
  const refuse = () => Promise.reject(new ChatError("PERMISSION_DENIED", "somebody else did"));
  const refused = await rotate(["--json"], { answer: refuse });
  const remark = "the token that was shown is not good: the old one holds";
  assert.deepEqual([refused.code, refused.events.at(-1)], [1, remark]);
});

Deno.test("admin token: a plain file is replaced once the token holds, and not if it is refused", async () => {
  await withFiles(async (directory) => {
    const file = `${directory}/admin.token`;
    await Deno.writeTextFile(file, "old");
    const refuse = () => Promise.reject(new ChatError("PERMISSION_DENIED", "somebody else did"));
    assert.equal((await rotate(["--out", file], { answer: refuse })).code, 1);
    assert.deepEqual([namesIn(directory), await Deno.readTextFile(file)], [["admin.token"], "old"]);
    assert.equal((await rotate(["--out", file], { answer: done })).code, 0);
    assert.deepEqual(namesIn(directory), ["admin.token"]);
    assert.match(await Deno.readTextFile(file), /^jma_[\w-]{43}\n$/);
  });
});

Deno.test("admin token: one that may hold is kept, and the error says where", async () => {
  await withFiles(async (directory) => {
    const file = `${directory}/admin.token`;
    const lost = () => Promise.reject(new ChatError("NO_ANSWER", "no answer came"));
    // Whoever cannot be found again later has not said that nothing was done.
    for (const thenGone of [false, true]) {
      const flags = ["--timeout", "1", "--out", file];
      const { code, error } = await rotate(flags, { answer: lost, thenGone });
      assert.equal(code, 1);
      assert.match(
        error,
        /^jmessage: Cannot tell whether the token was changed \(no answer came\)/,
      );
      assert.ok(error.includes(`the new one is in ${file}.new; try it with --token-file`), error);
      assert.match(await Deno.readTextFile(`${file}.new`), /^jma_/);

      const again = await rotate(flags, { answer: done });
      assert.deepEqual([again.code, again.calls], [2, 0], "it is not lost to the next one either");
      assert.ok(again.error.includes(`try it (--token-file ${file}.new)`), again.error);
      await Deno.remove(`${file}.new`);
    }
    const { error } = await rotate(["--timeout", "1"], { answer: lost });
    assert.match(error, /the new one is jma_[\w-]{43}; try it as JMESSAGE_ADMIN_TOKEN/);
  });
});

Deno.test("admin token: a full disk changes nothing", {
  // A small disk of its own takes root.
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
}, async () => {
  await withFiles(async (directory) => {
    const run = (command: string, ...args: string[]) =>
      new Deno.Command(command, { args, stderr: "null" }).output();
    const mounted = await run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", directory);
    if (!mounted.success) return;
    try {
      await Deno.writeFile(`${directory}/full`, new Uint8Array(4_096));
      const { code, error, calls } = await rotate(["--out", `${directory}/x`], { answer: done });
      assert.deepEqual([code, calls, namesIn(directory)], [1, 0, ["full"]]);
      assert.match(
        error,
        /Cannot write the token to --out .*\/x: the disk is full; free some space/,
      );
    } finally {
      await run("umount", directory);
    }
  });
});
