/**
 * What a node takes from another one's hand-over: of its own cluster, and so much at a time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../../src/limits.ts";
import { Gate } from "../../src/node/gate.ts";
import { createPeerService, type PeerServiceOptions } from "../../src/node/peer_service.ts";
import type { HandOverAsk } from "../../src/rpc/peer_api.ts";

const TERM = { epoch: 0, number: 1, nodeId: "n3" };

Deno.test("peer service: a hand-over of another cluster, or of too much at once, is refused", async () => {
  const gate = new Gate();
  gate.open();
  let taken = 0;
  const answer = { commonIndex: 0, unknown: 0 };
  const driver: Partial<PeerServiceOptions["driver"]> = {
    takeOver: () => {
      taken += 1;
      return Promise.resolve(answer);
    },
  };
  const { handOver } = createPeerService({
    nodeId: "n1",
    clusterId: () => "cluster-1",
    driver: driver as PeerServiceOptions["driver"],
    gate,
    // Neither has a part in a hand-over.
    transport: {} as PeerServiceOptions["transport"],
    snapshots: {} as PeerServiceOptions["snapshots"],
  });
  const ask = (parts: Partial<HandOverAsk>) => {
    const nothing = { termStarts: [], lastIndex: 0, commands: [], requestIds: [] };
    const context = { deadlineMs: Date.now() + 1_000, signal: new AbortController().signal };
    return handOver({ clusterId: "cluster-1", nodeId: "n3", ...nothing, ...parts }, context);
  };
  const { handOverCommandsMax, handOverRequestsMax, handOverTermsMax } = limits;
  const many = (more: number): readonly Partial<HandOverAsk>[] => [
    { commands: new Array(handOverCommandsMax + more).fill(new Uint8Array(1)) },
    { requestIds: new Array(handOverRequestsMax + more).fill("r") },
    { termStarts: new Array(handOverTermsMax + more).fill({ term: TERM, index: 1 }) },
  ];
  for (const parts of many(0)) assert.deepEqual(await ask(parts), answer);
  for (const parts of many(1)) {
    await assert.rejects(ask(parts), { reason: "INVALID_ARGUMENT", message: /the limits are/ });
  }
  await assert.rejects(ask({ clusterId: "cluster-2" }), { reason: "WRONG_CLUSTER" });
  assert.equal(taken, 3);
});
