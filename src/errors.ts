/**
 * The closed list of reasons for which a request can fail, and the one error type that crosses
 * a boundary. It never holds text that a program must read: clients branch on the reason.
 *
 * @module
 */

import { limits } from "./limits.ts";

/** What a reason means on the wire, to a shell and to a retrying client. */
export interface ReasonInfo {
  /** Name of the gRPC status code. */
  readonly status:
    | "FAILED_PRECONDITION"
    | "UNAVAILABLE"
    | "ABORTED"
    | "UNAUTHENTICATED"
    | "PERMISSION_DENIED"
    | "ALREADY_EXISTS"
    | "NOT_FOUND"
    | "INVALID_ARGUMENT"
    | "RESOURCE_EXHAUSTED"
    | "INTERNAL";
  /** Exit code of a command that ends with it. */
  readonly exitCode: 1 | 2;
  /** True if the request did not happen, provided no earlier attempt of it was indefinite. */
  readonly definite: boolean;
  /** What a client does: tell the person, or try again elsewhere or later. */
  readonly retry: "never" | "leader" | "next" | "same" | "wait";
  /** Ms to wait where whoever refuses does not know better; with `RESOURCE_EXHAUSTED` alone. */
  readonly retryAfterMs?: number;
}

/** Every reason, in one table (rpc.md, "Errors"). */
export const REASONS = {
  NOT_LEADER: { status: "FAILED_PRECONDITION", exitCode: 1, definite: true, retry: "leader" },
  NO_LEADER: { status: "UNAVAILABLE", exitCode: 1, definite: true, retry: "next" },
  SHUTTING_DOWN: { status: "UNAVAILABLE", exitCode: 1, definite: true, retry: "next" },
  LEADERSHIP_LOST: { status: "ABORTED", exitCode: 1, definite: false, retry: "same" },
  COMMIT_TIMEOUT: { status: "ABORTED", exitCode: 1, definite: false, retry: "same" },
  /** Made by a client, never sent: a refused or broken connection, a deadline, a status without a reason. */
  NO_ANSWER: { status: "UNAVAILABLE", exitCode: 1, definite: false, retry: "next" },
  UNAUTHENTICATED: { status: "UNAUTHENTICATED", exitCode: 1, definite: true, retry: "never" },
  PERMISSION_DENIED: { status: "PERMISSION_DENIED", exitCode: 1, definite: true, retry: "never" },
  NAME_TAKEN: { status: "ALREADY_EXISTS", exitCode: 1, definite: true, retry: "never" },
  REQUEST_ID_REUSED: { status: "ALREADY_EXISTS", exitCode: 1, definite: true, retry: "never" },
  NO_SUCH_USER: { status: "NOT_FOUND", exitCode: 1, definite: true, retry: "never" },
  INVALID_ARGUMENT: { status: "INVALID_ARGUMENT", exitCode: 2, definite: true, retry: "never" },
  OVERLOADED: {
    status: "RESOURCE_EXHAUSTED",
    exitCode: 1,
    definite: true,
    retry: "wait",
    retryAfterMs: limits.overloadRetryMs,
  },
  RATE_LIMITED: {
    status: "RESOURCE_EXHAUSTED",
    exitCode: 1,
    definite: true,
    retry: "wait",
    retryAfterMs: limits.loginFailureMs,
  },
  SLOW_CONSUMER: {
    status: "RESOURCE_EXHAUSTED",
    exitCode: 1,
    definite: true,
    retry: "wait",
    retryAfterMs: limits.subscriptionRetryMs,
  },
  NOT_UP_TO_DATE: { status: "UNAVAILABLE", exitCode: 1, definite: true, retry: "next" },
  WRONG_CLUSTER: { status: "FAILED_PRECONDITION", exitCode: 1, definite: true, retry: "never" },
  /** Somebody else is at the address now than the one who is meant; nodes to nodes only. */
  WRONG_NODE: { status: "FAILED_PRECONDITION", exitCode: 1, definite: true, retry: "never" },
  COPIED_DATA_DIRECTORY: {
    status: "FAILED_PRECONDITION",
    exitCode: 1,
    definite: true,
    retry: "never",
  },
  REMOVED: { status: "FAILED_PRECONDITION", exitCode: 1, definite: true, retry: "never" },
  FORK: { status: "FAILED_PRECONDITION", exitCode: 1, definite: true, retry: "never" },
  /** Locked, read-only, or another version's. Never crosses a network. */
  DATA_DIRECTORY: { status: "FAILED_PRECONDITION", exitCode: 1, definite: true, retry: "never" },
  /** Until somebody has made room, or another member leads: both happen without the client. */
  DISK_FULL: {
    status: "RESOURCE_EXHAUSTED",
    exitCode: 1,
    definite: false,
    retry: "wait",
    retryAfterMs: limits.diskRetryMs,
  },
  CORRUPT: { status: "INTERNAL", exitCode: 1, definite: false, retry: "never" },
  INTERNAL: { status: "INTERNAL", exitCode: 1, definite: false, retry: "never" },
} as const satisfies Record<string, ReasonInfo>;

/** One of the closed list of reasons. */
export type Reason = keyof typeof REASONS;

/** True if `value` names a reason of the closed list. */
export function isReason(value: unknown): value is Reason {
  return typeof value === "string" && Object.hasOwn(REASONS, value);
}

/** What else an error may carry, for programs. */
export interface ChatErrorOptions {
  readonly cause?: unknown;
  /** The field at fault, for `INVALID_ARGUMENT`. */
  readonly field?: string;
  /** Client address of the leader, for `NOT_LEADER`. */
  readonly leader?: string;
  /** The leader's term as text, for `NOT_LEADER`. */
  readonly term?: string;
  /** Milliseconds to wait, for `RESOURCE_EXHAUSTED`; {@linkcode REASONS} has it where it is left out. */
  readonly retryAfterMs?: number;
  /** For `NO_ANSWER`: what was in the way, for people, without the address. */
  readonly why?: string;
  /** True if an earlier attempt of the same request ended indefinite: then this error is too. */
  readonly afterIndefinite?: boolean;
}

/**
 * Answers that say whom to ask, or when: nobody looks for where they were made, and to note that
 * takes longer than all else that a node does for such an answer, just when most are given.
 */
const ROUTINE: ReadonlySet<Reason> = new Set<Reason>(["NOT_LEADER", "NO_LEADER", "OVERLOADED"]);

/** The one error that crosses a boundary: a closed reason, a line for people, a cause. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly reason: Reason;
  readonly field: string | undefined;
  readonly leader: string | undefined;
  readonly term: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly why: string | undefined;
  readonly afterIndefinite: boolean;

  constructor(reason: Reason, message: string, options: ChatErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    if (ROUTINE.has(reason)) Error.stackTraceLimit = 0;
    super(message, { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
    this.field = options.field;
    this.leader = options.leader;
    this.term = options.term;
    const { retryAfterMs }: ReasonInfo = REASONS[reason];
    this.retryAfterMs = options.retryAfterMs ?? retryAfterMs;
    this.why = options.why;
    this.afterIndefinite = options.afterIndefinite ?? false;
  }

  /** True if the request did not happen: it was refused, and so was every earlier attempt of it. */
  get definite(): boolean {
    return REASONS[this.reason].definite && !this.afterIndefinite;
  }

  /** Any thrown value as a `ChatError`; what is not one becomes `INTERNAL`. */
  static from(thrown: unknown): ChatError {
    if (thrown instanceof ChatError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new ChatError("INTERNAL", message, { cause: thrown });
  }
}
