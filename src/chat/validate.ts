/**
 * What a client may say, field by field (rpc.md): pure checks before anything enters the log.
 * Owns the rules and their error lines; a password or a body is never repeated in one. Fields
 * are named as on the wire.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** ASCII only: names that look alike but differ must not exist, and case folds the same for ever. */
const namePattern = /^[A-Za-z0-9_.-]+$/;

/**
 * Any RFC 9562 UUID of versions 1 to 8. Clients make version 7, whose ids come in order and keep
 * the index of requests compact; the others are taken too, because scripts have what their
 * `uuidgen` gives them. The nil and max UUIDs are refused: nobody made them to be unique.
 */
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A SHA-256 as hex. */
const hashPattern = /^[0-9a-f]{64}$/;

/** Longest part of a wrong value that an error shows. */
const shownLengthMax = 80;

/** The name unchanged; the account keeps the case it was registered in. */
export function checkName(name: string, field = "name"): string {
  const holds = namePattern.test(name) && name.length <= limits.nameLengthMax;
  const must = `be 1 to ${limits.nameLengthMax} of ASCII letters, digits, "_", "." and "-"`;
  return holds ? name : refuse(field, must, shown(name));
}

/** Characters are Unicode code points: what a person counts as one may take two units. */
export function checkPassword(password: string): string {
  const must = `be ${limits.passwordLengthMin} to ${limits.passwordLengthMax} characters`;
  // The first test keeps a huge text from being taken apart.
  const length = password.length > 2 * limits.passwordLengthMax
    ? password.length
    : [...password].length;
  const holds = length >= limits.passwordLengthMin && length <= limits.passwordLengthMax;
  if (!holds) refuse("password", must, `${length} characters`);
  if (!password.isWellFormed()) refuse("password", "be well-formed Unicode", "a lone surrogate");
  return password;
}

/** The body unchanged. */
export function checkBody(body: string): string {
  const bytes = new TextEncoder().encode(body).length;
  const must = `be 1 to ${limits.bodyBytesMax} bytes of UTF-8`;
  if (bytes < 1 || bytes > limits.bodyBytesMax) refuse("body", must, `${bytes} bytes`);
  if (!body.isWellFormed()) refuse("body", "be well-formed Unicode", "a lone surrogate");
  return body;
}

/** The id in lower case: two spellings of one UUID are one request. */
export function checkRequestId(requestId: string, field = "request_id"): string {
  const id = requestId.toLowerCase();
  return uuidPattern.test(id) ? id : refuse(field, "be a UUID", shown(requestId));
}

/** Which session a logout names, in lower case; `null`: the one that asks, or all of them. */
export function checkEndedSession(
  { all, sessionId }: { readonly all: boolean; readonly sessionId?: string },
): string | null {
  if (sessionId === undefined) return null;
  return all
    ? refuse("session_id", "be absent if all is true", shown(sessionId))
    : checkRequestId(sessionId, "session_id");
}

/** The hash unchanged; what was given is not repeated: it may be a token in its place. */
export function checkTokenHash(hash: string): string {
  const must = "be a SHA-256 in lower case hex";
  return hashPattern.test(hash) ? hash : refuse("token_hash", must, `${hash.length} characters`);
}

/** What to acknowledge: either ids (in lower case) or a position, never both or neither. */
export function checkAcknowledge(
  request: { readonly ids?: readonly string[]; readonly upTo?: string },
): { readonly ids: readonly string[] } | { readonly upTo: string } {
  const { ids = [], upTo = "" } = request;
  if (upTo !== "") {
    return ids.length === 0
      ? { upTo }
      : refuse("up_to", "be empty if ids are given", `${ids.length} ids and a position`);
  }
  const must = `be 1 to ${limits.ackIdsMax} if up_to is empty`;
  if (ids.length < 1 || ids.length > limits.ackIdsMax) refuse("ids", must, `${ids.length} ids`);
  return { ids: ids.map((id) => checkRequestId(id, "ids")) };
}

/** Rows of a page: `undefined` and 0 mean the default, more than the most means the most. */
export function checkPageSize(size: number | undefined, field = "page_size"): number {
  if (size === undefined || size === 0) return limits.pageRowsDefault;
  if (!Number.isSafeInteger(size) || size < 0) refuse(field, "be a whole number", String(size));
  return Math.min(size, limits.pageRowsMax);
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, shownLengthMax));
}

function refuse(field: string, must: string, current: string): never {
  const message = `Cannot take the request as ${field} must ${must}: current value is ${current}`;
  throw new ChatError("INVALID_ARGUMENT", message, { field });
}
