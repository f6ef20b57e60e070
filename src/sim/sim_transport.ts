/**
 * Production's links of one simulated process, over the simulated network. Each message is a call
 * at which the process may die. Owns that wiring only.
 *
 * @module
 */

import type { ChatError } from "../errors.ts";
import { silentLogger } from "../node/logger.ts";
import type { Clock, Transport } from "../node/ports.ts";
import { Presence } from "../node/presence.ts";
import { PeerTransport } from "../node/transport.ts";
import type { Message } from "../raft/message.ts";
import type { NodeId, Term } from "../raft/types.ts";
import type { OwnHello, PeerApi, PeerClient } from "../rpc/peer_api.ts";
import type { Process } from "./process.ts";

/** Where messages come from and go to. */
export interface SimTransportOptions {
  readonly process: Process;
  readonly clock: Clock;
  readonly hello: () => OwnHello;
  readonly connect: (peerAddress: string) => PeerClient;
  readonly receive: (from: NodeId, incarnation: number, message: Message) => void;
  readonly refused: (id: NodeId) => void;
  /** Somebody takes this node's data directory for a copy. */
  readonly copied: (error: ChatError) => void;
  /** A vote for this term is about to leave. */
  readonly granted: (term: Term) => void;
  readonly fetchBegins: (from: NodeId) => void;
  readonly fetchFailed: () => void;
}

export function simTransport(options: SimTransportOptions): {
  readonly transport: Transport;
  readonly api: Pick<PeerApi, "openLink">;
} {
  const { process, clock, hello, connect, receive, refused, copied } = options;
  const transport = new PeerTransport({
    hello,
    joined: () => Promise.resolve(),
    failureTimeoutMs: () => 1_000,
    connect,
    rowsIn: () => 1,
    clock,
    logger: silentLogger,
    presence: new Presence(clock),
    receive,
    refused,
    copied,
  });
  const fetchSnapshot = async (from: NodeId, givenUp: AbortSignal) => {
    options.fetchBegins(from);
    try {
      return await transport.fetchSnapshot(from, givenUp);
    } catch (error) {
      if (process.alive) options.fetchFailed();
      throw error;
    }
  };
  const counting: Transport = {
    send: (to, message) => {
      if (!process.call("send")) return;
      const vote = message.kind === "voteReply" && message.granted && !message.pre;
      if (vote) options.granted(message.term);
      transport.send(to, message);
    },
    setPeers: (members) => transport.setPeers(members),
    fetchSnapshot,
    handOver: (to, ask) =>
      process.call("handOver") ? transport.handOver(to, ask) : new Promise(() => {}),
  };
  return { transport: counting, api: transport };
}
