/**
 * Tests of the form and the order of request ids.
 *
 * @module
 */

import { equal, ok } from "node:assert/strict";
import { ManualClock } from "./client_test_clock.ts";
import { isRequestId, newRequestId } from "./request_id.ts";

Deno.test("request id: version 7 with the time first, so ids sort by when they were made", () => {
  const clock = new ManualClock({ wall: 0x0123_4567_89ab });
  const id = newRequestId(clock);
  ok(isRequestId(id), id);
  equal(id.slice(0, 13), "01234567-89ab");
  clock.skip(1);
  ok(newRequestId(clock) > id);
});

Deno.test("request id: no two of one millisecond are the same", () => {
  const clock = new ManualClock({ wall: 1_700_000_000_000 });
  const ids = Array.from({ length: 1_000 }, () => newRequestId(clock));
  equal(new Set(ids).size, ids.length);
  ok(ids.every(isRequestId));
});

Deno.test("request id: refuses other versions and forms", () => {
  ok(!isRequestId("9b2f4c52-6c6e-4f0e-8f43-5d2f6a3f1e77"));
  ok(!isRequestId("018F0000-0000-7000-8000-000000000000"));
  ok(!isRequestId(""));
});
