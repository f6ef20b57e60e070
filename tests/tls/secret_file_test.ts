/**
 * Secrets that come through a pipe, as `--token-file <(…)` of a shell gives them: read like a file,
 * with the same bounds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { limits } from "../../src/limits.ts";
import { readSecretFile, readSecrets } from "../../src/tls/secret_file.ts";
import { withDirectory } from "../support/certificates.ts";

/** What `read` gives of a pipe into which a shell's command writes. */
async function throughPipe<T>(script: string, read: (path: string) => Promise<T>): Promise<T> {
  let result: Promise<T> | undefined;
  await withDirectory(async (directory) => {
    const path = join(directory, "pipe");
    const made = spawn("mkfifo", ["-m", "600", path]);
    assert.deepEqual(await once(made, "close"), [0, null]);
    const writer = spawn("sh", ["-c", `{ ${script}; } >"$0" 2>/dev/null`, path]);
    const closed = once(writer, "close");
    result = read(path);
    await Promise.allSettled([result, closed]);
  });
  assert.ok(result !== undefined);
  return await result;
}

Deno.test({
  name: "secret file: a pipe is read to its end, in pieces too",
  ignore: Deno.build.os === "windows",
  async fn() {
    const token = await throughPipe("printf 'jma_'; sleep 0.1; echo abc", (path) => {
      return readSecretFile(path, "token-file");
    });
    assert.equal(token, "jma_abc");
    const two = await throughPipe("printf 'one\\ntwo\\n'", (path) => {
      return readSecrets(path, { flag: "cluster-secret-file", linesMax: 2 });
    });
    assert.deepEqual(two, ["one", "two"]);
  },
});

Deno.test({
  name: "secret file: a pipe without an end is too long, and not read on",
  ignore: Deno.build.os === "windows",
  async fn() {
    const endless = "while :; do printf 0123456789 || exit; done";
    await assert.rejects(
      throughPipe(endless, (path) => readSecretFile(path, "token-file")),
      { reason: "INVALID_ARGUMENT", message: /Cannot use --token-file .*too long for a secret/ },
    );
    const most = `printf '%0${limits.secretFileBytesMax}d' 1`;
    const longest = await throughPipe(most, (path) => readSecretFile(path, "token-file"));
    assert.equal(longest.length, limits.secretFileBytesMax);
  },
});
