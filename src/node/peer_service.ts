/**
 * `PeerApi` as a node serves it to other nodes: links, joins, probes and snapshots. Owns only
 * who is answered; membership is the core's, links the transport's.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Refusal } from "../raft/io.ts";
import type { Member, NodeId } from "../raft/types.ts";
import type {
  HandOverAnswer,
  HandOverAsk,
  JoinAnswer,
  JoinAsk,
  PeerApi,
  ProbeAnswer,
  SnapshotAsk,
  SnapshotPart,
} from "../rpc/peer_api.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { Gate } from "./gate.ts";
import type { SnapshotServer } from "./snapshot_server.ts";
import type { PeerTransport } from "./transport.ts";

export interface PeerServiceOptions {
  readonly nodeId: NodeId;
  readonly clusterId: () => string;
  readonly driver: NodeDriver;
  readonly transport: Pick<PeerTransport, "openLink" | "hasSeen">;
  readonly snapshots: SnapshotServer;
  readonly gate: Gate;
}

/** The peer service of one node. */
export function createPeerService(options: PeerServiceOptions): PeerApi {
  const { gate, transport } = options;
  return {
    openLink: (hello, link) => gate.pass(() => transport.openLink(hello, link)),
    join: (ask) => gate.pass(() => join(options, ask)),
    probe: () => gate.pass(() => Promise.resolve(probe(options))),
    handOver: (ask) => gate.pass(() => handOver(options, ask)),
    fetchSnapshot: (ask, signal) => fetchSnapshot(options, ask, signal),
  };
}

async function join(options: PeerServiceOptions, ask: JoinAsk): Promise<JoinAnswer> {
  const clusterId = options.clusterId();
  if (clusterId === "") return { kind: "notLeader", clusterId, leaderPeerAddress: "" };
  if (ask.clusterId !== "" && ask.clusterId !== clusterId) {
    return { kind: "refused", error: wrongCluster(ask.clusterId, clusterId) };
  }
  if (ask.clusterId === "" && isKnown(options, ask.member.id)) {
    return { kind: "refused", error: idTaken(ask.member.id) };
  }
  const refusal = await options.driver.join(ask.member);
  return refusal === null ? { kind: "accepted", clusterId } : refused(options, refusal);
}

function refused(options: PeerServiceOptions, refusal: Refusal): JoinAnswer {
  const clusterId = options.clusterId();
  switch (refusal.reason) {
    case "NOT_LEADER": {
      const leader = memberOf(options.driver, refusal.leader);
      return { kind: "notLeader", clusterId, leaderPeerAddress: leader?.peerAddress ?? "" };
    }
    case "NO_LEADER":
      return { kind: "notLeader", clusterId, leaderPeerAddress: "" };
    case "INVALID_ARGUMENT":
      return { kind: "refused", error: new ChatError("INVALID_ARGUMENT", refusal.message) };
    case "REMOVED":
      return {
        kind: "refused",
        error: new ChatError(
          "REMOVED",
          "This node was removed from the cluster: start it with an empty data directory " +
            "to join as a new node",
        ),
      };
    case "OVERLOADED":
      return { kind: "refused", error: new ChatError("OVERLOADED", "Too many nodes join at once") };
  }
}

function probe({ driver, clusterId, nodeId }: PeerServiceOptions): ProbeAnswer {
  const { leader, term, policy } = driver.status();
  const member = leader === null ? undefined : memberOf(driver, leader);
  return {
    clusterId: clusterId(),
    nodeId,
    leader: member === undefined ? null : { id: member.id, peerAddress: member.peerAddress },
    term,
    policy,
  };
}

async function* fetchSnapshot(
  options: PeerServiceOptions,
  ask: SnapshotAsk,
  signal: AbortSignal,
): AsyncGenerator<SnapshotPart> {
  try {
    await options.gate.wait();
    const clusterId = options.clusterId();
    if (ask.clusterId !== clusterId) throw wrongCluster(ask.clusterId, clusterId);
    yield* options.snapshots.serve(ask, signal);
  } catch (error) {
    throw ChatError.from(error);
  }
}

function memberOf(driver: NodeDriver, id: NodeId): Member | undefined {
  return driver.status().members.find(({ member }) => member.id === id)?.member;
}

/**
 * Whether the cluster counts on a node of that id, or one has called here. One that knows no cluster is
 * not that node, whatever it is called: it has no log, and must not be looked for where it is; and
 * whoever has seen the other one takes it for a copy, and refuses its links (§3).
 */
function isKnown({ driver, transport }: PeerServiceOptions, id: NodeId): boolean {
  return transport.hasSeen(id) ||
    driver.status().members.some(({ member, voter }) => voter && member.id === id);
}

function idTaken(id: NodeId): ChatError {
  const text =
    `Cannot join as node ${id} with an empty data directory: the cluster has, or had, a node of ` +
    "that id; leave --id out or give another one (empty --data first if it is not new), or start " +
    "that node on its own --data";
  return new ChatError("INVALID_ARGUMENT", text, { field: "id" });
}

async function handOver(options: PeerServiceOptions, ask: HandOverAsk): Promise<HandOverAnswer> {
  const clusterId = options.clusterId();
  if (ask.clusterId !== clusterId) throw wrongCluster(ask.clusterId, clusterId);
  const { commands, requestIds, termStarts } = ask;
  const { handOverCommandsMax, handOverRequestsMax, handOverTermsMax } = limits;
  if (
    commands.length > handOverCommandsMax || requestIds.length > handOverRequestsMax ||
    termStarts.length > handOverTermsMax
  ) {
    throw new ChatError(
      "INVALID_ARGUMENT",
      `Cannot take over ${commands.length} commands, look up ${requestIds.length} requests and ` +
        `compare ${termStarts.length} terms at once: the limits are ${handOverCommandsMax}, ` +
        `${handOverRequestsMax} and ${handOverTermsMax}`,
    );
  }
  return await options.driver.takeOver(ask);
}

function wrongCluster(theirs: string, own: string): ChatError {
  return new ChatError(
    "WRONG_CLUSTER",
    `The asking node belongs to cluster ${theirs || "(none)"}, this one to ${own}: ` +
      "check the addresses of both",
  );
}
