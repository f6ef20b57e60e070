/**
 * Files of closed databases where the system gives no open file away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../limits.ts";
import { onceFreed } from "./freed_file.ts";

function failing(code: string, times: number) {
  let calls = 0;
  const act = () =>
    calls++ < times ? Promise.reject(Object.assign(new Error("no"), { code })) : Promise.resolve();
  return { act, calls: () => calls };
}

Deno.test("freed file: what is in use is asked for again, so many times; all else is told", async () => {
  const options = { platform: "win32", pauseMs: 0 } as const;
  const soon = failing("EBUSY", 2);
  await onceFreed(soon.act, options);
  assert.equal(soon.calls(), 3);
  const never = failing("EBUSY", Infinity);
  await assert.rejects(onceFreed(never.act, options), { code: "EBUSY" });
  assert.equal(never.calls(), limits.freeTriesMax);
  const other = failing("ENOSPC", 1);
  await assert.rejects(onceFreed(other.act, options), { code: "ENOSPC" });
  const elsewhere = failing("EBUSY", 1);
  await assert.rejects(onceFreed(elsewhere.act, { ...options, platform: "linux" }));
  assert.deepEqual([other.calls(), elsewhere.calls()], [1, 1]);
});
