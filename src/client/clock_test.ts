/**
 * Tests of the machine's clock as the client takes it.
 *
 * @module
 */

import { equal } from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "./clock.ts";

Deno.test("clock: what is to come after longer than a timer takes does not come at once", async () => {
  let due = 0;
  const cancels = [Infinity, 2 ** 31].map((ms) => systemClock().after(ms, () => due++));
  await delay(20);
  equal(due, 0);
  for (const cancel of cancels) cancel();
});
