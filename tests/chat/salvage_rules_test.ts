/**
 * The rules of salvage (DESIGN §9), one row each: what the winner's side had decided, commands of
 * the losing side with what they were answered there, and what is there afterwards.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeCommand, encodeCommand } from "../../src/chat/codec.ts";
import type { Command, Outcome } from "../../src/chat/command.ts";
import { settledAmong } from "../../src/chat/salvage.ts";
import type { Reason } from "../../src/errors.ts";
import {
  acknowledge,
  create,
  loggedIn,
  login,
  logout,
  placed,
  remove,
  salvaged,
  send,
  testTerm,
  testTimeMs,
} from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";

interface Case {
  readonly rule: string;
  /** After ann (entries 1 and 2) and bob (3 and 4) were created and logged in. */
  readonly commands: readonly Command[];
  /** What is stored for the last command's request, or the reason for which it was refused. */
  readonly last: Outcome | Reason;
  /** Salvage records, as `request id: reason`; none unless given. */
  readonly records?: readonly string[];
  /** Ids of messages, those that are acknowledged with a `+`; none unless given. */
  readonly messages?: readonly string[];
  /** Open sessions: ann's and bob's first ones unless given. */
  readonly sessions?: readonly string[];
}

const done = { ok: true } as const;
const toBob = { by: "ann", to: "bob" } as const;
const refused: Outcome = { ok: false, reason: "NO_SUCH_USER", message: "nobody" };
const made = (accountId: string): Outcome => ({ ...done, kind: "createAccount", accountId });
const opened = (sessionId: string): Outcome => ({ ...done, kind: "login", sessionId });
const revoked = (count = 1): Outcome => ({ ...done, kind: "logout", revoked: count });
const acked = (count: number): Outcome => ({ ...done, kind: "acknowledge", acknowledged: count });
const deleted: Outcome = { ...done, kind: "deleteAccount" };

/** What a side answered to a sending; its place is another on each side. */
function sent(messageId: string, index: number, acceptedAtMs = testTimeMs): Outcome {
  return { ...done, kind: "sendMessage", messageId, index, term: testTerm, acceptedAtMs };
}

const messageCases: readonly Case[] = [
  {
    rule: "an acknowledged message is delivered under its id, at its new place",
    commands: [salvaged(send("m", toBob), sent("m", 77))],
    last: sent("m", 5),
    messages: ["m"],
  },
  {
    rule: "one that its side never decided is delivered too",
    commands: [salvaged(send("m", toBob), null)],
    last: sent("m", 5),
    messages: ["m"],
  },
  {
    rule: "the session may have been logged out meanwhile",
    commands: [logout("o", { by: "ann" }), salvaged(send("m", toBob), sent("m", 77))],
    last: sent("m", 6),
    messages: ["m"],
    sessions: ["bob-1"],
  },
  {
    rule: "the sender may have been deleted meanwhile",
    commands: [remove("d", { by: "ann" }), salvaged(send("m", toBob), sent("m", 77))],
    last: sent("m", 6),
    messages: ["m"],
    sessions: ["bob-1"],
  },
  {
    rule: "a receiver that was deleted meanwhile: a record, and the sender is told what it was",
    commands: [remove("d", { by: "bob" }), salvaged(send("m", toBob), sent("m", 77))],
    last: sent("m", 6),
    records: ["m: the receiver is deleted"],
    sessions: ["ann-1"],
  },
  {
    rule: "a receiver that was deleted meanwhile, and nothing was told: a record and a refusal",
    commands: [remove("d", { by: "bob" }), salvaged(send("m", toBob), null)],
    last: "NO_SUCH_USER",
    records: ["m: the receiver is deleted"],
    sessions: ["ann-1"],
  },
  {
    rule: "a receiver that does not exist here",
    commands: [salvaged(send("m", { by: "ann", to: "cid" }), sent("m", 77))],
    last: sent("m", 5),
    records: ["m: the receiver does not exist here"],
  },
  {
    rule: "a sender that does not exist here",
    commands: [salvaged(send("m", { by: "cid", to: "bob" }), sent("m", 77))],
    last: sent("m", 5),
    records: ["m: its account does not exist here"],
  },
  {
    rule: "a refusal stays that refusal, though it would be taken now (Q1)",
    commands: [salvaged(send("m", toBob), refused)],
    last: refused,
  },
  {
    rule: "nobody of the name is what its side would have answered",
    commands: [salvaged(send("m", { by: "ann", to: null }), null)],
    last: "NO_SUCH_USER",
  },
  {
    rule: "sent on both sides: it is there once",
    commands: [send("m", toBob), salvaged(send("m", toBob), sent("m", 77))],
    last: sent("m", 5),
    messages: ["m"],
  },
  {
    rule: "refused here, acknowledged there: the refusal stays, with a record",
    commands: [
      send("m", { ...toBob, session: "none" }),
      salvaged(send("m", toBob), sent("m", 77)),
    ],
    last: "UNAUTHENTICATED",
    records: ["m: it was refused here: UNAUTHENTICATED"],
  },
  {
    rule: "refused here, undecided there: nothing",
    commands: [send("m", { ...toBob, session: "none" }), salvaged(send("m", toBob), null)],
    last: "UNAUTHENTICATED",
  },
  {
    rule: "acknowledged here, refused there: nothing",
    commands: [send("m", toBob), salvaged(send("m", toBob), refused)],
    last: sent("m", 5),
    messages: ["m"],
  },
  {
    rule: "another request of the same id here: a record",
    commands: [
      send("m", { ...toBob, fingerprint: "here" }),
      salvaged(send("m", { ...toBob, fingerprint: "there" }), sent("m", 77)),
    ],
    last: sent("m", 5),
    records: ["m: its request id belongs to another request here"],
    messages: ["m"],
  },
  {
    rule: "another request of the same id here, undecided there: a record",
    commands: [
      send("m", { ...toBob, fingerprint: "here" }),
      salvaged(send("m", { ...toBob, fingerprint: "there" }), null),
    ],
    last: sent("m", 5),
    records: ["m: its request id belongs to another request here"],
    messages: ["m"],
  },
  {
    rule: "a message keeps the time at which its side accepted it, and the clock does not go back",
    commands: [
      send("l", { ...toBob, timeMs: testTimeMs + 50 }),
      salvaged(send("m", toBob), sent("m", 77, testTimeMs + 9), testTimeMs + 9),
    ],
    last: sent("m", 6, testTimeMs + 9),
    messages: ["l", "m"],
  },
  {
    rule: "the clock stays where a salvaged command found it",
    commands: [
      send("l", { ...toBob, timeMs: testTimeMs + 50 }),
      salvaged(send("m", toBob), null),
      send("n", toBob),
    ],
    last: sent("n", 7, testTimeMs + 50),
    messages: ["l", "m", "n"],
  },
  {
    rule: "a request that was salvaged is answered again as it was",
    commands: [
      salvaged(send("m", toBob), sent("m", 77, testTimeMs - 9), testTimeMs - 9),
      send("m", toBob),
    ],
    last: sent("m", 5, testTimeMs - 9),
    messages: ["m"],
  },
  {
    rule: "a request that was refused on its side is refused again",
    commands: [salvaged(send("m", toBob), refused), send("m", toBob)],
    last: refused,
  },
  {
    rule: "two sides' requests of one id: a record each",
    commands: [
      send("m", toBob),
      salvaged(send("m", { ...toBob, fingerprint: "second" }), sent("m", 77)),
      salvaged(send("m", { ...toBob, fingerprint: "third" }), sent("m", 78)),
    ],
    last: sent("m", 5),
    records: [
      "m: its request id belongs to another request here",
      "m: its request id belongs to another request here",
    ],
    messages: ["m"],
  },
];

const accountCases: readonly Case[] = [
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

const sessionCases: readonly Case[] = [
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
    rule: "a login that both sides took, to an account deleted since: a record if it was told",
    commands: [
      remove("d", { by: "bob" }),
      salvaged(login("bob", "bob-2", { requestId: "login bob-1" }), null),
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
    rule: "a logout of all revokes what was open by then, and tells what was told",
    commands: [
      login("ann", "ann-2"),
      login("ann", "ann-3", { timeMs: testTimeMs + 10 }),
      salvaged(logout("o", { by: "ann", all: true }), revoked(7), testTimeMs + 9),
    ],
    last: revoked(7),
    sessions: ["ann-3", "bob-1"],
  },
  {
    rule: "a logout of all that both sides took meets the sessions of both",
    commands: [
      logout("o", { by: "ann", all: true, timeMs: testTimeMs + 9 }),
      salvaged(login("ann", "ann-2"), opened("ann-2")),
      salvaged(logout("o", { by: "ann", all: true }), revoked(2), testTimeMs + 9),
    ],
    last: revoked(1),
    sessions: ["bob-1"],
  },
  {
    rule: "a logout that its side never decided and this side did: nothing",
    commands: [
      logout("o", { by: "ann", all: true, timeMs: testTimeMs + 9 }),
      salvaged(login("ann", "ann-2"), opened("ann-2")),
      salvaged(logout("o", { by: "ann", all: true }), null, testTimeMs + 9),
    ],
    last: revoked(1),
    sessions: ["ann-2", "bob-1"],
  },
];

const acknowledgeCases: readonly Case[] = [
  {
    rule: "messages that are here and the account's",
    commands: [
      send("m", toBob),
      send("n", { by: "bob", to: "ann" }),
      salvaged(acknowledge("k", { by: "bob", ids: ["none", "n", "m", "m"] }), acked(2)),
    ],
    last: acked(2),
    messages: ["+m", "n"],
  },
  {
    rule: "messages that come over themselves, without an answer",
    commands: [
      salvaged(send("m", toBob), sent("m", 77)),
      salvaged(acknowledge("k", { by: "bob", ids: ["m"] }), null),
    ],
    last: acked(1),
    messages: ["+m"],
  },
  {
    rule: "one that both sides took meets the messages of both",
    commands: [
      send("m", toBob),
      acknowledge("k", { by: "bob", ids: ["m", "n"] }),
      salvaged(send("n", toBob), sent("n", 77)),
      salvaged(acknowledge("k", { by: "bob", ids: ["m", "n"] }), acked(1)),
    ],
    last: acked(1),
    messages: ["+m", "+n"],
  },
  {
    rule: "of an account that was deleted here nothing is left to acknowledge",
    commands: [
      send("m", toBob),
      remove("d", { by: "bob" }),
      salvaged(acknowledge("k", { by: "bob", ids: ["m"] }), acked(1)),
    ],
    last: acked(1),
    messages: ["m"],
    sessions: ["ann-1"],
  },
];

/** What is there, in the words of a case. */
async function shown(chat: MemoryChat, requestId: string) {
  const texts = async (sql: string) => (await chat.query(sql)).map((row) => String(row["text"]));
  return {
    messages: await texts(
      "SELECT iif(acknowledged, '+', '') || id AS text FROM " +
        "(SELECT * FROM messages UNION ALL SELECT * FROM deleted_messages) ORDER BY log_index",
    ),
    records: await texts(
      "SELECT request_id || ': ' || reason AS text FROM salvage ORDER BY log_index",
    ),
    sessions: await texts("SELECT id AS text FROM sessions WHERE revoked_at_ms IS NULL"),
    requests: await texts(`SELECT count(*) AS text FROM requests WHERE id = '${requestId}'`),
  };
}

/** Each case in one batch and one by one; nothing is left to do for what was handed over. */
function check(subject: string, cases: readonly Case[]): void {
  for (const { rule, commands, last, ...rest } of cases) {
    Deno.test(`salvaged ${subject}: ${rule}`, async () => {
      const log = placed([...loggedIn("ann", "bob"), ...commands]);
      const requestId = commands.at(-1)!.requestId;
      for (const batches of [[log], log.map((one) => [one])]) {
        const chat = await MemoryChat.open();
        let outcome: Outcome | undefined;
        for (const batch of batches) outcome = (await chat.apply(batch)).outcomes.get(log.length);
        if (typeof last !== "string") assert.deepEqual(outcome, last);
        else assert.equal(outcome?.ok === false ? outcome.reason : outcome, last);
        const { messages = [], records = [], sessions = ["ann-1", "bob-1"] } = rest;
        const expected = { messages, records, sessions, requests: ["1"] };
        assert.deepEqual(await shown(chat, requestId), expected);
        const handedOver = commands.filter(({ kind }) => kind === "salvaged").map(encodeCommand);
        assert.deepEqual(await settledAmong(chat, handedOver), handedOver.map(() => true));
        await chat.apply(placed(handedOver.map((data) => decodeCommand(data, 0)), 1_000));
        assert.deepEqual(await shown(chat, requestId), expected);
        await chat.close();
      }
    });
  }
}

check("messages", messageCases);
check("accounts", accountCases);
check("sessions", sessionCases);
check("acknowledgements", acknowledgeCases);
