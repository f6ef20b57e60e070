/**
 * The peer port of a simulated node: links and snapshots are production's, a join goes straight
 * to the driver. Owns only that wiring.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type { NodeDriver } from "../node/driver_api.ts";
import type { SnapshotServer } from "../node/snapshot_server.ts";
import type { PeerApi } from "../rpc/peer_api.ts";

export interface PeerParts {
  readonly driver: NodeDriver;
  readonly links: Pick<PeerApi, "openLink">;
  readonly snapshots: SnapshotServer;
  readonly clusterId: string;
}

/** What a node answers to its peers. */
export function servePeers({ driver, links, snapshots, clusterId }: PeerParts): PeerApi {
  return {
    openLink: (hello, link) => links.openLink(hello, link),
    async join(ask) {
      const refusal = await driver.join(ask.member);
      if (refusal === null) return { kind: "accepted", clusterId };
      if (refusal.reason === "NOT_LEADER" || refusal.reason === "NO_LEADER") {
        return { kind: "notLeader", clusterId, leaderPeerAddress: "" };
      }
      return { kind: "refused", error: new ChatError("REMOVED", refusal.reason) };
    },
    probe: () => Promise.reject(new ChatError("INTERNAL", "Nobody probes in a simulation")),
    handOver: (ask) => driver.takeOver(ask),
    fetchSnapshot: (ask, signal) => snapshots.serve(ask, signal),
  };
}
