/**
 * The peer port: links, joins, probes and snapshots over gRPC, for other nodes only.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { CallContext } from "./api.ts";
import { streamHandler, unaryHandler } from "./handlers.ts";
import { LinkAcceptor } from "./link_acceptor.ts";
import { addLink, addStream, addUnary, createServer, listen } from "./listener.ts";
import type { Listener } from "./port.ts";
import type { PeerApi } from "./peer_api.ts";
import { admitSecret, type PeerTrust } from "./peer_secret.ts";
import { admitCaller, peerServer } from "./peer_tls.ts";
import { clusterMethods } from "./services.ts";

/** Serves the peer port on `host:port`; port 0 picks a free one. In plain text without `tls`. */
export function servePeers(
  address: string,
  api: PeerApi,
  trust: PeerTrust = { tls: null, secret: null },
): Promise<Listener> {
  const { tls, secret } = trust;
  const admit = (id: string, context: CallContext) => {
    admitSecret(secret, context);
    admitCaller(tls, id, context);
  };
  const server = createServer({
    receiveBytesMax: limits.peerMessageBytesMax,
    sendBytesMax: limits.peerMessageBytesMax,
    connectionsMax: limits.peerConnectionsMax,
    looseBytes: "free",
  });
  const { fetchSnapshot, handOver, join, link, probe } = clusterMethods;
  addLink(server, link.path, (call) => void new LinkAcceptor(call, api, trust));
  const joined = unaryHandler(join, async (ask, context) => {
    admit(ask.member.id, context);
    return await api.join(ask, context);
  });
  addUnary(server, join.path, joined);
  const probed = unaryHandler(probe, async (_ask, context) => {
    admitSecret(secret, context);
    return await api.probe(context);
  });
  addUnary(server, probe.path, probed);
  const take = unaryHandler(handOver, async (ask, context) => {
    admit(ask.nodeId, context);
    return await api.handOver(ask, context);
  });
  addUnary(server, handOver.path, take);
  const fetch = streamHandler(
    fetchSnapshot,
    (ask, context) => {
      admit(ask.nodeId, context);
      return api.fetchSnapshot(ask, context.signal);
    },
    { deadline: "optional" },
  );
  addStream(server, fetchSnapshot.path, fetch);
  return listen(server, address, tls === null ? null : peerServer(tls));
}
