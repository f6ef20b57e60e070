/**
 * `jmessage simulate --jobs` as processes: the sum of two real jobs, and a job whose campaign is
 * gone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", CLI, "simulate", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
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
  const child = start("--job", "--runs", "1000000", "--nodes", "2", "--json");
  await child.stdin.close();
  const { code, stdout } = await child.output();
  assert.equal(code, 1);
  assert.equal(stdout.length, 0, "nobody is told a sum");
});
