/**
 * A flipped bit may hit each file whose bytes a start checks, and no other; a stop is clean or it is not.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { NodeExit } from "../../src/cli/node_process.ts";
import { filesToDamage, isEndedByOther, isStop } from "./node_faults.ts";

Deno.test("torture damage: both databases and both write-ahead logs, of any generation", () => {
  const databases = ["chat-12.db", "chat-12.db-wal", "log.db", "log.db-wal"];
  const others = ["chat-12.db-shm", "lock", "log.db-shm", "damaged-1", "chat-x.db"];
  assert.deepEqual(filesToDamage([...others, ...databases.toReversed()]), databases);
});

Deno.test("torture stops: exit code 0, or a signal that found no node yet", () => {
  const one = (code: number | null, signal: NodeExit["signal"], isMute: boolean) =>
    isStop({ code, signal }, { isMute });
  assert.equal(one(0, null, false), true);
  assert.equal(one(1, null, false), false);
  assert.equal(one(null, "SIGKILL", false), true, "killed while it stopped");
  assert.equal(one(null, "SIGTERM", true), true, "told before it began");
  assert.equal(one(null, "SIGTERM", false), false, "it ran, and did not stop by itself");
  assert.equal(one(1, null, true), false);
});

Deno.test("torture damage: who is killed or told to stop meanwhile need not say what it found", () => {
  const one = (exit: NodeExit, isTold: boolean) => isEndedByOther(exit, { isTold, isMute: false });
  assert.equal(one({ code: null, signal: "SIGKILL" }, false), true);
  assert.equal(one({ code: 0, signal: null }, true), true, "it stopped in order");
  assert.equal(one({ code: 0, signal: null }, false), false, "it gave up without a word of it");
  assert.equal(one({ code: 1, signal: null }, true), false);
});
