/**
 * The end of a port: once, and as soon as the least patient of those who close it wants.
 *
 * @module
 */

import assert from "node:assert/strict";
import { closeInTime } from "./port.ts";

const PATIENT_MS = 10_000;

Deno.test("port: closing again hastens the first closing, and is no second one", async () => {
  const broken = Promise.withResolvers<void>();
  let [closings, breaks] = [0, 0];
  const close = closeInTime(() => {
    closings += 1;
    return broken.promise;
  }, () => {
    breaks += 1;
    broken.resolve();
  });
  const begun = performance.now();
  await Promise.all([close(PATIENT_MS), close(1)]);
  assert.ok(performance.now() - begun < PATIENT_MS / 2);
  assert.deepEqual([closings, breaks], [1, 1]);
});

Deno.test("port: what is over in time is not broken off", async () => {
  const close = closeInTime(() => Promise.resolve(), () => assert.fail("broken off"));
  await close(0);
  // Behind a timer that would have been due before.
  await new Promise((resolve) => setTimeout(resolve, 0));
});
