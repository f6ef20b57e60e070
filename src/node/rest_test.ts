/**
 * When a node collects its garbage: once, at rest, after a load.
 *
 * @module
 */

import assert from "node:assert/strict";
import { machineCollector } from "../collector.ts";
import { limits } from "../limits.ts";
import { ManualClock } from "./driver_test_ports.ts";
import { Rest } from "./rest.ts";

function resting() {
  const clock = new ManualClock();
  let collections = 0;
  let apply = () => {};
  const rest = new Rest({
    driver: {
      onApplied: (listener) => {
        apply = () => listener([], { index: 1, term: EPOCH, checksum: "" }, new Map());
        return () => apply = () => {};
      },
    },
    clock,
    collect: () => collections++,
  });
  const load = (applies: number) => {
    for (let made = 0; made < applies; made++) apply();
  };
  return { clock, rest, load, collections: () => collections };
}

const EPOCH = { epoch: 0, number: 1, nodeId: "n1" };

Deno.test("rest: garbage is collected once, some time after the last apply of a load", async () => {
  const { clock, load, collections } = resting();
  load(limits.restAppliesMin);
  await clock.advance(limits.restMs - 1);
  load(1);
  await clock.advance(1);
  assert.equal(collections(), 0);
  await clock.advance(limits.restMs - 1);
  assert.equal(collections(), 1);
  await clock.advance(10 * limits.restMs);
  assert.equal(collections(), 1);
});

Deno.test("rest: a few messages are no load, and a closed one collects nothing", async () => {
  const { clock, rest, load, collections } = resting();
  load(limits.restAppliesMin - 1);
  await clock.advance(limits.restMs);
  load(1);
  rest.close();
  await clock.advance(limits.restMs);
  assert.equal(collections(), 0);
});

Deno.test("rest: the runtime's collector can be called", () => {
  machineCollector()();
});
