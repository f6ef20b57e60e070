/**
 * What nodes ask of one another beside their links, between its wire form and its inner one:
 * joins, probes, snapshots.
 *
 * @module
 */

import { ChatError, isReason } from "../errors.ts";
import {
  baseFromWire,
  baseToWire,
  memberFromWire,
  policyFromWire,
  policyToWire,
  termFromWire,
  termStartsFromWire,
} from "./convert_core.ts";
import { chunkFromWire, chunkToWire } from "./chunk.ts";
import { v1 } from "./gen/messages.js";
import type {
  HandOverAnswer,
  HandOverAsk,
  JoinAnswer,
  JoinAsk,
  ProbeAnswer,
  SnapshotAsk,
  SnapshotPart,
} from "./peer_api.ts";
import { emptyForm, type Form, form, integer, ownBytes, present, text } from "./wire.ts";

/** `JoinRequest`. */
export const joinRequest: Form<JoinAsk> = form(v1.JoinRequest, {
  toWire: (ask) => ask,
  fromWire: ({ clusterId, member }) => ({
    clusterId,
    member: memberFromWire(member, "member"),
  }),
});

function joinAnswerToWire(answer: JoinAnswer): v1.JoinResponse {
  switch (answer.kind) {
    case "accepted":
      return { clusterId: answer.clusterId, accepted: {} };
    case "notLeader": {
      const { clusterId, leaderPeerAddress } = answer;
      return { clusterId, notLeader: { leaderPeerAddress } };
    }
    case "refused": {
      const { reason, message } = answer.error;
      return { clusterId: "", refused: { reason, message } };
    }
  }
}

function joinAnswerFromWire(wire: v1.JoinResponse): JoinAnswer {
  if (wire.accepted) {
    return { kind: "accepted", clusterId: text(wire.clusterId, "cluster_id") };
  }
  if (wire.notLeader) {
    const { leaderPeerAddress } = wire.notLeader;
    return { kind: "notLeader", clusterId: wire.clusterId, leaderPeerAddress };
  }
  const { reason, message } = present(wire.refused, "answer");
  // A newer peer may know more reasons than this one.
  return {
    kind: "refused",
    error: new ChatError(isReason(reason) ? reason : "INTERNAL", message),
  };
}

/** `JoinResponse`. */
export const joinResponse: Form<JoinAnswer> = form(v1.JoinResponse, {
  toWire: joinAnswerToWire,
  fromWire: joinAnswerFromWire,
});

/** `ProbeRequest`. */
export const probeRequest: Form<object> = emptyForm(v1.ProbeRequest);

function probeAnswerToWire(answer: ProbeAnswer): v1.ProbeResponse {
  const { clusterId, nodeId, leader, term, policy } = answer;
  return {
    clusterId,
    nodeId,
    leaderId: leader?.id ?? "",
    leaderPeerAddress: leader?.peerAddress ?? "",
    term,
    policy: policy === null ? null : policyToWire(policy),
  };
}

function probeAnswerFromWire(wire: v1.ProbeResponse): ProbeAnswer {
  const { clusterId, nodeId, leaderId, leaderPeerAddress } = wire;
  return {
    clusterId,
    nodeId: text(nodeId, "node_id"),
    leader: leaderId === "" ? null : { id: leaderId, peerAddress: leaderPeerAddress },
    term: termFromWire(wire.term, "term"),
    policy: wire.policy == null ? null : policyFromWire(wire.policy, "policy"),
  };
}

/** `ProbeResponse`. */
export const probeResponse: Form<ProbeAnswer> = form(v1.ProbeResponse, {
  toWire: probeAnswerToWire,
  fromWire: probeAnswerFromWire,
});

/** `HandOverRequest`. */
export const handOverRequest: Form<HandOverAsk> = form(v1.HandOverRequest, {
  toWire: ({ clusterId, nodeId, termStarts, lastIndex, commands, requestIds }) => ({
    clusterId,
    nodeId,
    termStarts: [...termStarts],
    lastIndex,
    commands: [...commands],
    requestIds: [...requestIds],
  }),
  fromWire: ({ clusterId, nodeId, termStarts, lastIndex, commands, requestIds }) => ({
    clusterId: text(clusterId, "cluster_id"),
    nodeId: text(nodeId, "node_id"),
    termStarts: termStartsFromWire(termStarts, "term_starts"),
    lastIndex: integer(lastIndex, "last_index"),
    commands: commands.map(ownBytes),
    requestIds: [...requestIds],
  }),
});

/** `HandOverResponse`. */
export const handOverResponse: Form<HandOverAnswer> = form(v1.HandOverResponse, {
  toWire: ({ commonIndex, unknown }) => ({ commonIndex, unknown }),
  fromWire: ({ commonIndex, unknown }) => ({
    commonIndex: integer(commonIndex, "common_index"),
    unknown,
  }),
});

/** `FetchSnapshotRequest`. */
export const fetchSnapshotRequest: Form<SnapshotAsk> = form(v1.FetchSnapshotRequest, {
  toWire: (ask) => ask,
  fromWire: ({ clusterId, nodeId, index, firstChunk }) => ({
    clusterId: text(clusterId, "cluster_id"),
    nodeId: text(nodeId, "node_id"),
    index: integer(index, "index"),
    firstChunk: integer(firstChunk, "first_chunk"),
  }),
});

/** A chunk gets its checksum here. */
function snapshotPartToWire(part: SnapshotPart): v1.FetchSnapshotResponse {
  switch (part.kind) {
    case "header": {
      const { base, termStarts, rowsTotal } = part;
      return { header: { base: baseToWire(base), termStarts, rowsTotal } };
    }
    case "chunk":
      return { chunk: chunkToWire(part) };
    case "end":
      return { end: { chunks: part.chunks, digest: part.digest } };
  }
}

/** A chunk that is not what was sent is refused here. */
function snapshotPartFromWire(wire: v1.FetchSnapshotResponse): SnapshotPart {
  if (wire.header) {
    return {
      kind: "header",
      base: baseFromWire(wire.header.base, "header.base"),
      termStarts: termStartsFromWire(wire.header.termStarts, "header.term_starts"),
      rowsTotal: integer(wire.header.rowsTotal, "header.rows_total"),
    };
  }
  if (wire.chunk) return { kind: "chunk", ...chunkFromWire(wire.chunk) };
  const end = present(wire.end, "part");
  return {
    kind: "end",
    chunks: integer(end.chunks, "end.chunks"),
    digest: text(end.digest, "end.digest"),
  };
}

/** `FetchSnapshotResponse`; a chunk that is not what was sent is refused as `CORRUPT`. */
export const fetchSnapshotResponse: Form<SnapshotPart> = form(v1.FetchSnapshotResponse, {
  toWire: snapshotPartToWire,
  fromWire: snapshotPartFromWire,
});
