/**
 * The jobs of `jmessage simulate`: their shares, their sum, and what one that fails does to the
 * others. The jobs are processes, of a program that says what a simulation would say.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { runJobs } from "./simulate_jobs.ts";

/** Runs two jobs of a program that has `runs`, `seed` and `say`, which prints a line of JSON. */
async function runTwo(script: string) {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  const flag = (name: string) => `Number(Deno.args[Deno.args.indexOf("--${name}") + 1])`;
  try {
    await Deno.writeTextFile(
      path,
      `const [runs, seed] = [${flag("runs")}, ${flag("seed")}];
      const say = (value: object) => console.log(JSON.stringify(value));
      ${script}`,
    );
    return await runJobs({
      program: { command: process.execPath, args: ["run", "--allow-all", path] },
      flags: [],
      runs: 7,
      seed: 40,
      jobs: 2,
      onProgress: () => {},
    });
  } finally {
    await Deno.remove(path);
  }
}

const violation = {
  event: "violation",
  checker: "Durability",
  kind: "safety",
  atMs: 5,
  message: "gone",
} as const;

/** What a job says of its sum beside its runs. */
const NOTHING = "violations: 0, simulatedSeconds: 1, faults: {}, undecided: 0, coverage: {}";

Deno.test("jobs: each has its share and its seed, and all are summed up", async () => {
  const result = await runTwo(
    `say({ event: "undecided", path: "open-" + seed });
    say({
      runs,
      violations: 0,
      simulatedSeconds: 3,
      faults: { crash: 1, ['of ' + seed]: runs },
      undecided: 1,
      coverage: { crash: { join: { cluster: runs, node: 1 } } },
    });`,
  );
  assert.deepEqual(result, {
    runs: 7,
    simulatedSeconds: 6,
    faults: { crash: 2, "of 40": 4, "of 41": 3 },
    undecided: 2,
    coverage: { crash: { join: { cluster: 7, node: 2 } } },
    violations: [],
    failurePath: null,
    undecidedPaths: ["open-40", "open-41"],
  });
});

Deno.test("jobs: one that finds a violation ends the others, and its schedule is told", async () => {
  const result = await runTwo(
    `if (seed === 40) setInterval(() => {}, 1_000);
    else {
      say(${JSON.stringify(violation)});
      say({ event: "failure", path: "schedule-" + seed });
      say({ runs: 2, ${NOTHING} });
      Deno.exitCode = 1;
    }`,
  );
  assert.deepEqual(result.violations, [violation]);
  assert.equal(result.failurePath, "schedule-41");
  assert.equal(result.runs, 2);
});

Deno.test("jobs: of two that find a violation, the one of safety is told", async () => {
  const result = await runTwo(
    `const said = import.meta.filename + ".said";
    const tell = (kind: string) => {
      say({ event: "violation", checker: "X", kind, atMs: 5, message: "gone" });
      say({ event: "failure", path: "schedule-" + seed });
    };
    if (seed === 40) {
      tell("liveness");
      Deno.writeTextFileSync(said, "");
      setInterval(() => {}, 1_000);
    } else {
      // Only once the other one has found what it finds.
      const look = () => {
        try {
          Deno.removeSync(said);
        } catch {
          return void setTimeout(look, 5);
        }
        tell("safety");
        say({ runs: 2, ${NOTHING} });
      };
      look();
    }`,
  );
  assert.equal(result.failurePath, "schedule-41");
  assert.deepEqual(result.violations.map(({ kind }) => kind), ["safety"]);
});

Deno.test("jobs: one that ends without its sum fails the campaign with its last words", async () => {
  const running = runTwo(
    `if (seed === 40) setInterval(() => {}, 1_000);
    else {
      console.error("out of luck");
      Deno.exit(3);
    }`,
  );
  await assert.rejects(running, /Job 2 ended by exit code 3: out of luck/);
});
