/**
 * The demo as a newcomer runs it, without a terminal: it proves what it promises, is over
 * within a minute, and leaves neither processes nor files behind, even if it is interrupted.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";

/** Runs `test` with a demo that keeps its files in a directory of its own. */
async function withDemo(
  test: (demo: Deno.ChildProcess, directory: string) => Promise<void>,
  { below = "" } = {},
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-demo-test-" });
  const demo = new Deno.Command(PROGRAM.command, {
    args: [...PROGRAM.args, "demo"],
    env: { TMPDIR: directory + below },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    await test(demo, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Ids of the processes that a printed line names. */
function processesOf(text: string): readonly number[] {
  return [...text.matchAll(/, process (\d+)$/gm)].map((match) => Number(match[1]));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function entries(directory: string): readonly string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name);
}

Deno.test("demo: kills the leader, proves that nothing was lost, and cleans up", async () => {
  await withDemo(async (demo, directory) => {
    const started = performance.now();
    const { code, stdout, stderr } = await demo.output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, text + new TextDecoder().decode(stderr));
    assert.match(text, /the leader, is killed \(SIGKILL\)/);
    assert.match(text, /All 22 acknowledged messages are in the history, and arrived, once/);
    assert.match(text, /All 3 databases are identical at index \d+/);
    assert.match(text, /^failover: \d+ ms/m);
    assert.ok(performance.now() - started < 60_000, "it took less than a minute");
    assert.equal(processesOf(text).length, 3);
    assert.deepEqual(processesOf(text).filter(isRunning), []);
    assert.deepEqual(entries(directory), []);
  });
});

Deno.test("demo: interrupted in the middle, it cleans up and fails", async () => {
  await withDemo(async (demo, directory) => {
    let text = "";
    const errors = new Response(demo.stderr).text();
    const reading = demo.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (chunk) => void (text += chunk) }),
    );
    await until(() => text.includes("Two accounts talk"), { what: "the talk", ms: 40_000 });
    demo.kill("SIGINT");
    const { code } = await demo.status;
    await reading;
    assert.equal(code, 1);
    assert.equal(await errors, "jmessage: The demo was interrupted\n");
    assert.deepEqual(processesOf(text).filter(isRunning), []);
    assert.deepEqual(entries(directory), []);
  });
});

Deno.test("demo: with nobody left to read it, it still cleans up", async () => {
  await withDemo(async (demo, directory) => {
    const errors = new Response(demo.stderr).text();
    const reader = demo.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (processesOf(text).length === 0) text += (await reader.read()).value ?? "";
    await reader.cancel();
    assert.equal((await demo.status).code, 0, await errors);
    assert.deepEqual(processesOf(text).filter(isRunning), []);
    assert.deepEqual(entries(directory), []);
  });
});

Deno.test("demo: where no directory can be made, it says which and what to set", async () => {
  await withDemo(async (demo, directory) => {
    const { code, stdout, stderr } = await demo.output();
    assert.deepEqual([code, new TextDecoder().decode(stdout)], [2, ""]);
    assert.equal(
      new TextDecoder().decode(stderr),
      `jmessage: Cannot make a directory for the demo in ${directory}/none: there is no such file ` +
        "or directory; set TMPDIR to a directory that can be written to\n",
    );
  }, { below: "/none" });
});
