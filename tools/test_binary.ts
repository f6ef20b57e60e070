/**
 * `deno task test:binary`: builds the executable and runs the tests with real processes against
 * it. Always builds, so that what is tested is what the sources are now.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runBinaryTests, type Tally } from "./run_tests.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Builds and tests; an executable that cannot be built counts as one failure. */
export async function testBinary(): Promise<Tally> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "tools/compile.ts"],
    cwd: ROOT,
    stdin: "null",
  }).spawn().status;
  return success
    ? await runBinaryTests(join(ROOT, "dist", executable()))
    : { passed: 0, failed: 1 };
}

function executable(): string {
  return Deno.build.os === "windows" ? "jmessage.exe" : "jmessage";
}

if (import.meta.main) {
  const { passed, failed } = await testBinary();
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exit(failed > 0 ? 1 : 0);
}
