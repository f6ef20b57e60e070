/**
 * The interface of the original clients as plain TypeScript (rpc.md, its end): what `src/node`
 * implements and this folder carries over gRPC. Owns the codes by which those clients are told
 * what failed; what they send beside a request is nothing at all, so it is not here.
 *
 * @module
 */

/** All codes that an original client knows. */
export const originalCodes = {
  success: 0,
  nameExists: 8,
  noSuchUser: 9,
  wrongPassword: 10,
  notLoggedIn: 14,
  noSuchReceiver: 15,
  noMessages: 17,
  /** Of a call whose leader was lost: whether it happened is not known. */
  notMaster: 18,
} as const;

/** One of {@linkcode originalCodes}. */
export type OriginalCode = typeof originalCodes[keyof typeof originalCodes];

/** Highest `message_id`: it is an int32. */
export const MESSAGE_ID_MAX = 0x7fff_ffff;

/** What is known of a call beside its request. */
export interface OriginalContext {
  /** `host:port` of the caller, as this machine sees it; absent in memory. */
  readonly from?: string;
  /** Absolute, ms since the epoch on this machine; ours where the caller gave none. */
  readonly deadlineMs: number;
  /** Aborted when the caller has gone, or at that time. */
  readonly signal: AbortSignal;
  /**
   * Whether the answer went out, over a connection that still stood. Resolves once the call is
   * answered, so whoever answers must not wait for it; never rejects.
   */
  answered(): Promise<boolean>;
}

export interface OriginalAccountRequest {
  readonly username: string;
  readonly password: string;
}
export interface OriginalSessionRequest {
  readonly sessionId: string;
}
export interface OriginalSendRequest extends OriginalSessionRequest {
  readonly to: string;
  readonly message: string;
}
export interface OriginalChatRequest extends OriginalSessionRequest {
  readonly username: string;
}
export interface OriginalAcknowledgeRequest extends OriginalSessionRequest {
  /** Log indexes; what is none of them is passed over. */
  readonly messageIds: readonly number[];
}

/** How a call ended. */
export interface OriginalResponse {
  readonly errorCode: number;
  /** For people; empty if it succeeded. */
  readonly errorMessage: string;
  /** Of a login only. */
  readonly sessionId: string;
}
export interface OriginalUser {
  readonly username: string;
  readonly status: string;
}
export interface OriginalMessage {
  readonly from: string;
  readonly message: string;
  /** Log index, at most {@linkcode MESSAGE_ID_MAX}. */
  readonly messageId: number;
  readonly sentAtMs: number;
}
export interface OriginalMessages {
  readonly errorCode: number;
  readonly errorMessage: string;
  readonly messages: readonly OriginalMessage[];
}

/**
 * Service `ClientAccount`. What has no code is thrown, as `ChatError`: nothing has happened then,
 * or to do it again does no harm.
 */
export interface OriginalApi {
  createAccount(r: OriginalAccountRequest, context: OriginalContext): Promise<OriginalResponse>;
  login(r: OriginalAccountRequest, context: OriginalContext): Promise<OriginalResponse>;
  listUsers(
    r: object,
    context: OriginalContext,
  ): Promise<{ readonly users: readonly OriginalUser[] }>;
  send(r: OriginalSendRequest, context: OriginalContext): Promise<OriginalResponse>;
  getMessages(r: OriginalSessionRequest, context: OriginalContext): Promise<OriginalMessages>;
  getChat(r: OriginalChatRequest, context: OriginalContext): Promise<OriginalMessages>;
  acknowledge(
    r: OriginalAcknowledgeRequest,
    context: OriginalContext,
  ): Promise<OriginalResponse>;
  deleteAccount(r: OriginalSessionRequest, context: OriginalContext): Promise<OriginalResponse>;
  logout(r: OriginalSessionRequest, context: OriginalContext): Promise<OriginalResponse>;
}
