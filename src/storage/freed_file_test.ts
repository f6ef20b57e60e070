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
  const soon = failing("EBUSY", 2);
  await onceFreed(soon.act);
  assert.equal(soon.calls(), 3);
  const never = failing("EBUSY", Infinity);
  await assert.rejects(onceFreed(never.act), { code: "EBUSY" });
  assert.equal(never.calls(), limits.freeTriesMax);
  const other = failing("EACCES", 1);
  await assert.rejects(onceFreed(other.act), { code: "EACCES" });
  assert.equal(other.calls(), 1);
});
