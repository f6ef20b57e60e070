/**
 * The rules of `ChatService` that the state machine owns, one row each: commands that lead up
 * to the last one, and what comes of that one.
 *
 * @module
 */

import type { Command } from "../../src/chat/command.ts";
import {
  acknowledge,
  create,
  login,
  logout,
  remove,
  send,
  setAdminToken,
  testTimeMs,
} from "../support/chat_log.ts";
import { checkRules, done, type RuleCase, sent } from "../support/rule_cases.ts";

const toBob = { by: "ann", to: "bob" } as const;

const accountCases: readonly RuleCase[] = [
  {
    rule: "an account's id is the id of its request",
    commands: [create("cid")],
    last: { ...done, kind: "createAccount", accountId: "cid" },
  },
  {
    rule: "an account of any other id than its request's is refused",
    commands: [{ ...create("cid"), accountId: "other" } as Command],
    last: "INVALID_ARGUMENT",
  },
  { rule: "a name is taken once", commands: [create("x", "bob")], last: "NAME_TAKEN" },
  { rule: "a name is taken in every case", commands: [create("x", "BoB")], last: "NAME_TAKEN" },
  {
    rule: "of two in one batch the first gets the name",
    commands: [create("x", "cid"), create("y", "CID")],
    last: "NAME_TAKEN",
  },
  {
    rule: "a deleted name is free for an account of another id",
    commands: [remove("d", { by: "bob" }), create("bob2", "Bob")],
    last: { ...done, kind: "createAccount", accountId: "bob2" },
  },
  {
    rule: "a name that was taken again is taken",
    commands: [remove("d", { by: "bob" }), create("bob2", "Bob"), create("bob3", "bob")],
    last: "NAME_TAKEN",
  },
  {
    rule: "deleting needs a session",
    commands: [remove("d", { by: "bob", session: "nobody-1" })],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "deleting another account is refused",
    commands: [remove("d", { by: "bob", session: "ann-1" })],
    last: "PERMISSION_DENIED",
  },
  {
    rule: "an account is deleted once",
    commands: [remove("d", { by: "bob" }), remove("e", { by: "bob" })],
    last: "UNAUTHENTICATED",
  },
];

const messageCases: readonly RuleCase[] = [
  {
    rule: "a message's id is the request id, its seq the log index",
    commands: [send("m", toBob)],
    last: sent("m", 5),
  },
  {
    rule: "a message to oneself",
    commands: [send("m", { by: "ann", to: "ann" })],
    last: sent("m", 5),
  },
  {
    rule: "nobody of the name",
    commands: [send("m", { by: "ann", to: null })],
    last: "NO_SUCH_USER",
  },
  {
    rule: "the receiver went meanwhile",
    commands: [remove("d", { by: "bob" }), send("m", toBob)],
    last: "NO_SUCH_USER",
  },
  {
    rule: "the receiver is the account that was meant, not who took its name since",
    commands: [remove("d", { by: "bob" }), create("bob2", "bob"), send("m", toBob)],
    last: "NO_SUCH_USER",
  },
  {
    rule: "sending with another account's session",
    commands: [send("m", { by: "bob", session: "ann-1", to: "ann" })],
    last: "PERMISSION_DENIED",
  },
  {
    rule: "authorisation comes before the receiver",
    commands: [send("m", { by: "ann", session: "gone", to: null })],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "time never goes back",
    commands: [send("l", { ...toBob, timeMs: testTimeMs + 50 }), send("m", toBob)],
    last: sent("m", 6, testTimeMs + 50),
  },
  {
    rule: "time goes on",
    commands: [send("l", toBob), send("m", { ...toBob, timeMs: testTimeMs + 50 })],
    last: sent("m", 6, testTimeMs + 50),
  },
  {
    rule: "a refusal is accepted at a time too",
    commands: [send("l", { by: "ann", to: null, timeMs: testTimeMs + 9 }), send("m", toBob)],
    last: sent("m", 6, testTimeMs + 9),
  },
];

const acknowledgeCases: readonly RuleCase[] = [
  {
    rule: "counts what is newly acknowledged, each once",
    commands: [
      send("m", toBob),
      send("n", toBob),
      acknowledge("k", { by: "bob", ids: ["m", "n", "m"] }),
    ],
    last: { ...done, kind: "acknowledge", acknowledged: 2 },
  },
  {
    rule: "acknowledging again counts nothing",
    commands: [
      send("m", toBob),
      acknowledge("k", { by: "bob", ids: ["m"] }),
      acknowledge("l", { by: "bob", ids: ["m"] }),
    ],
    last: { ...done, kind: "acknowledge", acknowledged: 0 },
  },
  {
    rule: "an id without a message counts nothing",
    commands: [acknowledge("k", { by: "bob", ids: ["none", "bob"] })],
    last: { ...done, kind: "acknowledge", acknowledged: 0 },
  },
  {
    rule: "only the receiver acknowledges",
    commands: [send("m", toBob), acknowledge("k", { by: "ann", ids: ["m"] })],
    last: "PERMISSION_DENIED",
  },
  {
    rule: "a message to a deleted account stays another's",
    commands: [
      send("m", toBob),
      remove("d", { by: "bob" }),
      acknowledge("k", { by: "ann", ids: ["m"] }),
    ],
    last: "PERMISSION_DENIED",
  },
  {
    rule: "all or none is acknowledged",
    commands: [
      send("m", toBob),
      send("n", { by: "bob", to: "ann" }),
      acknowledge("k", { by: "bob", ids: ["m", "n"] }),
      acknowledge("l", { by: "bob", ids: ["m"] }),
    ],
    last: { ...done, kind: "acknowledge", acknowledged: 1 },
  },
];

const adminCases: readonly RuleCase[] = [
  {
    rule: "the first admin token takes the place of none",
    commands: [setAdminToken("s", "t1", { replaces: null })],
    last: { ...done, kind: "setAdminToken" },
  },
  {
    rule: "a new one takes the place of the one that was seen",
    commands: [
      setAdminToken("s", "t1", { replaces: null }),
      setAdminToken("t", "t2", { replaces: "t1" }),
      setAdminToken("u", "t3", { replaces: "t2" }),
    ],
    last: { ...done, kind: "setAdminToken" },
  },
  {
    rule: "of two at once the second is refused",
    commands: [
      setAdminToken("s", "t1", { replaces: null }),
      setAdminToken("t", "t2", { replaces: null }),
    ],
    last: "PERMISSION_DENIED",
  },
];

const requestCases: readonly RuleCase[] = [
  {
    rule: "the same request again gives the first outcome",
    commands: [send("m", toBob), send("m", { ...toBob, timeMs: testTimeMs + 50 })],
    last: sent("m", 5),
  },
  {
    rule: "a refusal stays that refusal",
    commands: [
      send("m", { by: "ann", to: null, fingerprint: "f" }),
      send("m", { ...toBob, fingerprint: "f" }),
    ],
    last: "NO_SUCH_USER",
  },
  {
    rule: "other fields under the same id are refused",
    commands: [send("m", toBob), send("m", { ...toBob, fingerprint: "other" })],
    last: "REQUEST_ID_REUSED",
  },
  {
    rule: "another kind under the same id is refused",
    commands: [send("m", toBob), logout("m", { by: "ann", fingerprint: "other" })],
    last: "REQUEST_ID_REUSED",
  },
  {
    rule: "a refused reuse is not stored over the first outcome",
    commands: [
      send("m", toBob),
      send("m", { ...toBob, fingerprint: "other" }),
      send("m", toBob),
    ],
    last: sent("m", 5),
  },
  {
    rule: "the request id comes before authorisation",
    commands: [send("m", toBob), logout("o", { by: "ann" }), send("m", toBob)],
    last: sent("m", 5),
  },
  {
    rule: "a logout again gives its first outcome, though it revoked its own session",
    commands: [logout("o", { by: "ann" }), logout("o", { by: "ann" })],
    last: { ...done, kind: "logout", revoked: 1 },
  },
  {
    rule: "a deletion again gives its first outcome, beyond the account",
    commands: [remove("d", { by: "ann" }), remove("d", { by: "ann" })],
    last: { ...done, kind: "deleteAccount" },
  },
  {
    rule: "a creation again gives the first outcome, beyond the account",
    commands: [remove("d", { by: "bob" }), create("bob")],
    last: { ...done, kind: "createAccount", accountId: "bob" },
  },
  {
    rule: "a login again makes a second session",
    commands: [
      login("ann", "ann-2", { requestId: "login ann-1", fingerprint: "fields of login ann-1" }),
    ],
    last: { ...done, kind: "login", sessionId: "ann-2" },
  },
  {
    rule: "a login again does not move the clock, since nothing is stored under its id",
    commands: [
      login("ann", "ann-2", { requestId: "login ann-1", timeMs: testTimeMs + 90 }),
      send("m", { ...toBob, timeMs: testTimeMs + 50 }),
    ],
    last: sent("m", 6, testTimeMs + 50),
  },
  {
    rule: "a login with other fields under the same id is refused",
    commands: [login("ann", "ann-2", { requestId: "login ann-1", fingerprint: "other" })],
    last: "REQUEST_ID_REUSED",
  },
];

checkRules("accounts", accountCases);
checkRules("messages", messageCases);
checkRules("acknowledgements", acknowledgeCases);
checkRules("admin token", adminCases);
checkRules("requests", requestCases);
