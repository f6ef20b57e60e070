/**
 * The rules of sessions that the state machine owns, one row each.
 *
 * @module
 */

import { refusals } from "../../src/chat/refusals.ts";
import { login, logout, remove, send } from "../support/chat_log.ts";
import { checkRules, done, type RuleCase, sent } from "../support/rule_cases.ts";

const toBob = { by: "ann", to: "bob" } as const;

const sessionCases: readonly RuleCase[] = [
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
  {
    rule: "logout of another session of the account, which is lost",
    commands: [login("ann", "ann-2"), logout("o", { by: "ann", session: "ann-2", ends: "ann-1" })],
    last: { ...done, kind: "logout", revoked: 1 },
  },
  {
    rule: "logout of another session ends that one",
    commands: [
      login("ann", "ann-2"),
      logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }),
      send("m", toBob),
    ],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "logout of another session leaves the one that asks",
    commands: [
      login("ann", "ann-2"),
      logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }),
      send("m", { ...toBob, session: "ann-2" }),
    ],
    last: sent("m", 7),
  },
  {
    rule: "logout of another session leaves the third",
    commands: [
      login("ann", "ann-2"),
      login("ann", "ann-3"),
      logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }),
      send("m", { ...toBob, session: "ann-3" }),
    ],
    last: sent("m", 8),
  },
  {
    rule: "logout of the own session by its id",
    commands: [logout("o", { by: "ann", ends: "ann-1" }), send("m", toBob)],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "logout of a session that has ended already ends none, and is no error",
    commands: [
      login("ann", "ann-2"),
      logout("o", { by: "ann" }),
      logout("p", { by: "ann", session: "ann-2", ends: "ann-1" }),
    ],
    last: { ...done, kind: "logout", revoked: 0 },
  },
  {
    rule: "logout of another session again gives its first outcome",
    commands: [
      login("ann", "ann-2"),
      logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }),
      logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }),
    ],
    last: { ...done, kind: "logout", revoked: 1 },
  },
  {
    rule: "logout of another account's session is answered as of one that nobody has",
    commands: [logout("o", { by: "ann", ends: "bob-1" })],
    last: refusals.noSuchSession,
  },
  {
    rule: "logout of a session that nobody has",
    commands: [logout("o", { by: "ann", ends: "none" })],
    last: refusals.noSuchSession,
  },
  {
    rule: "logout of another account's session leaves it",
    commands: [logout("o", { by: "ann", ends: "bob-1" }), send("m", { by: "bob", to: "ann" })],
    last: sent("m", 6),
  },
  {
    rule: "a session that has ended ends no other",
    commands: [
      login("ann", "ann-2"),
      logout("o", { by: "ann" }),
      logout("p", { by: "ann", ends: "ann-2" }),
    ],
    last: "UNAUTHENTICATED",
  },
];

checkRules("sessions", sessionCases);
