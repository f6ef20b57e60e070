/**
 * The peer port: links, joins, probes and snapshots over gRPC, for other nodes only.
 *
 * @module
 */

import { limits } from "../limits.ts";
import { streamHandler, unaryHandler } from "./handlers.ts";
import { LinkAcceptor } from "./link_acceptor.ts";
import { addLink, addStream, addUnary, createServer, listen, type Listener } from "./listener.ts";
import type { PeerApi } from "./peer_api.ts";
import { admitCaller, peerServer, type PeerTls } from "./peer_tls.ts";
import { clusterMethods } from "./services.ts";

/** Serves the peer port on `host:port`; port 0 picks a free one. In plain text without `tls`. */
export function servePeers(
  address: string,
  api: PeerApi,
  tls: PeerTls | null = null,
): Promise<Listener> {
  const server = createServer({
    receiveBytesMax: limits.peerMessageBytesMax,
    sendBytesMax: limits.peerMessageBytesMax,
    connectionsMax: limits.peerConnectionsMax,
    looseBytes: "free",
  });
  const { fetchSnapshot, handOver, join, link, probe } = clusterMethods;
  addLink(server, link.path, (call) => void new LinkAcceptor(call, api, tls));
  const joined = unaryHandler(join, async (ask, context) => {
    admitCaller(tls, ask.member.id, context);
    return await api.join(ask, context);
  });
  addUnary(server, join.path, joined);
  addUnary(server, probe.path, unaryHandler(probe, (_ask, context) => api.probe(context)));
  const take = unaryHandler(handOver, async (ask, context) => {
    admitCaller(tls, ask.nodeId, context);
    return await api.handOver(ask, context);
  });
  addUnary(server, handOver.path, take);
  const fetch = streamHandler(
    fetchSnapshot,
    (ask, context) => {
      admitCaller(tls, ask.nodeId, context);
      return api.fetchSnapshot(ask, context.signal);
    },
    { deadline: "optional" },
  );
  addStream(server, fetchSnapshot.path, fetch);
  return listen(server, address, tls === null ? null : peerServer(tls));
}
