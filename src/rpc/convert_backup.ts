/**
 * A backup on its way to an operator, between its wire form and that of `api.ts`.
 *
 * @module
 */

import type { AdminApi, BackupPart } from "./api.ts";
import { chunkFromWire, chunkToWire } from "./chunk.ts";
import {
  policyFromWire,
  policyToWire,
  positionFromWire,
  positionToWire,
  termFromWire,
  termStartsFromWire,
} from "./convert_core.ts";
import { v1 } from "./gen/messages.js";
import { type Form, form, integer, present, text, timeFromWire, timeToWire } from "./wire.ts";

type Part<K extends BackupPart["kind"]> = Extract<BackupPart, { readonly kind: K }>;

/** `BackupRequest`. */
export const backupRequest: Form<Parameters<AdminApi["backup"]>[0]> = form(v1.BackupRequest, {
  toWire: (request) => request,
  fromWire: ({ atLeastIndex }) => ({ atLeastIndex: integer(atLeastIndex, "at_least_index") }),
});

function headerToWire(header: Part<"header">): v1.BackupHeader {
  const { clusterId, nodeId, base, term, policy, schemaVersion, takenAtMs, rowsTotal } = header;
  return {
    clusterId,
    nodeId,
    base: positionToWire(base),
    term,
    policy: policyToWire(policy),
    schemaVersion,
    takenAt: timeToWire(takenAtMs),
    rowsTotal,
  };
}

function headerFromWire(wire: v1.BackupHeader): Part<"header"> {
  return {
    kind: "header",
    clusterId: text(wire.clusterId, "header.cluster_id"),
    nodeId: text(wire.nodeId, "header.node_id"),
    base: positionFromWire(wire.base, "header.base"),
    term: termFromWire(wire.term, "header.term"),
    policy: policyFromWire(wire.policy, "header.policy"),
    schemaVersion: wire.schemaVersion,
    takenAtMs: timeFromWire(wire.takenAt, "header.taken_at"),
    rowsTotal: integer(wire.rowsTotal, "header.rows_total"),
  };
}

function partToWire(part: BackupPart): v1.BackupResponse {
  switch (part.kind) {
    case "header":
      return { header: headerToWire(part) };
    case "terms":
      return { terms: { termStarts: [...part.termStarts] } };
    case "chunk":
      return { chunk: chunkToWire(part) };
    case "end":
      return { end: { chunks: part.chunks, digest: part.digest } };
  }
}

function partFromWire(wire: v1.BackupResponse): BackupPart {
  if (wire.header) return headerFromWire(wire.header);
  if (wire.terms) {
    const termStarts = termStartsFromWire(wire.terms.termStarts, "terms.term_starts");
    return { kind: "terms", termStarts };
  }
  if (wire.chunk) return { kind: "chunk", ...chunkFromWire(wire.chunk) };
  const end = present(wire.end, "part");
  return {
    kind: "end",
    chunks: integer(end.chunks, "end.chunks"),
    digest: text(end.digest, "end.digest"),
  };
}

/** `BackupResponse`; a chunk that is not what was sent is refused as `CORRUPT`. */
export const backupResponse: Form<BackupPart> = form(v1.BackupResponse, {
  toWire: partToWire,
  fromWire: partFromWire,
});
