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
import { type PeerSecret, secretMetadata } from "./peer_secret.ts";
import { admitAnswerer, peerDialler, type PeerTls } from "./peer_tls.ts";
import { clusterMethods, type Method } from "./services.ts";
import { unlessStalled } from "./stalling.ts";

/** How to reach a peer. */
export interface PeerOptions {
  /** In plain text without. */
  readonly tls?: PeerTls | null;
  /** Shown with every call. */
  readonly secret?: PeerSecret | null;
  /** Who must be there, if that is known; checked with TLS only. */
  readonly nodeId?: NodeId | undefined;
}

/**
 * The peer at `host:port`. Returns at once; connections are made by what is asked: one for all
 * calls, and one for each link.
 */
export function connectPeer(address: string, options: PeerOptions = {}): PeerClient {
  const { tls = null, secret = null, nodeId } = options;
  const bounds = {
    receiveBytesMax: limits.peerMessageBytesMax,
    sendBytesMax: limits.peerMessageBytesMax,
  };
  const secure = tls === null ? null : peerDialler(tls, address, nodeId);
  const channel = new Channel(address, bounds, secure);
  const shown = secretMetadata(secret);
  const { handOver, join, probe } = clusterMethods;
  return {
    openLink: (hello, events) => new LinkDialler({ address, hello, events, tls, secret }),
    join: (ask, context) => call(channel, { method: join, request: ask, context, shown }),
    probe: async (context) => {
      const answer = await call(channel, { method: probe, request: {}, context, shown });
      admitAnswerer(tls, answer.nodeId, { address, nodes: channel.nodes });
      return answer;
    },
    handOver: (ask, context) => call(channel, { method: handOver, request: ask, context, shown }),
    fetchSnapshot: (ask, signal) => fetchSnapshot(channel, { ask, signal, shown }),
    close: () => channel.close(),
  };
}

async function call<Request, Response>(
  channel: Channel,
  { method, request, context, shown }: {
    readonly shown: Shown;
    readonly method: Method<Request, Response>;
    readonly request: Request;
    readonly context: PeerCallContext;
  },
): Promise<Response> {
  const { deadlineMs, signal } = context;
  const bytes = method.request.toBytes(request);
  const answer = await channel.unary({ path: method.path, bytes, deadlineMs, signal, ...shown });
  return parse(method.response, answer.bytes);
}

/** What a call carries of the cluster secret. */
type Shown = ReturnType<typeof secretMetadata>;

interface Fetch {
  readonly ask: SnapshotAsk;
  readonly signal: AbortSignal;
  readonly shown: Shown;
}

async function fetchSnapshot(channel: Channel, fetch: Fetch): Promise<FetchedSnapshot> {
  const { ask } = fetch;
  const parts = snapshotParts(channel, fetch);
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
  { ask, signal, shown }: Fetch,
): AsyncGenerator<SnapshotPart, void, undefined> {
  const { path, request, response } = clusterMethods.fetchSnapshot;
  const outgoing = { path, bytes: request.toBytes(ask), signal, ...shown };
  for await (const bytes of unlessStalled(channel, outgoing)) {
    yield parse(response, bytes);
  }
}

function unexpected(detail: string): ChatError {
  return new ChatError("CORRUPT", `Cannot use the snapshot: ${detail}. It is fetched again`);
}
