/**
 * Runs the tests, as `deno task test`: first everything that is quick, side by side, then the
 * tests with real processes, one after another, since those measure time. Ends with one plain
 * line, "N passed, N failed". With arguments it hands them to `deno test` instead and runs just
 * that. It never decides what is a test: that is any `*_test.ts`. For `test_binary.ts` it runs the
 * tests with real processes again, against the executable.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** How many tests came out how. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CLUSTER = "tests/cluster/";
/** Of the executable alone: only `deno task test:binary` runs them. */
const BINARY = "tests/binary/";

/** The counts of a JUnit report; a run that failed without any failed test counts as one. */
export function tally(report: string, success: boolean): Tally {
  const count = (attribute: string) =>
    [...report.matchAll(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`, "g"))]
      .reduce((sum, match) => sum + Number(match[1]), 0);
  const failed = count("failures") + count("errors");
  const passed = count("tests") - count("disabled") - failed;
  return { passed, failed: success || failed > 0 ? failed : 1 };
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Tally> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-test-" });
  const report = join(directory, "report.xml");
  const command = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--no-check", `--junit-path=${report}`, ...args],
    cwd: ROOT,
    env,
    stdin: "null",
  });
  const { success } = await command.spawn().status;
  const text = await Deno.readTextFile(report).catch(() => "");
  await Deno.remove(directory, { recursive: true });
  return tally(text, success);
}

/** Runs all tests, or what the arguments select, prints nothing of its own, and gives the sum. */
export async function runTests(args: readonly string[]): Promise<Tally> {
  if (args.length > 0) return await run(args);
  const quick = await run(["--parallel", `--ignore=${CLUSTER},${BINARY}`]);
  return sum(quick, await run([CLUSTER]));
}

/** Runs the tests with real processes against an executable, and those of the executable alone. */
export async function runBinaryTests(executable: string): Promise<Tally> {
  return await run([BINARY, CLUSTER], { JMESSAGE_PROGRAM: executable });
}

export function sum(one: Tally, other: Tally): Tally {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed };
}

if (import.meta.main) {
  const { passed, failed } = await runTests(Deno.args);
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exit(failed > 0 ? 1 : 0);
}
