/**
 * What a node takes from another one's hand-over: of its own cluster, and so much at a time; and whom
 * it lets join.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../../src/errors.ts";
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

Deno.test("peer service: one that knows no cluster is no member of it, whatever its id", async () => {
  const gate = new Gate();
  gate.open();
  const member = (id: string, port: number) => (
    { id, peerAddress: `127.0.0.1:${port}`, clientAddress: `127.0.0.1:${port + 1}` }
  );
  const joined: string[] = [];
  const members = [
    { member: member("n1", 1_000), voter: true },
    { member: member("n2", 2_000), voter: true },
    { member: member("n3", 3_000), voter: false },
  ];
  const driver = {
    status: () => ({ members }),
    join: ({ id }: { readonly id: string }) => {
      joined.push(id);
      return Promise.resolve(null);
    },
  };
  const { join } = createPeerService({
    nodeId: "n1",
    clusterId: () => "cluster-1",
    driver: driver as unknown as PeerServiceOptions["driver"],
    gate,
    // Of n5, which was dropped since, a link was seen.
    transport: { hasSeen: (id: string) => id === "n5", openLink: () => Promise.reject() },
    snapshots: {} as PeerServiceOptions["snapshots"],
  });
  const ask = async (id: string, clusterId: string) => {
    const context = { deadlineMs: Date.now() + 1_000, signal: new AbortController().signal };
    const answer = await join({ clusterId, member: member(id, 4_000) }, context);
    return answer.kind === "refused" ? answer.error : answer.kind;
  };
  assert.equal(await ask("n4", ""), "accepted");
  assert.equal(await ask("n3", ""), "accepted", "a learner asks again until it hears of it");
  assert.equal(await ask("n2", "cluster-1"), "accepted", "a voter may have moved");
  assert.equal(await ask("n5", "cluster-1"), "accepted", "one that was dropped comes back");
  for (const id of ["n2", "n5"]) {
    const refusal = await ask(id, "");
    assert.ok(refusal instanceof ChatError);
    assert.equal(refusal.reason, "INVALID_ARGUMENT");
    assert.match(refusal.message, new RegExp(`^Cannot join as node ${id} with an empty data dir`));
  }
  assert.deepEqual(joined, ["n4", "n3", "n2", "n5"], "it changes nothing");
});
