/**
 * Who is who on the peer port: a certificate names the nodes that may speak with it, and both sides
 * hold the other one to that. Owns these checks and their words; without TLS there is nothing to
 * check, and everybody is believed.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type { NodeId } from "../raft/types.ts";
import { nodeNamesOf } from "../tls/names.ts";
import type { TlsClient } from "./tls_client.ts";
import type { TlsServer } from "./tls_server.ts";

/** A node's certificates for its peers. */
export interface PeerTls extends Pick<TlsServer, "source" | "refused"> {
  /** Whether a certificate for these nodes may speak as that one. */
  readonly speaksFor: (nodes: readonly string[], id: NodeId) => boolean;
}

/** For the peer port: every caller is a node of this CA. */
export function peerServer(tls: PeerTls): TlsServer {
  return {
    source: tls.source,
    clientCertificate: "required",
    problem: (certificate) => nodeNamesOf(certificate).length === 0 ? NO_NODE : null,
    refused: tls.refused,
  };
}

/** For dialling `address`, where the node `meant` should be, if that is known. */
export function peerDialler(tls: PeerTls, address: string, meant?: NodeId): TlsClient {
  const problem = (nodes: readonly string[]) => {
    if (nodes.length === 0) return new ChatError("PERMISSION_DENIED", NO_NODE);
    if (meant === undefined || tls.speaksFor(nodes, meant)) return null;
    const text = `${address} has a certificate for ${list(nodes)}, not for node ${meant}`;
    return new ChatError("WRONG_NODE", text);
  };
  return { source: tls.source, check: { by: "node", problem } };
}

/** Throws unless a caller with that certificate may speak as the node. */
export function admitCaller(
  tls: PeerTls | null,
  id: NodeId,
  caller: { readonly certificate?: Uint8Array | null | undefined; readonly from?: string },
): void {
  if (tls === null) return;
  const nodes = caller.certificate ? nodeNamesOf(caller.certificate) : [];
  if (tls.speaksFor(nodes, id)) return;
  const text = `the certificate is for ${list(nodes)}, which cannot speak as node ${id}`;
  tls.refused(caller.from ?? `node ${id}`, text);
  throw new ChatError("PERMISSION_DENIED", `Cannot believe this: ${text}`);
}

/** Throws unless an answer from a certificate for `nodes` may come from the node. */
export function admitAnswerer(
  tls: PeerTls | null,
  id: NodeId,
  { address, nodes }: { readonly address: string; readonly nodes: readonly string[] | null },
): void {
  if (tls === null || tls.speaksFor(nodes ?? [], id)) return;
  const text = `${address} answers as node ${id} with a certificate for ${list(nodes ?? [])}`;
  throw new ChatError("PERMISSION_DENIED", text);
}

const NO_NODE = "its certificate is for no node: it has no name urn:jmessage:node:ID";

function list(nodes: readonly string[]): string {
  return nodes.length === 0 ? "no node" : `node ${nodes.join(", ")}`;
}
