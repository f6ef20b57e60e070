/**
 * The one gate, as `deno task ok`: format, lint, types, freshness of generated code, then all
 * tests, those with real processes once more against the executable, then two minutes of torture.
 * Runs every step even if an earlier one failed, and ends with the plain closing line of the
 * tests, where each failed step counts as one more failure.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { runTests, sum } from "./run_tests.ts";
import { testBinary } from "./test_binary.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const STEPS: readonly (readonly string[])[] = [
  ["fmt", "--check"],
  ["lint"],
  ["check", "."],
  ["run", "--allow-all", "tools/generate_codecs.ts", "--check"],
];

/** Real nodes under faults, by each policy; the seeds are fixed, so that a failure can be repeated. */
const TORTURE: readonly (readonly string[])[] = [
  ["--seed", "1", "--quorum", "all", "--last-resort", "on"],
  ["--seed", "2", "--quorum", "all", "--last-resort", "off"],
  ["--seed", "3", "--quorum", "majority", "--nodes", "5"],
].map((flags) => ["run", "--allow-all", "tests/torture/main.ts", "--minutes", "0.67", ...flags]);

/** Runs the steps one after another; resolves with how many of them failed. */
async function failuresOf(steps: readonly (readonly string[])[]): Promise<number> {
  let failures = 0;
  for (const args of steps) {
    console.log(`deno ${args.join(" ")}`);
    const options: Deno.CommandOptions = { args: [...args], cwd: ROOT, stdin: "null" };
    const { success } = await new Deno.Command(Deno.execPath(), options).spawn().status;
    if (success) continue;
    failures += 1;
    console.log(`deno ${args.join(" ")}: failed`);
  }
  return failures;
}

let failedSteps = await failuresOf(STEPS);
const { passed, failed } = sum(await runTests([]), await testBinary());
failedSteps += await failuresOf(TORTURE);
console.log(`${passed} passed, ${failed + failedSteps} failed`);
Deno.exit(failed + failedSteps > 0 ? 1 : 0);
