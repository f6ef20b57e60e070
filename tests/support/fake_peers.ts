/**
 * Nodes' transports over connections in memory: processes that can be killed (connections break,
 * new ones are refused) or frozen (nothing moves, nothing breaks). Knows no protocol.
 *
 * @module
 */

import { ChatError } from "../../src/errors.ts";
import { createLogger } from "../../src/node/logger.ts";
import { Presence } from "../../src/node/presence.ts";
import { PeerTransport } from "../../src/node/transport.ts";
import type { Message } from "../../src/raft/message.ts";
import type { Member } from "../../src/raft/types.ts";
import {
  type FetchedSnapshot,
  type Hello,
  type LinkEvents,
  type LinkReceiver,
  type OutgoingLink,
  type OwnHello,
  type PeerClient,
  PROTOCOL_VERSION,
  type SnapshotAsk,
} from "../../src/rpc/peer_api.ts";
import { HandClock } from "./hand_clock.ts";

/** How a node differs from the first start of a member of `cluster-1`. */
export interface FakeNodeOptions {
  readonly clusterId?: string;
  readonly incarnation?: number;
  readonly previousIncarnation?: number;
  readonly address?: string;
}

/** One process. */
export interface FakeNode {
  readonly member: Member;
  readonly transport: PeerTransport;
  readonly presence: Presence;
  /** From, incarnation, message. */
  readonly received: [string, number, Message][];
  readonly refused: string[];
  readonly lines: string[];
  /** How often it was told that its directory is a copy. */
  copied: number;
  alive: boolean;
  frozen: boolean;
  /** Ends of its connections, each broken when the process dies. */
  readonly connections: Set<() => void>;
  join(clusterId: string): void;
}

/** All processes, on one clock. */
export class FakePeers {
  /** What a fetch of a snapshot at an address gets. */
  snapshot: (address: string, ask: SnapshotAsk) => Promise<FetchedSnapshot> = () =>
    Promise.reject(new Error("not in this test"));
  readonly clock = new HandClock();
  readonly #nodes: FakeNode[] = [];

  /** Starts a node; a dead one at its address makes room for it. */
  start(id: string, options: FakeNodeOptions = {}): FakeNode {
    const peerAddress = options.address ?? `${id}:2626`;
    const member = { id, peerAddress, clientAddress: `${id}:2625` };
    const joined = Promise.withResolvers<void>();
    let clusterId = options.clusterId ?? "cluster-1";
    const hello = (): OwnHello => ({
      nodeId: id,
      clusterId,
      incarnation: options.incarnation ?? 1,
      previousIncarnation: options.previousIncarnation ?? 0,
      peerAddress,
      clientAddress: member.clientAddress,
      protocolVersion: PROTOCOL_VERSION,
    });
    const lines: string[] = [];
    const presence = new Presence(this.clock);
    const received: FakeNode["received"] = [];
    const refused: string[] = [];
    const node: FakeNode = {
      member,
      presence,
      received,
      refused,
      lines,
      copied: 0,
      alive: true,
      frozen: false,
      connections: new Set(),
      join: (to) => {
        clusterId = to;
        joined.resolve();
      },
      transport: new PeerTransport({
        hello,
        joined: () => joined.promise,
        failureTimeoutMs: () => 1_000,
        connect: (address) => this.#connect(() => node, address),
        rowsIn: () => 1,
        clock: this.clock,
        logger: createLogger({
          level: "debug",
          format: "text",
          write: (line) => void lines.push(line),
        }),
        presence,
        receive: (from, incarnation, message) => void received.push([from, incarnation, message]),
        refused: (peer) => void refused.push(peer),
        copied: () => void (node.copied += 1),
      }),
    };
    this.#nodes.push(node);
    return node;
  }

  /** The process is gone: its connections break, new ones are refused. */
  kill(node: FakeNode): void {
    node.alive = false;
    node.transport.close();
    for (const cut of [...node.connections]) cut();
  }

  /** The machine is gone: nothing of it moves any more, and nobody is told. */
  freeze(node: FakeNode): void {
    node.frozen = true;
  }

  /** Does something again and again; the result stops it. */
  every(ms: number, task: () => void): () => void {
    let cancel = () => {};
    const run = () => {
      task();
      cancel = this.clock.after(ms, run);
    };
    run();
    return () => cancel();
  }

  close(): void {
    for (const node of this.#nodes) node.transport.close();
  }

  #connect(from: () => FakeNode, address: string): PeerClient {
    return {
      openLink: (hello, events) => this.#open(from(), { address, hello, events }),
      join: () => Promise.reject(new Error("not in this test")),
      probe: () => Promise.reject(new Error("not in this test")),
      fetchSnapshot: (ask) => this.snapshot(address, ask),
      handOver: () => Promise.reject(new Error("not in this test")),
      close: () => {},
    };
  }

  #open(
    from: FakeNode,
    dial: { readonly address: string; readonly hello: Hello; readonly events: LinkEvents },
  ): OutgoingLink {
    const { address, hello, events } = dial;
    let receiver: LinkReceiver | null = null;
    let over = false;
    const end = (how: Parameters<LinkEvents["ended"]>[0]) => {
      if (over) return;
      over = true;
      from.connections.delete(cut);
      to?.connections.delete(cut);
      if (!to?.frozen) queueMicrotask(() => receiver?.closed());
      if (!from.frozen) queueMicrotask(() => events.ended(how));
    };
    const cut = () => end({ kind: "broken", detail: "the connection broke" });
    // The newest process at an address has it.
    const to = this.#nodes.findLast((node) => node.alive && node.member.peerAddress === address);
    queueMicrotask(() => {
      if (over) return;
      if (to === undefined) return end({ kind: "refused" });
      from.connections.add(cut);
      to.connections.add(cut);
      // Like a machine without power: whoever dials waits.
      if (to.frozen) return;
      to.transport.openLink(hello, { close: () => cut() }).then((accepted) => {
        if (over) return accepted.closed();
        receiver = accepted;
        events.opened(accepted.hello);
      }).catch((error) => end({ kind: "rejected", error: ChatError.from(error) }));
    });
    return {
      send: (frame) => {
        if (over || receiver === null) return false;
        if (from.frozen || to?.frozen) return true;
        queueMicrotask(() => {
          if (!over) receiver?.frames([frame]);
        });
        return true;
      },
      queuedBytes: () => 0,
      close: () => end({ kind: "closed" }),
    };
  }
}
