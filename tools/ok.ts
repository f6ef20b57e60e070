/**
 * The one gate, as `deno task ok`: format, lint, types, freshness of generated code, then all
 * tests. Runs every step even if an earlier one failed, and ends with the plain closing line of
 * the tests, where each failed step counts as one more failure.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { runTests } from "./run_tests.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const STEPS: readonly (readonly string[])[] = [
  ["fmt", "--check"],
  ["lint"],
  ["check", "."],
  ["run", "--allow-all", "tools/generate_codecs.ts", "--check"],
];

let failedSteps = 0;
for (const args of STEPS) {
  console.log(`deno ${args.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, stdin: "null" });
  const { success } = await command.spawn().status;
  if (success) continue;
  failedSteps += 1;
  console.log(`deno ${args.join(" ")}: failed`);
}
const { passed, failed } = await runTests([]);
console.log(`${passed} passed, ${failed + failedSteps} failed`);
Deno.exit(failed + failedSteps > 0 ? 1 : 0);
