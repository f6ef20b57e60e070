/**
 * The rules of `ChatService` that the state machine owns, one row each: commands that lead up
 * to the last one, and what comes of that one.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Command, Outcome } from "../../src/chat/command.ts";
import type { Reason } from "../../src/errors.ts";
import {
  acknowledge,
  create,
  loggedIn,
  login,
  logout,
  placed,
  remove,
  send,
  setAdminToken,
  testTerm,
  testTimeMs,
} from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";

interface Case {
  readonly rule: string;
  /** After ann (entries 1 and 2) and bob (3 and 4) were created and logged in. */
  readonly commands: readonly Command[];
  /** Outcome of the last command, or the reason for which it is refused. */
  readonly last: Outcome | Reason;
}

const done = { ok: true } as const;
const toBob = { by: "ann", to: "bob" } as const;
/** Outcome of a sending at an index, after the four entries that every case begins with. */
function sent(messageId: string, index: number, acceptedAtMs = testTimeMs): Outcome {
  return { ...done, kind: "sendMessage", messageId, index, term: testTerm, acceptedAtMs };
}

const accountCases: readonly Case[] = [
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

const sessionCases: readonly Case[] = [
  {
    rule: "an account may have many sessions",
    commands: [login("ann", "ann-2"), send("m", { ...toBob, session: "ann-2" })],
    last: sent("m", 6),
  },
  {
    rule: "login is refused if the password's hash is not the one that was checked",
    commands: [login("ann", "ann-2", { passwordHash: "older" })],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "login is refused if the account went meanwhile",
    commands: [remove("d", { by: "bob" }), login("bob", "bob-2")],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "login to an account that was deleted before does not take its blank hash for a match",
    commands: [remove("d", { by: "bob" }), login("bob", "bob-2", { passwordHash: "" })],
    last: "UNAUTHENTICATED",
  },
  { rule: "login to an unknown account", commands: [login("cid")], last: "UNAUTHENTICATED" },
  {
    rule: "logout of one session",
    commands: [login("ann", "ann-2"), logout("o", { by: "ann" })],
    last: { ...done, kind: "logout", revoked: 1 },
  },
  {
    rule: "logout of one session leaves the others",
    commands: [
      login("ann", "ann-2"),
      logout("o", { by: "ann" }),
      send("m", { ...toBob, session: "ann-2" }),
    ],
    last: sent("m", 7),
  },
  {
    rule: "logout of all sessions counts the open ones",
    commands: [
      login("ann", "ann-2"),
      login("ann", "ann-3"),
      logout("o", { by: "ann", session: "ann-2" }),
      logout("p", { by: "ann", all: true }),
    ],
    last: { ...done, kind: "logout", revoked: 2 },
  },
  {
    rule: "logout of all sessions leaves other accounts'",
    commands: [logout("o", { by: "ann", all: true }), send("m", { by: "bob", to: "ann" })],
    last: sent("m", 6),
  },
  {
    rule: "a revoked session stays revoked",
    commands: [logout("o", { by: "ann" }), send("m", toBob)],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "a revoked session's id is never made again",
    commands: [
      logout("o", { by: "ann" }),
      login("ann", "ann-1", { requestId: "again", tokenHash: "new" }),
    ],
    last: "INTERNAL",
  },
  {
    rule: "deleting an account revokes every session",
    commands: [
      login("bob", "bob-2"),
      remove("d", { by: "bob" }),
      send("m", { by: "bob", session: "bob-2", to: "ann" }),
    ],
    last: "UNAUTHENTICATED",
  },
];

const messageCases: readonly Case[] = [
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

const acknowledgeCases: readonly Case[] = [
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

const adminCases: readonly Case[] = [
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

const requestCases: readonly Case[] = [
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

/** Each case in one batch and one by one: the rules hold either way. */
function check(subject: string, cases: readonly Case[]): void {
  for (const { rule, commands, last } of cases) {
    Deno.test(`${subject}: ${rule}`, async () => {
      const log = placed([...loggedIn("ann", "bob"), ...commands]);
      for (const batches of [[log], log.map((one) => [one])]) {
        const chat = await MemoryChat.open();
        let outcome: Outcome | undefined;
        for (const batch of batches) outcome = (await chat.apply(batch)).outcomes.get(log.length);
        await chat.close();
        if (typeof last !== "string") assert.deepEqual(outcome, last);
        else assert.equal(outcome?.ok === false ? outcome.reason : outcome, last);
      }
    });
  }
}

check("accounts", accountCases);
check("sessions", sessionCases);
check("messages", messageCases);
check("acknowledgements", acknowledgeCases);
check("admin token", adminCases);
check("requests", requestCases);
