/**
 * Shows that the closing line of the tests tells the truth.
 *
 * @module
 */

import assert from "node:assert/strict";
import { tally } from "./run_tests.ts";

const REPORT = `<testsuites name="deno test" tests="9" failures="9" errors="9">
  <testsuite name="./a_test.ts" tests="6" disabled="1" errors="0" failures="2"></testsuite>
  <testsuite name="./b_test.ts" tests="3" disabled="0" errors="1" failures="0"></testsuite>
</testsuites>`;

Deno.test("test tally: adds up the suites, and ignored tests are neither", () => {
  assert.deepEqual(tally(REPORT, false), { passed: 5, failed: 3 });
});

Deno.test("test tally: a run that broke before any test is a failure", () => {
  assert.deepEqual(tally("", false), { passed: 0, failed: 1 });
  assert.deepEqual(tally("", true), { passed: 0, failed: 0 });
});
