/**
 * The rules of salvage (DESIGN §9) for messages and acknowledgements, one row each.
 *
 * @module
 */

import { acknowledge, logout, remove, salvaged, send, testTimeMs } from "../support/chat_log.ts";
import { checkSalvage, type SalvageCase, told } from "../support/salvage_cases.ts";

const { acked, refused, sent } = told;
const toBob = { by: "ann", to: "bob" } as const;

const messageCases: readonly SalvageCase[] = [
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
    rule: "sent on both sides, to accounts of one name: it went to the one that is here",
    commands: [
      send("m", { by: "ann", to: "ann", fingerprint: "to cid" }),
      salvaged(send("m", { by: "ann", to: "bob", fingerprint: "to cid" }), sent("m", 77)),
    ],
    last: sent("m", 5),
    records: ["m: it went to another account of that name here"],
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
    rule: "acknowledged here, refused there: a record, as somebody was told that it was not done",
    commands: [send("m", toBob), salvaged(send("m", toBob), refused)],
    last: sent("m", 5),
    records: ["m: it was done here: NO_SUCH_USER was told elsewhere"],
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
      salvaged(send("m", toBob), sent("m", 77, testTimeMs + 9), { timeMs: testTimeMs + 9 }),
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
      salvaged(send("m", toBob), sent("m", 77, testTimeMs - 9), { timeMs: testTimeMs - 9 }),
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

const acknowledgeCases: readonly SalvageCase[] = [
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
    rule: "a message that was acknowledged on its side comes over as acknowledged",
    commands: [
      send("m", toBob),
      acknowledge("k", { by: "bob", ids: ["m", "n"] }),
      salvaged(send("n", toBob), sent("n", 77), { ended: true }),
      salvaged(acknowledge("k", { by: "bob", ids: ["m", "n"] }), acked(1)),
    ],
    last: acked(1),
    messages: ["+m", "+n"],
  },
  {
    rule: "a message that was sent on both sides and acknowledged there is acknowledged",
    commands: [send("m", toBob), salvaged(send("m", toBob), sent("m", 77), { ended: true })],
    last: sent("m", 5),
    messages: ["+m"],
  },
  {
    rule: "one that was refused here: a record",
    commands: [
      send("m", toBob),
      acknowledge("k", { by: "bob", session: "none", ids: ["m"] }),
      salvaged(acknowledge("k", { by: "bob", ids: ["m"] }), acked(1)),
    ],
    last: "UNAUTHENTICATED",
    records: ["k: it was refused here: UNAUTHENTICATED"],
    messages: ["m"],
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

checkSalvage("messages", messageCases);
checkSalvage("acknowledgements", acknowledgeCases);
