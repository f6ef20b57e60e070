/**
 * Waiting for a condition with a deadline: the only way in which the tests with real processes
 * let time pass. It owns no condition.
 *
 * @module
 */

import assert from "node:assert/strict";

const POLL_MS = 20;

/** Resolves once the condition holds; fails with what it waited for after `ms`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly ms: number },
): Promise<void> {
  const deadline = performance.now() + options.ms;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `${options.ms} ms passed without: ${options.what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
