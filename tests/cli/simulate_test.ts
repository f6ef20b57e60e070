/**
 * `jmessage simulate --jobs` as processes: the sum of two real jobs, and a job whose campaign is
 * gone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** It ends by itself long before, ms; else it is killed, and its exit code is another. */
const ENDS_MS_MAX = 60_000;

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", CLI, "simulate", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(ENDS_MS_MAX),
  }).spawn();
}

Deno.test("simulate: jobs share the schedules and are summed up", async () => {
  const child = start("--runs", "3", "--jobs", "2", "--seed", "7", "--nodes", "2", "--json");
  await child.stdin.close();
  const { success, stdout } = await child.output();
  assert.ok(success);
  const { runs, violations } = JSON.parse(new TextDecoder().decode(stdout));
  assert.deepEqual({ runs, violations }, { runs: 3, violations: 0 });
});

Deno.test("simulate: a job ends once its campaign is gone", async () => {
  const child = start("--job", "--runs", "1000000", "--nodes", "2", "--seed", "7");
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await lines.read()).value ?? "", /^Seed 7\n/, "it runs");
  await child.stdin.close();
  assert.equal((await child.status).code, 1);
  assert.equal((await lines.read()).done, true, "nobody is told a sum");
});
