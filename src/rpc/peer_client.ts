/**
 * Another node's peer port, reached over gRPC: links to it, joins, probes and snapshots from it.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { NodeId } from "../raft/types.ts";
import { Channel } from "./channel.ts";
import { parse } from "./client.ts";
import { LinkDialler } from "./link_dialler.ts";
import type {
  FetchedSnapshot,
  PeerCallContext,
  PeerClient,
  SnapshotAsk,
  SnapshotPart,
} from "./peer_api.ts";
import { admitAnswerer, peerDialler, type PeerTls } from "./peer_tls.ts";
import { clusterMethods, type Method } from "./services.ts";
import { unlessStalled } from "./stalling.ts";

/** How to reach a peer. */
export interface PeerOptions {
  /** In plain text without. */
  readonly tls?: PeerTls | null;
  /** Who must be there, if that is known; checked with TLS only. */
  readonly nodeId?: NodeId | undefined;
}

/**
 * The peer at `host:port`. Returns at once; connections are made by what is asked: one for all
 * calls, and one for each link.
 */
export function connectPeer(address: string, options: PeerOptions = {}): PeerClient {
  const { tls = null, nodeId } = options;
  const bounds = {
    receiveBytesMax: limits.peerMessageBytesMax,
    sendBytesMax: limits.peerMessageBytesMax,
  };
  const secure = tls === null ? null : peerDialler(tls, address, nodeId);
  const channel = new Channel(address, bounds, secure);
  const { handOver, join, probe } = clusterMethods;
  return {
    openLink: (hello, events) => new LinkDialler({ address, hello, events, tls }),
    join: (ask, context) => call(channel, { method: join, request: ask, context }),
    probe: async (context) => {
      const answer = await call(channel, { method: probe, request: {}, context });
      admitAnswerer(tls, answer.nodeId, { address, nodes: channel.nodes });
      return answer;
    },
    handOver: (ask, context) => call(channel, { method: handOver, request: ask, context }),
    fetchSnapshot: (ask, signal) => fetchSnapshot(channel, { ask, signal }),
    close: () => channel.close(),
  };
}

async function call<Request, Response>(
  channel: Channel,
  { method, request, context }: {
    readonly method: Method<Request, Response>;
    readonly request: Request;
    readonly context: PeerCallContext;
  },
): Promise<Response> {
  const { deadlineMs, signal } = context;
  const bytes = method.request.toBytes(request);
  const answer = await channel.unary({ path: method.path, bytes, deadlineMs, signal });
  return parse(method.response, answer.bytes);
}

async function fetchSnapshot(
  channel: Channel,
  { ask, signal }: { readonly ask: SnapshotAsk; readonly signal: AbortSignal },
): Promise<FetchedSnapshot> {
  const parts = snapshotParts(channel, { ask, signal });
  const first = await parts.next();
  if (first.done || first.value.kind !== "header") {
    await parts.return();
    throw unexpected("it did not begin with a header");
  }
  const { base, termStarts, rowsTotal } = first.value;
  let digest: string | null = null;
  const chunks = snapshotChunks(parts, {
    first: ask.firstChunk,
    ended: (value) => digest = value,
  });
  return {
    base,
    termStarts,
    rowsTotal,
    chunks,
    digest: () => {
      assert(digest !== null, "The digest of a snapshot is known at its end");
      return digest;
    },
  };
}

/** The chunks in order, none missing; then the digest. */
async function* snapshotChunks(
  parts: AsyncGenerator<SnapshotPart, void, undefined>,
  { first, ended }: { readonly first: number; readonly ended: (digest: string) => void },
): AsyncGenerator<Uint8Array, void, undefined> {
  let next = first;
  for await (const part of parts) {
    if (part.kind === "end") {
      if (part.chunks !== next) throw unexpected(`it ended after chunk ${next} of ${part.chunks}`);
      ended(part.digest);
      return;
    }
    if (part.kind !== "chunk" || part.number !== next) throw unexpected(`chunk ${next} is missing`);
    next += 1;
    yield part.data;
  }
  throw unexpected("it has no end");
}

/** Parts as they come; broken off when nothing comes for `limits.snapshotStallMsMax`. */
async function* snapshotParts(
  channel: Channel,
  { ask, signal }: { readonly ask: SnapshotAsk; readonly signal: AbortSignal },
): AsyncGenerator<SnapshotPart, void, undefined> {
  const { path, request, response } = clusterMethods.fetchSnapshot;
  for await (const bytes of unlessStalled(channel, { path, bytes: request.toBytes(ask), signal })) {
    yield parse(response, bytes);
  }
}

function unexpected(detail: string): ChatError {
  return new ChatError("CORRUPT", `Cannot use the snapshot: ${detail}. It is fetched again`);
}
