/**
 * The rules of salvage (DESIGN §9) for accounts and sessions, one row each.
 *
 * @module
 */

import {
  acknowledge,
  create,
  login,
  logout,
  remove,
  salvaged,
  send,
  setAdminToken,
  testTimeMs,
} from "../support/chat_log.ts";
import type { Outcome } from "../../src/chat/command.ts";
import { checkSalvage, type SalvageCase, told } from "../support/salvage_cases.ts";

const { acked, deleted, made, opened, refused, revoked, sent } = told;
const toBob = { by: "ann", to: "bob" } as const;

const accountCases: readonly SalvageCase[] = [
  {
    rule: "an account keeps its id, so what its owner did is taken over too",
    commands: [
      salvaged(create("cid"), made("cid")),
      salvaged(login("cid"), opened("cid-1")),
      salvaged(send("m", { by: "cid", to: "bob" }), sent("m", 77)),
    ],
    last: sent("m", 7),
    messages: ["m"],
    sessions: ["ann-1", "bob-1", "cid-1"],
  },
  {
    rule: "a name that is taken: records of the account and of all that its owner did (S18)",
    commands: [
      salvaged(create("bob2", "BOB"), made("bob2")),
      salvaged(login("bob2"), opened("bob2-1")),
      salvaged(send("m", { by: "bob2", to: "ann" }), sent("m", 77)),
      salvaged(send("n", { by: "ann", to: "bob2" }), sent("n", 78)),
      salvaged(acknowledge("k", { by: "bob2", ids: ["n"] }), acked(1)),
      salvaged(logout("o", { by: "bob2" }), revoked()),
      salvaged(remove("d", { by: "bob2" }), deleted),
    ],
    last: deleted,
    records: [
      "bob2: another account has the name",
      "login bob2-1: its account does not exist here",
      "m: its account does not exist here",
      "n: the receiver does not exist here",
      "k: its account does not exist here",
      "o: its account does not exist here",
      "d: its account does not exist here",
    ],
  },
  {
    rule: "a name that is taken, and nothing was told: a record and a refusal",
    commands: [salvaged(create("bob2", "bob"), null)],
    last: "NAME_TAKEN",
    records: ["bob2: another account has the name"],
  },
  {
    rule: "a name that is free again",
    commands: [remove("d", { by: "bob" }), salvaged(create("bob2", "bob"), made("bob2"))],
    last: made("bob2"),
    sessions: ["ann-1"],
  },
  {
    rule: "an account that was deleted here does not come back",
    commands: [remove("d", { by: "bob" }), salvaged(create("bob"), made("bob"))],
    last: made("bob"),
    sessions: ["ann-1"],
  },
  {
    rule: "a deletion deletes, and revokes what was opened here meanwhile",
    commands: [login("bob", "bob-2"), salvaged(remove("d", { by: "bob" }), deleted)],
    last: deleted,
    sessions: ["ann-1"],
  },
  {
    rule: "a deletion of what was deleted here by another request",
    commands: [remove("d", { by: "bob" }), salvaged(remove("e", { by: "bob" }), deleted)],
    last: deleted,
    sessions: ["ann-1"],
  },
  {
    rule: "a deletion that was refused here: a record",
    commands: [
      remove("d", { by: "bob", session: "none" }),
      salvaged(remove("d", { by: "bob" }), deleted),
    ],
    last: "UNAUTHENTICATED",
    records: ["d: it was refused here: UNAUTHENTICATED"],
  },
];

const sessionCases: readonly SalvageCase[] = [
  {
    rule: "a session goes on",
    commands: [
      salvaged(login("ann", "ann-2"), opened("ann-2")),
      send("m", { ...toBob, session: "ann-2" }),
    ],
    last: sent("m", 6),
    messages: ["m"],
    sessions: ["ann-1", "ann-2", "bob-1"],
  },
  {
    rule: "a session's password was checked on its side",
    commands: [salvaged(login("ann", "ann-2", { passwordHash: "older" }), opened("ann-2"))],
    last: opened("ann-2"),
    sessions: ["ann-1", "ann-2", "bob-1"],
  },
  {
    rule: "a session that was revoked here stays revoked (S14)",
    commands: [logout("o", { by: "ann" }), salvaged(login("ann"), opened("ann-1"))],
    last: opened("ann-1"),
    sessions: ["bob-1"],
  },
  {
    rule: "each attempt of a login that both sides took keeps its session",
    commands: [
      salvaged(login("ann", "ann-2", { requestId: "login ann-1" }), null),
      salvaged(login("ann", "ann-3", { requestId: "login ann-1" }), opened("ann-3")),
    ],
    last: opened("ann-1"),
    sessions: ["ann-1", "ann-2", "ann-3", "bob-1"],
  },
  {
    rule: "a login that was refused here and taken there",
    commands: [
      login("ann", "ann-2", { passwordHash: "older" }),
      salvaged(login("ann", "ann-2"), opened("ann-2")),
    ],
    last: "UNAUTHENTICATED",
    sessions: ["ann-1", "ann-2", "bob-1"],
  },
  {
    rule: "a login to an account that was deleted here: a record",
    commands: [remove("d", { by: "bob" }), salvaged(login("bob", "bob-2"), opened("bob-2"))],
    last: opened("bob-2"),
    records: ["login bob-2: its account is deleted"],
    sessions: ["ann-1"],
  },
  {
    rule: "a login that this side took and the other one never decided, to a deleted account",
    commands: [
      remove("d", { by: "bob" }),
      salvaged(login("bob", "bob-2", { requestId: "login bob-1" }), null),
    ],
    last: opened("bob-1"),
    sessions: ["ann-1"],
  },
  {
    rule: "a login that both sides took, to an account that was deleted here: a record",
    commands: [
      remove("d", { by: "bob" }),
      salvaged(login("bob", "bob-3", { requestId: "login bob-1" }), opened("bob-3")),
    ],
    last: opened("bob-1"),
    records: ["login bob-1: its account is deleted"],
    sessions: ["ann-1"],
  },
  {
    rule: "a login that was refused on its side opens nothing",
    commands: [salvaged(login("ann", "ann-2"), { ...refused, reason: "UNAUTHENTICATED" })],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "a logout revokes its session",
    commands: [salvaged(logout("o", { by: "ann" }), revoked())],
    last: revoked(),
    sessions: ["bob-1"],
  },
  {
    rule: "a logout of a session that is not known",
    commands: [salvaged(logout("o", { by: "ann", session: "none" }), revoked())],
    last: revoked(),
  },
  {
    rule: "a logout does not revoke another account's session",
    commands: [salvaged(logout("o", { by: "ann", session: "bob-1" }), revoked())],
    last: revoked(),
  },
  {
    rule: "a logout that names a session revokes that one",
    commands: [
      login("ann", "ann-2"),
      salvaged(logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }), revoked()),
    ],
    last: revoked(),
    sessions: ["ann-2", "bob-1"],
  },
  {
    rule: "a logout that names a session does it though its own has ended here",
    commands: [
      login("ann", "ann-2"),
      logout("p", { by: "ann", session: "ann-2" }),
      salvaged(logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }), revoked()),
    ],
    last: revoked(),
    sessions: ["bob-1"],
  },
  {
    rule: "a logout that names another account's session does not revoke it",
    commands: [salvaged(logout("o", { by: "ann", ends: "bob-1" }), null)],
    last: "INVALID_ARGUMENT",
  },
  {
    rule: "a logout that its side never decided revokes what it names, once",
    commands: [
      login("ann", "ann-2"),
      salvaged(logout("o", { by: "ann", session: "ann-2", ends: "ann-1" }), null),
      salvaged(logout("p", { by: "ann", session: "ann-2", ends: "ann-1" }), null),
    ],
    last: revoked(0),
    sessions: ["ann-2", "bob-1"],
  },
  {
    rule: "a logout of all revokes what was open by then, and tells what was told",
    commands: [
      login("ann", "ann-2"),
      login("ann", "ann-3", { timeMs: testTimeMs + 10 }),
      salvaged(logout("o", { by: "ann", all: true }), revoked(7), { timeMs: testTimeMs + 9 }),
    ],
    last: revoked(7),
    sessions: ["ann-3", "bob-1"],
  },
  {
    rule: "a session that its side revoked since comes over as revoked",
    commands: [
      logout("o", { by: "ann", all: true, timeMs: testTimeMs + 9 }),
      salvaged(login("ann", "ann-2"), opened("ann-2"), { ended: true }),
      salvaged(logout("o", { by: "ann", all: true }), revoked(2), { timeMs: testTimeMs + 9 }),
    ],
    last: revoked(1),
    sessions: ["bob-1"],
  },
  {
    rule: "a session that both sides know and its side revoked is revoked",
    commands: [salvaged(login("ann"), opened("ann-1"), { ended: true })],
    last: opened("ann-1"),
    sessions: ["bob-1"],
  },
  {
    rule: "a revoked session of an account that was deleted here is no loss",
    commands: [
      remove("d", { by: "bob" }),
      salvaged(login("bob", "bob-2"), opened("bob-2"), { ended: true }),
    ],
    last: opened("bob-2"),
    sessions: ["ann-1"],
  },
  {
    rule: "a logout of all that its side never decided revokes what is there",
    commands: [
      login("ann", "ann-2", { timeMs: testTimeMs + 10 }),
      salvaged(logout("o", { by: "ann", all: true }), null),
    ],
    last: revoked(2),
    sessions: ["bob-1"],
  },
  {
    rule: "a logout that its side never decided and this side did: nothing",
    commands: [
      logout("o", { by: "ann", all: true, timeMs: testTimeMs + 9 }),
      salvaged(login("ann", "ann-2"), opened("ann-2")),
      salvaged(logout("o", { by: "ann", all: true }), null, { timeMs: testTimeMs + 9 }),
    ],
    last: revoked(1),
    sessions: ["ann-2", "bob-1"],
  },
];

const set: Outcome = { ok: true, kind: "setAdminToken" };
const adminCases: readonly SalvageCase[] = [
  {
    rule: "an admin token that only its side changed is the cluster's",
    commands: [
      setAdminToken("s", "t1", { replaces: null }),
      salvaged(setAdminToken("t", "t2", { replaces: "t1" }), set),
      setAdminToken("u", "t3", { replaces: "t2" }),
    ],
    last: set,
  },
  {
    rule: "one that both sides changed stays as it is here, with a record",
    commands: [
      setAdminToken("s", "t1", { replaces: null }),
      setAdminToken("u", "t3", { replaces: "t1" }),
      salvaged(setAdminToken("t", "t2", { replaces: "t1" }), set),
    ],
    last: set,
    records: ["t: the admin token was changed here"],
  },
];

checkSalvage("accounts", accountCases);
checkSalvage("admin tokens", adminCases);
checkSalvage("sessions", sessionCases);
