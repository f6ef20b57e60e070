/**
 * Every refusal of the state machine: its reason and its line for people. They are part of the
 * state, so a text that changes here changes what nodes of two versions store: change one only
 * together with {@linkcode commandVersion}.
 *
 * @module
 */

import type { Outcome } from "./command.ts";
import { refusal } from "./outcome.ts";

/** The refusals by what was wrong. */
export const refusals = {
  requestIdReused: refusal(
    "REQUEST_ID_REUSED",
    "Cannot take the request as its id must be new or its fields those of the first attempt: " +
      "make a new id",
  ),
  sessionUnknown: refusal(
    "UNAUTHENTICATED",
    "Cannot take the request as its session must be one of this cluster: log in again",
  ),
  sessionRevoked: refusal(
    "UNAUTHENTICATED",
    "Cannot take the request as its session must be open: it was logged out; log in again",
  ),
  sessionExpired: refusal(
    "UNAUTHENTICATED",
    "Cannot take the request as its session must be open: it was not used for too long; " +
      "log in again",
  ),
  noSuchSession: refusal(
    "INVALID_ARGUMENT",
    "Cannot end the session as session_id must be that of a session of the account: " +
      "list its sessions",
  ),
  sessionOfAnother: refusal(
    "PERMISSION_DENIED",
    "Cannot take the request as its session must belong to its account: log in again",
  ),
  accountIdNotRequestId: refusal(
    "INVALID_ARGUMENT",
    "Cannot create the account as its id must be the id of the request",
  ),
  nameTaken: refusal(
    "NAME_TAKEN",
    "Cannot create the account as its name must be free: choose another name",
  ),
  passwordChanged: refusal(
    "UNAUTHENTICATED",
    "Cannot log in as name and password must be those of an account: " +
      "it was deleted or changed meanwhile; try again",
  ),
  sessionExists: refusal(
    "INTERNAL",
    "Cannot log in as the id of the session must be new: try again",
  ),
  noSuchUser: refusal(
    "NO_SUCH_USER",
    "Cannot send as the receiver must be an account: check the name",
  ),
  adminTokenChanged: refusal(
    "PERMISSION_DENIED",
    "Cannot change the admin token as it must be the one that was seen: " +
      "it was changed meanwhile; try again",
  ),
  notReceiver: refusal(
    "PERMISSION_DENIED",
    "Cannot acknowledge as each message must have been sent to this account: check the ids",
  ),
} as const satisfies Record<string, Outcome>;
