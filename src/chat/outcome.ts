/**
 * The text under which an outcome is stored with its request, for ever. Owns that form: what
 * the request's own row already says (its id, index and time) is not stored twice.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { isReason, type Reason } from "../errors.ts";
import type { Outcome, TermKey } from "./command.ts";
import { formatTerm, parseTerm } from "./position.ts";

/** What a request's row says besides the outcome. */
export interface RequestPlace {
  readonly requestId: string;
  readonly index: number;
  readonly acceptedAtMs: number;
}

/** The inverse of {@linkcode decodeOutcome} at the same place. */
export function encodeOutcome(
  outcome: Outcome,
  place: Pick<RequestPlace, "acceptedAtMs">,
): string {
  if (!outcome.ok) return JSON.stringify([outcome.reason, outcome.message]);
  switch (outcome.kind) {
    case "sendMessage":
      return JSON.stringify([
        outcome.kind,
        formatTerm(outcome.term),
        // A salvaged one was accepted before it came to its place (§9).
        ...outcome.acceptedAtMs === place.acceptedAtMs ? [] : [outcome.acceptedAtMs],
      ]);
    case "createAccount":
      return JSON.stringify([outcome.kind, outcome.accountId]);
    case "login":
      return JSON.stringify([outcome.kind, outcome.sessionId]);
    case "renewSession": {
      const { kind, sessionId, usedAtMs, expiresAtMs } = outcome;
      return JSON.stringify([kind, sessionId, usedAtMs, expiresAtMs]);
    }
    case "logout":
      return JSON.stringify([outcome.kind, outcome.revoked]);
    case "acknowledge":
      return JSON.stringify([outcome.kind, outcome.acknowledged]);
    case "deleteAccount":
    case "setAdminToken":
      return JSON.stringify([outcome.kind]);
  }
}

/** The kind, and what is its own: at most three values. */
type StoredOutcome = [string, string | number, number?, number?];

/** The outcome that was stored, equal to it in every field. */
export function decodeOutcome(text: string, place: RequestPlace): Outcome {
  const [kind, detail, acceptedAtMs, endMs] = JSON.parse(text) as StoredOutcome;
  if (isReason(kind)) return refusal(kind, String(detail));
  switch (kind) {
    case "sendMessage":
      return {
        ok: true,
        kind,
        messageId: place.requestId,
        index: place.index,
        term: termOf(String(detail), place),
        acceptedAtMs: acceptedAtMs ?? place.acceptedAtMs,
      };
    case "createAccount":
      return { ok: true, kind, accountId: String(detail) };
    case "login":
      return { ok: true, kind, sessionId: String(detail) };
    case "renewSession":
      return {
        ok: true,
        kind,
        sessionId: String(detail),
        usedAtMs: Number(acceptedAtMs),
        expiresAtMs: Number(endMs),
      };
    case "logout":
      return { ok: true, kind, revoked: Number(detail) };
    case "acknowledge":
      return { ok: true, kind, acknowledged: Number(detail) };
    case "deleteAccount":
    case "setAdminToken":
      return { ok: true, kind };
  }
  assert(false, `Cannot read request ${place.requestId} as its outcome is unknown: ${text}`);
}

/** An outcome that travels in a salvaged command, from what JSON made of it; `null`: it is none. */
export function readOutcome(value: unknown): Outcome | null {
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Readonly<Record<string, unknown>>;
  const { ok, kind } = fields;
  if (ok === false) {
    const { reason, message } = fields;
    return isReason(reason) && typeof message === "string" ? refusal(reason, message) : null;
  }
  if (ok !== true) return null;
  const isText = (name: string) => typeof fields[name] === "string";
  const isCount = (name: string) => Number.isSafeInteger(fields[name]);
  switch (kind) {
    case "createAccount":
      return isText("accountId") ? { ok, kind, accountId: String(fields["accountId"]) } : null;
    case "login":
      return isText("sessionId") ? { ok, kind, sessionId: String(fields["sessionId"]) } : null;
    case "renewSession":
      return isText("sessionId") && isCount("usedAtMs") && isCount("expiresAtMs")
        ? {
          ok,
          kind,
          sessionId: String(fields["sessionId"]),
          usedAtMs: Number(fields["usedAtMs"]),
          expiresAtMs: Number(fields["expiresAtMs"]),
        }
        : null;
    case "logout":
      return isCount("revoked") ? { ok, kind, revoked: Number(fields["revoked"]) } : null;
    case "acknowledge":
      return isCount("acknowledged")
        ? { ok, kind, acknowledged: Number(fields["acknowledged"]) }
        : null;
    case "deleteAccount":
    case "setAdminToken":
      return { ok, kind };
    case "sendMessage":
      return isText("messageId") && isCount("index") && isCount("acceptedAtMs")
        ? readSent(fields)
        : null;
  }
  return null;
}

function readSent(fields: Readonly<Record<string, unknown>>): Outcome | null {
  const { epoch, number, nodeId } = (fields["term"] ?? {}) as Readonly<Record<string, unknown>>;
  const isTerm = Number.isSafeInteger(epoch) && Number.isSafeInteger(number) &&
    typeof nodeId === "string";
  if (!isTerm) return null;
  return {
    ok: true,
    kind: "sendMessage",
    messageId: String(fields["messageId"]),
    index: Number(fields["index"]),
    term: { epoch: Number(epoch), number: Number(number), nodeId },
    acceptedAtMs: Number(fields["acceptedAtMs"]),
  };
}

/** A request that was refused, as an outcome. */
export function refusal(reason: Reason, message: string): Outcome {
  return { ok: false, reason, message };
}

function termOf(text: string, place: RequestPlace): TermKey {
  const term = parseTerm(text);
  assert(term !== null, `Cannot read request ${place.requestId} as its term is broken: ${text}`);
  return term;
}
