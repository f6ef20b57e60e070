/**
 * Links that are dialled at an address at which somebody else lives now: refused, and without harm
 * to the link that the caller has with whoever lives there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../../src/limits.ts";
import { machineClock } from "../../src/node/clock.ts";
import { createLogger } from "../../src/node/logger.ts";
import { Presence } from "../../src/node/presence.ts";
import { PeerTransport } from "../../src/node/transport.ts";
import type { Message } from "../../src/raft/message.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type { Member } from "../../src/raft/types.ts";
import type { Listener } from "../../src/rpc/port.ts";
import { type OwnHello, PROTOCOL_VERSION } from "../../src/rpc/peer_api.ts";
import { connectPeer } from "../../src/rpc/peer_client.ts";
import { servePeers } from "../../src/rpc/peer_server.ts";
import { eventually, fakePeer } from "../../src/rpc/rpc_test_services.ts";
import { FakePeers } from "../support/fake_peers.ts";
import { settled } from "../support/hand_clock.ts";

const message: Message = { kind: "leaveRequest", term: ZERO_TERM, configIndex: 1 };

/** A node's links, on a port of its own. */
class Node {
  readonly member: Member;
  readonly transport: PeerTransport;
  readonly received: string[] = [];
  readonly refused: string[] = [];
  readonly lines: string[] = [];
  /** Whom callers meant, and how many of their links have ended. */
  readonly meant: string[] = [];
  closed = 0;
  readonly #listener: Listener;

  private constructor(id: string, listener: Listener) {
    this.member = { id, peerAddress: listener.address, clientAddress: "127.0.0.1:1" };
    this.#listener = listener;
    const clock = machineClock();
    const write = (line: string) => void this.lines.push(line);
    this.transport = new PeerTransport({
      hello: () => this.#hello(),
      joined: () => Promise.resolve(),
      failureTimeoutMs: () => 1_000,
      connect: (address) => connectPeer(address),
      rowsIn: () => 1,
      clock,
      logger: createLogger({ level: "debug", format: "text", write }),
      presence: new Presence(clock),
      receive: (from) => void this.received.push(from),
      refused: (peer) => void this.refused.push(peer),
      copied: (error) => assert.fail(error),
    });
  }

  static async start(id: string): Promise<Node> {
    const listener = await servePeers(
      "127.0.0.1:0",
      fakePeer({
        openLink: async (hello, link) => {
          node.meant.push(hello.toNodeId);
          const receiver = await node.transport.openLink(hello, link);
          const closed = () => {
            node.closed += 1;
            receiver.closed();
          };
          return { ...receiver, closed };
        },
      }),
    );
    const node = new Node(id, listener);
    return node;
  }

  async close(): Promise<void> {
    this.transport.close();
    await this.#listener.close(0);
  }

  #hello(): OwnHello {
    const { id, peerAddress, clientAddress } = this.member;
    return {
      nodeId: id,
      clusterId: "cluster-1",
      incarnation: 1,
      previousIncarnation: 0,
      peerAddress,
      clientAddress,
      protocolVersion: PROTOCOL_VERSION,
    };
  }
}

Deno.test("wrong node: who means another one is refused, and keeps its link with the one that is there", async () => {
  const [a, b] = [await Node.start("a"), await Node.start("b")];
  try {
    a.transport.setPeers([a.member, b.member]);
    a.transport.send("b", message);
    await eventually(() => b.received.length === 1, { what: "the message" });
    // A member of an older config had the address of the one that took its place.
    a.transport.setPeers([a.member, b.member, { ...b.member, id: "gone" }]);
    a.transport.send("gone", message);
    const verdict = `No link to node gone: ${b.member.peerAddress} is node b now, not gone`;
    await eventually(() => a.lines.some((line) => line.includes(verdict)), { what: "the refusal" });
    a.transport.send("b", message);
    await eventually(() => b.received.length === 2, { what: "the next message" });
    assert.deepEqual(b.meant, ["b", "gone"]);
    assert.deepEqual([b.closed, b.received], [0, ["a", "a"]], "on the link that it had");
    assert.deepEqual(a.refused, [], "somebody is there: that is no sign that the other is gone");
    assert.deepEqual(b.lines, [], "and nothing is wrong there");
  } finally {
    await a.close();
    await b.close();
  }
});

Deno.test("wrong node: one that still joins says at once that it is not who is meant", async () => {
  const peers = new FakePeers();
  const a = peers.start("a");
  const joiner = peers.start("j", { clusterId: "", address: "b:2626" });
  a.transport.setPeers([a.member, { ...joiner.member, id: "b" }]);
  await settled();
  assert.match(a.lines.join(), /No link to node b: b:2626 is node j now, not b/);
  a.transport.setPeers([a.member, joiner.member]);
  joiner.join("cluster-1");
  await peers.clock.advance(limits.redialMs);
  a.transport.send("j", message);
  await settled();
  assert.deepEqual(joiner.received, [["a", 1, message]]);
  peers.close();
});
