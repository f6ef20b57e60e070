/**
 * Temporary directories for tests of storage: made, copied as a killed process would leave them,
 * and removed afterwards.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatError, type Reason } from "../../src/errors.ts";

/** Runs `body` in a directory of its own. */
export async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = newDirectory();
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Runs `body` on a copy of the files as they are now: what `kill -9` would leave. */
export async function onCrashCopy(
  directory: string,
  body: (copy: string) => Promise<void>,
): Promise<void> {
  await inDirectory(async (copy) => {
    cpSync(directory, copy, { recursive: true });
    await body(copy);
  });
}

export function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), "jmessage-storage-"));
}

/** Expects one `ChatError` of this reason, in one line that matches. */
export async function rejectsWith(
  promise: Promise<unknown>,
  reason: Reason,
  message: RegExp,
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ChatError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"), "one line");
    return true;
  });
}
