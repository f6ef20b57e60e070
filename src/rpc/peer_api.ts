/**
 * The service of the peer port as plain TypeScript: what nodes ask of one another before, beside
 * and below the replication messages. `src/node` implements {@linkcode PeerApi} and uses what
 * `connectPeer` gives; `src/rpc` carries both over gRPC. Decides nothing about membership.
 *
 * A link is one stream in one direction: each node dials each other node and sends its own
 * messages on the stream it dialled. After both hellos only the dialling side sends.
 *
 * @module
 */

import type { ChatError } from "../errors.ts";
import type { Message } from "../raft/message.ts";
import type { Base, Index, Member, NodeId, Policy, Term, TermStart } from "../raft/types.ts";

/** Version of the frames on a link; another one is refused. */
export const PROTOCOL_VERSION = 1;

/** What a link opens with, from both sides (§3). */
export interface Hello {
  readonly nodeId: NodeId;
  /** Empty while the node belongs to no cluster. */
  readonly clusterId: string;
  readonly incarnation: number;
  /** Incarnation of the start before this one; 0 if there was none. */
  readonly previousIncarnation: number;
  readonly peerAddress: string;
  readonly clientAddress: string;
  /** Must be {@linkcode PROTOCOL_VERSION}. */
  readonly protocolVersion: number;
  /**
   * Whom the dialler means: any other node refuses with `WRONG_NODE`. Empty if it does not know who
   * is at the address, and from the acceptor.
   */
  readonly toNodeId: NodeId;
}

/** What a node says of itself, whomever it means. */
export type OwnHello = Omit<Hello, "toNodeId">;

/** One account as the sender of a presence update sees it. */
export interface PresenceAccount {
  readonly accountId: string;
  /** An open subscription, or a recent call, at the sender. */
  readonly online: boolean;
  /** Ms since the epoch by the sender's clock. */
  readonly lastSeenMs: number;
}

/** Who is online at the sender. Not replicated: told again from the start on each new link. */
export interface Presence {
  /** True if whatever this sender told before is void: the first update on a link. */
  readonly complete: boolean;
  /** At most `limits.presenceAccountsMax`. */
  readonly accounts: readonly PresenceAccount[];
  /** Sessions that were used at the sender, at most `limits.usedSessionsMax`; often absent. */
  readonly usedSessions?: readonly string[];
}

/** What travels on a link. */
export type Frame =
  | { readonly kind: "raft"; readonly message: Message }
  | { readonly kind: "presence"; readonly presence: Presence };

/** The accepting side's hold on a link. */
export interface IncomingLink {
  /** Ends the link; with an error the peer is told its reason. Closing twice does nothing. */
  close(error?: ChatError): void;
}

/** What the accepting side does with a link. None of the methods may throw. */
export interface LinkReceiver {
  /** The accepting side's own hello. */
  readonly hello: Hello;
  /** Frames in the order in which they were sent, as many as arrived together. */
  frames(frames: readonly Frame[]): void;
  /** The link is over, once, whoever ended it. */
  closed(): void;
}

/** A node without a config asks to be taken in (§6). */
export interface JoinAsk {
  /** Empty if it has never belonged to a cluster; else only that cluster may take it. */
  readonly clusterId: string;
  readonly member: Member;
}

/** Answer to a join. Being accepted is no membership yet: only a leader's append is. */
export type JoinAnswer =
  | { readonly kind: "accepted"; readonly clusterId: string }
  /** `leaderPeerAddress` is empty if no leader is known. */
  | {
    readonly kind: "notLeader";
    readonly clusterId: string;
    readonly leaderPeerAddress: string;
  }
  | { readonly kind: "refused"; readonly error: ChatError };

/** What a node says of itself to anyone who asks (§6, §9). */
export interface ProbeAnswer {
  /** Empty while the node belongs to no cluster. */
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** Id and peer address of the leader it follows (or is); `null` if it knows none. */
  readonly leader: { readonly id: NodeId; readonly peerAddress: string } | null;
  /** Highest term promised. */
  readonly term: Term;
  /** The cluster's; `null` if the node knows no config. */
  readonly policy: Policy | null;
}

/**
 * A step of a hand-over (§9). It asks what both logs have in common, or whether requests are known,
 * or for the commit of commands: what is not asked for is empty.
 */
export interface HandOverAsk {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /**
   * First indexes of successive terms of the asker's log up to `lastIndex`, at most
   * `limits.handOverTermsMax`: the newest, or those before if nothing of these is in common.
   */
  readonly termStarts: readonly TermStart[];
  readonly lastIndex: Index;
  /** Salvaged commands in the order of the asker's log, at most `limits.handOverCommandsMax`. */
  readonly commands: readonly Uint8Array[];
  /** Requests that the asker has only in its state, at most `limits.handOverRequestsMax`. */
  readonly requestIds: readonly string[];
}

/** With commands: they are committed here, or were before. */
export interface HandOverAnswer {
  /**
   * Last index up to which both logs are the same; 0 if that is below the terms of the ask, or it had
   * none.
   */
  readonly commonIndex: Index;
  /** How many of the request ids are not known here. */
  readonly unknown: number;
}

/** Which snapshot, and from where on. */
export interface SnapshotAsk {
  readonly clusterId: string;
  /** Who asks, for the log of the giver. */
  readonly nodeId: NodeId;
  /** 0: a new one. Else the one at this index is wanted again, or `NOT_UP_TO_DATE`. */
  readonly index: Index;
  /** Number of the first chunk wanted: 0, or more to go on with a broken fetch. */
  readonly firstChunk: number;
}

/** What comes before the chunks of a snapshot. */
export interface SnapshotHeader {
  readonly base: Base;
  readonly termStarts: readonly TermStart[];
  /** Rows in all, for progress. */
  readonly rowsTotal: number;
}

/** A snapshot as the giving node streams it: one header, chunks in order, one end. */
export type SnapshotPart =
  | ({ readonly kind: "header" } & SnapshotHeader)
  | { readonly kind: "chunk"; readonly number: number; readonly data: Uint8Array }
  | { readonly kind: "end"; readonly chunks: number; readonly digest: string };

/** A snapshot as the fetching node reads it. Breaking off the iteration ends the fetch. */
export interface FetchedSnapshot extends SnapshotHeader {
  /** Chunks in order from the one asked for, each checked against its checksum. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Digest of the whole; an assertion fails before `chunks` has ended. */
  digest(): string;
}

/** How long an answer may take, and how to stop waiting for it. */
export interface PeerCallContext {
  /** Absolute, ms since the epoch on this machine. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** `jmessage.v1.ClusterService`, as a node serves it. Methods throw `ChatError` only. */
export interface PeerApi {
  /** Takes a link, or throws: the peer is told why. The peer sends once it has our hello. */
  openLink(hello: Hello, link: IncomingLink): Promise<LinkReceiver>;
  join(ask: JoinAsk, context: PeerCallContext): Promise<JoinAnswer>;
  probe(context: PeerCallContext): Promise<ProbeAnswer>;
  handOver(ask: HandOverAsk, context: PeerCallContext): Promise<HandOverAnswer>;
  /** Parts are pulled one at a time, as fast as the peer reads them. */
  fetchSnapshot(ask: SnapshotAsk, signal: AbortSignal): AsyncIterable<SnapshotPart>;
}

/** How a dialled link ended. */
export type LinkEnd =
  /** The connection was refused: no process listens there (§5, "gone"). */
  | { readonly kind: "refused" }
  /** The peer answered with an error of ours: `WRONG_CLUSTER`, `REMOVED`, … */
  | { readonly kind: "rejected"; readonly error: ChatError }
  /** TLS does not let this side believe that it is the peer, or the peer does not believe us. */
  | { readonly kind: "untrusted"; readonly error: ChatError }
  /** No answer in time, or the connection broke. */
  | { readonly kind: "broken"; readonly detail: string }
  /** `close` was called on this side. */
  | { readonly kind: "closed" };

/** What the dialling side wants to hear. None of the methods may throw. */
export interface LinkEvents {
  /** The peer's hello has come: `send` works from now on. */
  opened(hello: Hello): void;
  /** Once, whatever happened; nothing follows. */
  ended(end: LinkEnd): void;
}

/** The dialling side's hold on a link. */
export interface OutgoingLink {
  /**
   * Queues a frame; those of one turn of the event loop travel together. False, and the frame is
   * dropped, if the link is not open or `limits.peerQueueBytesMax` would be passed.
   */
  send(frame: Frame): boolean;
  /** Bytes accepted by `send` that the connection has not taken yet. */
  queuedBytes(): number;
  close(): void;
}

/** A peer as `connectPeer` gives it. Calls throw `ChatError` only. */
export interface PeerClient {
  /** Dials once, on a connection of its own; to try again, dial again. */
  openLink(hello: Hello, events: LinkEvents): OutgoingLink;
  join(ask: JoinAsk, context: PeerCallContext): Promise<JoinAnswer>;
  probe(context: PeerCallContext): Promise<ProbeAnswer>;
  handOver(ask: HandOverAsk, context: PeerCallContext): Promise<HandOverAnswer>;
  /** Resolves with the header. Ends with an error if nothing comes for a while. */
  fetchSnapshot(ask: SnapshotAsk, signal: AbortSignal): Promise<FetchedSnapshot>;
  close(): void;
}
