/**
 * Errors on their way over gRPC: a `ChatError` as status and trailing metadata, and back. The
 * reason travels as `jmessage-reason`; the status code is for clients that know no reasons. A
 * status without a reason of ours is no answer: the request may have happened.
 *
 * @module
 */

import { Metadata, type ServerErrorResponse, status } from "@grpc/grpc-js";
import { ChatError, isReason, REASONS } from "../errors.ts";
import { limits } from "../limits.ts";

const REASON = "jmessage-reason";
const LEADER = "jmessage-leader";
const TERM = "jmessage-term";
const FIELD = "jmessage-field";
const RETRY_AFTER = "retry-after-ms";

/** A gRPC error as either side has it. */
export interface Status {
  readonly code?: number | null | undefined;
  readonly details?: string | null | undefined;
  readonly metadata?: Metadata | null | undefined;
}

/** What the server answers for an error. */
export function toStatus(error: ChatError): ServerErrorResponse {
  // A cut may leave half a character, which the encoder of headers would not take.
  const details = error.message.slice(0, limits.errorTextLengthMax).toWellFormed();
  return {
    name: error.name,
    message: details,
    code: status[REASONS[error.reason].status],
    details,
    metadata: trailersOf(error),
  };
}

function trailersOf(error: ChatError): Metadata {
  const trailers = new Metadata();
  trailers.set(REASON, error.reason);
  const { leader, term, field, retryAfterMs } = error;
  setPlain(trailers, LEADER, leader);
  setPlain(trailers, TERM, term);
  setPlain(trailers, FIELD, field);
  setPlain(trailers, RETRY_AFTER, retryAfterMs?.toString());
  return trailers;
}

/** Headers hold printable ASCII only; a hint that is not is left out rather than fail. */
function setPlain(metadata: Metadata, key: string, value: string | undefined): void {
  if (value !== undefined && /^[ -~]+$/.test(value)) metadata.set(key, value);
}

/** What the client makes of a failed call to `address`. */
export function fromStatus(failed: Status, address: string): ChatError {
  const { metadata } = failed;
  const reason = metadata ? first(metadata, REASON) : undefined;
  if (!metadata || !isReason(reason)) return noAnswer(address, describe(failed), failed);
  const leader = first(metadata, LEADER);
  const term = first(metadata, TERM);
  const field = first(metadata, FIELD);
  const retryAfterMs = Number(first(metadata, RETRY_AFTER));
  return new ChatError(reason, failed.details || reason, {
    cause: failed,
    ...(leader === undefined ? {} : { leader }),
    ...(term === undefined ? {} : { term }),
    ...(field === undefined ? {} : { field }),
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
  });
}

/** What an error is called where it is counted: our reason, or a status's name; `null` without one. */
export function reasonText(error: Status | null | undefined): string | null {
  if (!error) return null;
  const reason = error.metadata ? first(error.metadata, REASON) : undefined;
  return reason ?? status[error.code ?? status.UNKNOWN] ?? "UNKNOWN";
}

/** The indefinite outcome of a call that nobody answered. */
export function noAnswer(address: string, why: string, cause?: unknown): ChatError {
  return new ChatError("NO_ANSWER", `No answer from ${address}: ${why}`, { cause, why });
}

/** For people: gRPC's own texts are long, and programs look at the reason only. */
function describe({ code, details }: Status): string {
  if (code === status.DEADLINE_EXCEEDED) return "the deadline has passed";
  if (code === status.CANCELLED) return "the call was given up";
  if (details?.includes("ECONNREFUSED")) return "the connection was refused";
  if (details?.includes("Name resolution failed")) return "the name of the host is not known";
  // How a connection ends that was made, and then led to nobody who understands HTTP/2.
  if (details?.includes("Last error: Failed to connect")) {
    return "it ended the connection at once; it may expect TLS, or not know what to do with it";
  }
  const name = status[code ?? status.UNKNOWN] ?? `status ${code}`;
  return details ? `${name}, ${details.slice(0, limits.errorTextLengthMax)}` : name;
}

/** First value of a key, if it has one and it is text. */
export function first(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === "string" ? value : undefined;
}
