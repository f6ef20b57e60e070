/**
 * A flipped bit may hit each file whose bytes a start checks, and no other.
 *
 * @module
 */

import assert from "node:assert/strict";
import { filesToDamage } from "./node_faults.ts";

Deno.test("torture damage: both databases and both write-ahead logs, of any generation", () => {
  const databases = ["chat-12.db", "chat-12.db-wal", "log.db", "log.db-wal"];
  const others = ["chat-12.db-shm", "lock", "log.db-shm", "damaged-1", "chat-x.db"];
  assert.deepEqual(filesToDamage([...others, ...databases.toReversed()]), databases);
});
