/**
 * Joins, probes and snapshots over a real socket, with a fake node behind the port.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../errors.ts";
import type { Base } from "../raft/types.ts";
import type { JoinAnswer, JoinAsk, PeerApi, PeerClient, SnapshotPart } from "./peer_api.ts";
import { connectPeer } from "./peer_client.ts";
import { servePeers } from "./peer_server.ts";
import { contextFor, eventually, fakePeer } from "./rpc_test_services.ts";

async function withPeer(
  changes: Partial<PeerApi>,
  test: (peer: PeerClient) => Promise<void>,
): Promise<void> {
  const listener = await servePeers("127.0.0.1:0", fakePeer(changes));
  const peer = connectPeer(listener.address);
  try {
    await test(peer);
  } finally {
    peer.close();
    await listener.close(0);
  }
}

const member = { id: "n3", peerAddress: "127.0.0.1:3", clientAddress: "127.0.0.1:4" };

Deno.test("peer port: a join reaches the node, and each answer comes back", async () => {
  const asked: JoinAsk[] = [];
  let answer: JoinAnswer;
  const join: PeerApi["join"] = (ask) => {
    asked.push(ask);
    return Promise.resolve(answer);
  };
  await withPeer({ join }, async (peer) => {
    const ask = { clusterId: "", member };
    const answers: JoinAnswer[] = [
      { kind: "accepted", clusterId: "c1" },
      { kind: "notLeader", clusterId: "c1", leaderPeerAddress: "127.0.0.1:9" },
      { kind: "notLeader", clusterId: "c1", leaderPeerAddress: "" },
    ];
    for (answer of answers) {
      assert.deepStrictEqual(await peer.join(ask, contextFor(5_000)), answer);
    }
    assert.deepStrictEqual(asked, [ask, ask, ask]);
    answer = { kind: "refused", error: new ChatError("REMOVED", "n3 was removed") };
    const refused = await peer.join(ask, contextFor(5_000));
    assert(refused.kind === "refused");
    assert.strictEqual(refused.error.reason, "REMOVED");
  });
});

Deno.test("peer port: a probe brings what the node says of itself, an error its reason", async () => {
  const answer = {
    clusterId: "c1",
    nodeId: "n1",
    leader: { id: "n2", peerAddress: "127.0.0.1:8" },
    term: { epoch: 1, number: 7, nodeId: "n2" },
    policy: null,
  };
  let failing = false;
  const probe: PeerApi["probe"] = () =>
    failing ? Promise.reject(new ChatError("SHUTTING_DOWN", "It stops")) : Promise.resolve(answer);
  await withPeer({ probe }, async (peer) => {
    assert.deepStrictEqual(await peer.probe(contextFor(5_000)), answer);
    failing = true;
    await assert.rejects(peer.probe(contextFor(5_000)), hasReason("SHUTTING_DOWN"));
  });
});

const base: Base = {
  index: 70,
  term: { epoch: 1, number: 2, nodeId: "n1" },
  checksum: "abcd",
  config: null,
};
const termStarts = [{ index: 1, term: base.term }];
const ask = { clusterId: "c1", nodeId: "n3", index: 0, firstChunk: 0 };

function chunk(number: number): SnapshotPart {
  return { kind: "chunk", number, data: new Uint8Array(50_000).fill(number) };
}

const header: SnapshotPart = { kind: "header", base, termStarts, rowsTotal: 1_000 };

async function* snapshotFrom(first: number, chunks: number): AsyncGenerator<SnapshotPart> {
  yield header;
  for (let number = first; number < chunks; number++) yield chunk(number);
  yield { kind: "end", chunks, digest: "d1gest" };
}

Deno.test("peer port: a snapshot arrives whole, with header and digest", async () => {
  await withPeer({ fetchSnapshot: () => snapshotFrom(0, 100) }, async (peer) => {
    const snapshot = await peer.fetchSnapshot(ask, contextFor(0).signal);
    assert.deepStrictEqual(
      { base: snapshot.base, termStarts: snapshot.termStarts, rowsTotal: snapshot.rowsTotal },
      { base, termStarts, rowsTotal: 1_000 },
    );
    assert.throws(() => snapshot.digest(), /known at its end/);
    let next = 0;
    for await (const data of snapshot.chunks) {
      assert.deepStrictEqual(data, new Uint8Array(50_000).fill(next++));
    }
    assert.strictEqual(next, 100);
    assert.strictEqual(snapshot.digest(), "d1gest");
  });
});

Deno.test("peer port: a broken fetch goes on where it was", async () => {
  const asked: number[] = [];
  const fetchSnapshot: PeerApi["fetchSnapshot"] = async function* ({ firstChunk, index }) {
    asked.push(index, firstChunk);
    for await (const part of snapshotFrom(firstChunk, 6)) {
      yield part;
      if (firstChunk === 0 && part.kind === "chunk" && part.number === 2) {
        // Lets what was sent arrive before the error, which would overtake it.
        await eventually(() => taken === 3);
        throw new Error("The disk is gone");
      }
    }
  };
  let taken = 0;
  await withPeer({ fetchSnapshot }, async (peer) => {
    const { signal } = contextFor(0);
    const first = await peer.fetchSnapshot(ask, signal);
    const broken = (async () => {
      for await (const _ of first.chunks) taken += 1;
    })();
    await assert.rejects(broken, hasReason("INTERNAL"));
    assert.strictEqual(taken, 3);
    const second = await peer.fetchSnapshot({ ...ask, index: 70, firstChunk: 3 }, signal);
    const rest = await Array.fromAsync(second.chunks, (data) => data[0]);
    assert.deepStrictEqual(rest, [3, 4, 5]);
    assert.deepStrictEqual(asked, [0, 0, 70, 3]);
  });
});

Deno.test("peer port: a snapshot without header, with a gap or without end is refused", async () => {
  let parts: readonly SnapshotPart[] = [];
  const fetchSnapshot: PeerApi["fetchSnapshot"] = async function* () {
    yield* parts;
  };
  await withPeer({ fetchSnapshot }, async (peer) => {
    const fetch = async () => {
      const { chunks } = await peer.fetchSnapshot(ask, contextFor(0).signal);
      for await (const _ of chunks);
    };
    const end: SnapshotPart = { kind: "end", chunks: 2, digest: "d" };
    const bad: readonly (readonly SnapshotPart[])[] = [
      [],
      [chunk(0)],
      [header, chunk(0), end],
      [header, chunk(0), chunk(2), end],
      [header, chunk(1), end],
      [header, chunk(0), chunk(1)],
      [header, header],
    ];
    for (parts of bad) await assert.rejects(fetch(), hasReason("CORRUPT"));
    parts = [header, chunk(0), chunk(1), end];
    await fetch();
  });
});

Deno.test("peer port: a refused fetch says why, one that is given up ends at the giver", async () => {
  let given = 0;
  let closed = false;
  const fetchSnapshot: PeerApi["fetchSnapshot"] = async function* ({ index }) {
    if (index === 5) throw new ChatError("NOT_UP_TO_DATE", "That snapshot is gone");
    try {
      yield header;
      for (given = 0;; given++) yield chunk(given);
    } finally {
      closed = true;
    }
  };
  await withPeer({ fetchSnapshot }, async (peer) => {
    const { signal } = contextFor(0);
    await assert.rejects(
      peer.fetchSnapshot({ ...ask, index: 5 }, signal),
      hasReason("NOT_UP_TO_DATE"),
    );
    const snapshot = await peer.fetchSnapshot(ask, signal);
    let read = 0;
    for await (const _ of snapshot.chunks) if (++read === 10) break;
    await eventually(() => closed, { what: "the giver to stop" });
    assert(given < 100, `${given} chunks were given for a reader that read ${read}`);

    closed = false;
    const controller = new AbortController();
    const other = await peer.fetchSnapshot(ask, controller.signal);
    const chunks = other.chunks[Symbol.asyncIterator]();
    await chunks.next();
    controller.abort();
    await assert.rejects(
      (async () => {
        while (!(await chunks.next()).done);
      })(),
      hasReason("NO_ANSWER"),
    );
    await eventually(() => closed, { what: "the giver to stop" });
  });
});

function hasReason(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof ChatError && error.reason === reason;
}
