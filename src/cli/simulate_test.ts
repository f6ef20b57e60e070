/**
 * `jmessage simulate`: flags, and what is printed for people and for programs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { prepare } from "./command.ts";
import { simulateCommand } from "./simulate.ts";

/** Runs the command with collected output. */
async function run(...args: string[]) {
  const lines: string[] = [];
  const objects: object[] = [];
  const output = {
    line: (text: string) => void lines.push(text),
    json: (value: object) => void objects.push(value),
    remark: (text: string) => void lines.push(text),
  };
  const command = simulateCommand({ output });
  prepare(command);
  await command.parseAsync(args, { from: "user" });
  return { lines, objects };
}

Deno.test("simulate: the last line with --json sums the runs up", async () => {
  const { objects } = await run("--runs", "3", "--seed", "7", "--nodes", "2", "--json");
  assert.equal(objects.length, 1);
  const summary = objects[0] as Record<string, unknown>;
  assert.deepEqual(
    Object.keys(summary),
    ["runs", "violations", "schedulesPerSecond", "simulatedSeconds", "faults"],
  );
  assert.equal(summary["runs"], 3);
  assert.equal(summary["violations"], 0);
});

Deno.test("simulate: a schedule in a file is run again, printed as numbered steps", async () => {
  const path = await Deno.makeTempFile();
  try {
    const config = {
      nodes: 2,
      spares: 0,
      policy: {
        quorum: "all",
        lastResort: true,
        heartbeatMs: 100,
        failureTimeoutMs: 1000,
        isolationGraceMs: 3000,
      },
      budget: "in",
      ending: "everyone",
      users: 2,
      durationMs: 500,
      state: "model",
    };
    const operations = [{ atMs: 10, kind: "send", from: 0, to: 1 }];
    await Deno.writeTextFile(path, JSON.stringify({ seed: 1, config, operations, faults: [] }));
    const { lines } = await run("--replay", path);
    assert.match(lines[0]!, /1\. at 10 ms: send \(from 0, to 1\)/);
    assert.match(lines[1]!, /^1 schedules, .* 0 violations$/);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("simulate: a wrong range of nodes is told in one line", async () => {
  await assert.rejects(run("--nodes", "5-2"), /Must be as 3 or 2-5/);
});

Deno.test("simulate: a file that is no scenario is told in one line", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "{}");
    await assert.rejects(run("--replay", path), /Cannot read a scenario from/);
  } finally {
    await Deno.remove(path);
  }
});
