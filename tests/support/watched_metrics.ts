/**
 * Metrics of a node whose parts say what a test likes, and the page that comes of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { MetricSources } from "../../src/node/metric_gauges.ts";
import type { Metrics } from "../../src/node/metrics.ts";
import { FakeDriver } from "./fake_driver.ts";
import { samples } from "./samples.ts";

/** Watches a leader of two; `changes` replace single sources. The result reads the page. */
export async function watched(
  metrics: Metrics,
  changes: Partial<MetricSources> = {},
): Promise<() => Promise<ReadonlyMap<string, number>>> {
  const driver = await FakeDriver.open(1);
  metrics.watch({
    id: "node-1",
    clusterId: () => "c",
    driver,
    health: { ready: () => true },
    transport: { links: () => [{ id: "node-2", open: true, bytes: 17 }] },
    subscriptions: { open: 3 },
    sessions: { known: 5 },
    presence: { onlineHere: 4 },
    passwords: { waiting: 2 },
    reserve: { space: { freeBytes: 30, totalBytes: 100 }, low: false },
    security: { expiresAtMs: null },
    ports: () => ({
      client: { address: "", close: () => Promise.resolve(), connections: () => 9, calls: () => 6 },
      http: null,
    }),
    ...changes,
  });
  return async () => {
    const page = await metrics.pages(() => true)["/metrics"]!();
    assert.equal(page.status, 200);
    assert.match(page.type ?? "", /^text\/plain; version=0\.0\.4/);
    return samples(page.body);
  };
}
