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
import { setTimeout as delay } from "node:timers/promises";
import { machineCollector } from "../../src/collector.ts";
import { ChatError, type Reason } from "../../src/errors.ts";
import { isOpenHere } from "../../src/storage/open_files.ts";

const FREE_TRIES_MAX = 200;

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

/**
 * Waits until what was closed in a directory is closed for good. The library keeps a connection until
 * it is collected, and one that ends then takes away the files beside its database.
 */
export async function untilFreed(directory: string): Promise<void> {
  const collect = machineCollector();
  for (let tries = 0; tries < FREE_TRIES_MAX; tries++) {
    if (!await isOpenHere(directory)) return;
    collect();
    await delay(10);
  }
  assert.fail(`A database in ${directory} stays open`);
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
