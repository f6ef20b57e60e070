/**
 * The services of the client port as plain TypeScript: requests, responses and the two
 * interfaces that `src/node` implements, `src/rpc` carries over gRPC and `src/client` calls.
 * The same interface works over a socket and in memory, so service tests need no port.
 * Times are ms since the epoch; positions are opaque texts; pages are bounded by the server.
 *
 * @module
 */

import type { LogPosition, Policy, Term, TermStart } from "../raft/types.ts";

/** What travels in metadata beside a request. */
export interface CallContext {
  /** `authorization: Bearer …` without the scheme; `undefined` if not logged in. */
  readonly token?: string | undefined;
  /** `x-jmessage-position`: newest position the caller has seen (read your writes). */
  readonly position?: string | undefined;
  /** Absolute, ms since the epoch on this machine. Every call has one. */
  readonly deadlineMs: number;
  /** Aborted when the caller has gone or the deadline has passed. */
  readonly signal: AbortSignal;
  /** `host:port` of the caller, as this machine sees it; absent in memory. */
  readonly from?: string;
  /** The certificate that the caller has shown, as DER, found to be good; `null` without. */
  readonly certificate?: Uint8Array | null;
}

/** What travels in response metadata: `x-jmessage-cluster` and `x-jmessage-position`. */
export interface ResponseInfo {
  readonly clusterId: string;
  readonly position: string;
}

/** A response with what travels beside it. */
export type Answered<T> = T & { readonly info: ResponseInfo };

export interface Message {
  /** The request id of its sending, for ever. */
  readonly id: string;
  /** Log index: one order everywhere. */
  readonly seq: number;
  readonly position: string;
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly sentAtMs: number;
  readonly acknowledged: boolean;
}

export interface User {
  readonly name: string;
  readonly online: boolean;
  /** `null` if never seen since the nodes that know started. */
  readonly lastSeenMs: number | null;
}

export interface ClusterMember {
  readonly id: string;
  readonly clientAddress: string;
  readonly voter: boolean;
}

/** One frame of a subscription. */
export type SubscribeFrame =
  | { readonly kind: "message"; readonly message: Message }
  /** At least every 2 s; `position` is safe to resume from. */
  | { readonly kind: "heartbeat"; readonly position: string };

export interface CreateAccountRequest {
  readonly requestId: string;
  readonly name: string;
  readonly password: string;
}
export interface LoginRequest {
  readonly requestId: string;
  readonly name: string;
  readonly password: string;
}
export interface LoginResponse {
  readonly token: string;
  /** The account's name as it was registered. */
  readonly name: string;
}
export interface LogoutRequest {
  readonly requestId: string;
  readonly all: boolean;
  /** One session of the account, whichever; absent: the one that asks, or all. */
  readonly sessionId?: string;
}
export interface DeleteAccountRequest {
  readonly requestId: string;
}
/** A session of the caller's account. */
export interface SessionInfo {
  readonly id: string;
  readonly createdAtMs: number;
  /** To about a day; `null` if it was not used since nodes note it. */
  readonly usedAtMs: number | null;
  /** When it ends if it is not used; `null`: not by itself. */
  readonly expiresAtMs: number | null;
  /** The one in which this is asked. */
  readonly current: boolean;
}
export interface ListSessionsResponse {
  readonly sessions: readonly SessionInfo[];
  readonly nextPageToken: string;
}
export interface SendMessageRequest {
  readonly requestId: string;
  readonly to: string;
  readonly body: string;
}
export interface SendMessageResponse {
  readonly id: string;
  readonly seq: number;
  readonly position: string;
  readonly acceptedAtMs: number;
}
/** `pageToken` is empty for the first page; an empty one in the answer ends the list. */
export interface PageRequest {
  readonly pageSize?: number;
  readonly pageToken?: string;
}
export interface ListUsersResponse {
  readonly users: readonly User[];
  readonly nextPageToken: string;
}
export interface GetMessagesResponse {
  readonly messages: readonly Message[];
  readonly nextPageToken: string;
}
/** One conversation, oldest first within the page; the page nearest to `before` or `after`. */
export interface GetChatRequest {
  readonly with: string;
  readonly limit?: number;
  /** Only messages before this position (the newest such); excludes `after`. */
  readonly before?: string;
  /** Only messages after this position (the oldest such). */
  readonly after?: string;
}
export interface GetChatResponse {
  readonly messages: readonly Message[];
  /** True if there are more in the direction that was asked for. */
  readonly more: boolean;
}
/** Either ids or everything received up to a position. */
export interface AcknowledgeRequest {
  readonly requestId: string;
  readonly ids?: readonly string[];
  readonly upTo?: string;
}
export interface AcknowledgeResponse {
  readonly acknowledged: number;
  /** True if the bound of one request was reached: ask again (with a new request id). */
  readonly more: boolean;
}
export interface SubscribeRequest {
  /** Positions the client has seen, newest first, at most 16; empty: from now on. */
  readonly positions: readonly string[];
  /** With no positions: everything not yet acknowledged first, instead of from now on. */
  readonly fromUnacknowledged?: boolean;
}
export interface GetClusterResponse {
  readonly clusterId: string;
  readonly members: readonly ClusterMember[];
  /** Client address of the leader; empty if none is known. */
  readonly leader: string;
  readonly term: string;
}

/** `jmessage.v1.ChatService`. Every method throws `ChatError` and nothing else. */
export interface ChatApi {
  createAccount(request: CreateAccountRequest, context: CallContext): Promise<Answered<object>>;
  login(request: LoginRequest, context: CallContext): Promise<Answered<LoginResponse>>;
  /** The open sessions of the caller's account. */
  listSessions(
    request: PageRequest,
    context: CallContext,
  ): Promise<Answered<ListSessionsResponse>>;
  logout(request: LogoutRequest, context: CallContext): Promise<Answered<object>>;
  deleteAccount(request: DeleteAccountRequest, context: CallContext): Promise<Answered<object>>;
  listUsers(request: PageRequest, context: CallContext): Promise<Answered<ListUsersResponse>>;
  sendMessage(
    request: SendMessageRequest,
    context: CallContext,
  ): Promise<Answered<SendMessageResponse>>;
  getMessages(request: PageRequest, context: CallContext): Promise<Answered<GetMessagesResponse>>;
  getChat(request: GetChatRequest, context: CallContext): Promise<Answered<GetChatResponse>>;
  acknowledgeMessages(
    request: AcknowledgeRequest,
    context: CallContext,
  ): Promise<Answered<AcknowledgeResponse>>;
  /** Ends by throwing (`SLOW_CONSUMER`, `SHUTTING_DOWN`, …) or when the caller stops reading. */
  subscribe(
    request: SubscribeRequest,
    context: CallContext,
  ): AsyncIterable<SubscribeFrame & { readonly info?: ResponseInfo }>;
  getCluster(request: object, context: CallContext): Promise<Answered<GetClusterResponse>>;
}

export interface StatusMember {
  readonly id: string;
  readonly role: "leader" | "follower" | "candidate" | "learner" | "joiner" | "unknown";
  readonly voter: boolean;
  readonly clientAddress: string;
  readonly peerAddress: string;
  readonly term: string;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly reachable: boolean;
  readonly incarnation: number;
  /** The first of the node's certificates to expire, ms since the epoch; absent without TLS. */
  readonly certificateExpiresAtMs?: number;
}
/** The cluster as the answering node sees it; `self` is the answering node's own row. */
export interface StatusResponse {
  readonly clusterId: string;
  readonly quorum: "all" | "majority";
  readonly lastResort: boolean;
  readonly livesByLastResort: boolean;
  /** Whom it misses since then; they may be removed if they are gone for good. */
  readonly missing: readonly { readonly id: string; readonly peerAddress: string }[];
  readonly term: string;
  /** Id of the leader; empty if none is known. */
  readonly leader: string;
  readonly tolerates: number;
  readonly self: string;
  readonly members: readonly StatusMember[];
}
export interface DigestResponse {
  readonly id: string;
  readonly appliedIndex: number;
  /** SHA-256, hex. */
  readonly digest: string;
}

/** A request that one side of a partition took and the cluster could not (DESIGN §9). */
export interface SalvageRecord {
  /** Log index at which that was decided. */
  readonly seq: number;
  readonly requestId: string;
  /** Kind of the request, as `sendMessage`. */
  readonly kind: string;
  readonly accountId: string;
  /** Name of that account; `null` if it is not known. */
  readonly from: string | null;
  /** Of a message only, as `to` and `body`. */
  readonly toAccountId: string | null;
  readonly to: string | null;
  readonly body: string | null;
  /** Of an acknowledgement only. */
  readonly messageIds: readonly string[];
  readonly acceptedAtMs: number;
  /** Why it could not be taken, in words. */
  readonly reason: string;
  /** Whether its side had told the client that it was done. */
  readonly acknowledged: boolean;
}
export interface ListSalvagedResponse {
  readonly records: readonly SalvageRecord[];
  readonly nextPageToken: string;
}

/** What a backup says before its rows. */
export interface BackupHeader {
  readonly clusterId: string;
  /** Who gives it. */
  readonly nodeId: string;
  /** Newest entry whose effects are in it. */
  readonly base: LogPosition;
  /** Highest term that the giver knows: that of the base, or above. */
  readonly term: Term;
  readonly policy: Policy;
  /** Version of the tables that its rows are for. */
  readonly schemaVersion: number;
  readonly takenAtMs: number;
  /** Rows in all, with a line for each table, for progress. */
  readonly rowsTotal: number;
}

/** A backup as a member streams it: one header, all term starts, chunks in order, one end. */
export type BackupPart =
  | ({ readonly kind: "header" } & BackupHeader)
  /** Some of the terms up to the base, oldest first. */
  | { readonly kind: "terms"; readonly termStarts: readonly TermStart[] }
  | { readonly kind: "chunk"; readonly number: number; readonly data: Uint8Array }
  | { readonly kind: "end"; readonly chunks: number; readonly digest: string };

export interface RotateAdminTokenRequest {
  readonly requestId: string;
  readonly tokenHash: string;
}

/** `jmessage.v1.AdminService`. */
export interface AdminApi {
  status(request: object, context: CallContext): Promise<StatusResponse>;
  /**
   * This node's digest at `atLeastIndex`, which it waits for a while, or further if it is further.
   * Throws `NOT_UP_TO_DATE` if that is not applied in time.
   */
  digest(
    request: { readonly atLeastIndex?: number },
    context: CallContext,
  ): Promise<DigestResponse>;
  transferLeadership(
    request: { readonly to?: string },
    context: CallContext,
  ): Promise<{ readonly leader: string; readonly term: string }>;
  removeMember(
    request: { readonly id: string },
    context: CallContext,
  ): Promise<{ readonly members: readonly string[] }>;
  /**
   * A new admin token in the place of the one there is; `tokenHash` is its SHA-256, hex: the token
   * itself does not travel.
   */
  rotateAdminToken(request: RotateAdminTokenRequest, context: CallContext): Promise<object>;
  /** What is in this node's state, oldest first. */
  listSalvaged(request: PageRequest, context: CallContext): Promise<ListSalvagedResponse>;
  /**
   * Everything that is replicated, once the node has applied `atLeastIndex`, at one index (it may
   * be further). Parts are pulled one at a time, as fast as the caller reads them.
   */
  backup(
    request: { readonly atLeastIndex: number },
    context: CallContext,
  ): AsyncIterable<BackupPart>;
}
