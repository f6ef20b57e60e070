/**
 * Random commands with few ids, so that they meet: for properties of the state machine.
 *
 * @module
 */

import fc from "fast-check";
import type { Command, Outcome, PlainCommand } from "../../src/chat/command.ts";
import { refusals } from "../../src/chat/refusals.ts";
import {
  acknowledge,
  create,
  login,
  logout,
  remove,
  renew,
  salvaged,
  send,
  setAdminToken,
  testTerm,
  testTimeMs,
} from "./chat_log.ts";

/** Few ids, so that random commands meet. Accounts from `cid` on are made by the commands. */
const accounts = ["ann", "bob", "cid", "dan"] as const;
const account = fc.constantFrom(...accounts);
const session = fc.tuple(account, fc.constantFrom(1, 2, 3)).map(([id, n]) => `${id}-${n}`);
const requestId = fc.integer({ min: 0, max: 30 }).map((n) => `r${n}`);
/** Mostly of the author's own session, since a refusal alone shows little. */
const author = fc.oneof(
  { weight: 5, arbitrary: account.map((by) => ({ by, session: `${by}-1` })) },
  { weight: 1, arbitrary: fc.record({ by: account, session }) },
);
/** Mostly a request's own fields; sometimes the id is used for other ones. */
const overrides = fc.record({
  fingerprint: fc.constantFrom("f", "f", "f", "f", "g"),
  timeMs: fc.integer({ min: testTimeMs - 5, max: testTimeMs + 20 }),
});
/** So short that some end within a list of commands. */
const idle = fc.integer({ min: 1, max: 30 });
const adminToken = fc.constantFrom("t1", "t2");
const messageId = fc.oneof(requestId, fc.integer({ min: 0, max: 79 }).map((n) => `old${n}`));

/** What a client may ask for. */
export const anyPlainCommand: fc.Arbitrary<PlainCommand> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(requestId, author, fc.option(account, { freq: 9 }), overrides)
      .map(([id, by, to, over]) => send(id, { ...by, to, ...over, body: `${id} \u0000 ü` })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(requestId, author, fc.array(messageId, { maxLength: 5 }), overrides)
      .map(([id, by, ids, over]) => acknowledge(id, { ...by, ids, ...over })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      id: account,
      session,
      over: overrides,
      requestId: fc.constantFrom("l1", "l2", "l3", "l4"),
      idleMs: fc.option(idle, { freq: 1 }),
    }).map(({ id, session, over, requestId, idleMs }) =>
      login(id, session, { ...over, requestId, ...idleMs === null ? {} : { idleMs } })
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(account, fc.constantFrom("ann", "ANN", "bob", "cid"), overrides)
      .map(([id, name, over]) => create(id, name, over)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(requestId, author, fc.boolean(), overrides)
      .map(([id, by, all, over]) => logout(id, { ...by, all, ...over })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(requestId, author, session, overrides)
      .map(([id, by, ends, over]) => logout(id, { ...by, ends, ...over })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(requestId, author, overrides)
      .map(([id, by, over]) => remove(id, { ...by, ...over })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(requestId, author, idle, overrides)
      .map(([id, by, idleMs, over]) => renew(id, { ...by, idleMs, ...over })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(requestId, adminToken, fc.option(adminToken), overrides)
      .map(([id, token, replaces, over]) => setAdminToken(id, token, { replaces, ...over })),
  },
);

/** What a side answered if it took the command. */
function taken(command: PlainCommand): Outcome {
  const { kind } = command;
  switch (kind) {
    case "createAccount":
      return { ok: true, kind, accountId: command.accountId };
    case "login":
      return { ok: true, kind, sessionId: command.sessionId };
    case "renewSession": {
      const { sessionId, timeMs, idleMs } = command;
      return { ok: true, kind, sessionId, usedAtMs: timeMs, expiresAtMs: timeMs + idleMs };
    }
    case "logout":
      return { ok: true, kind, revoked: 1 };
    case "acknowledge":
      return { ok: true, kind, acknowledged: command.messageIds.length };
    case "deleteAccount":
    case "setAdminToken":
      return { ok: true, kind };
    case "sendMessage": {
      const place = { index: 7, term: testTerm, acceptedAtMs: command.timeMs };
      return { ok: true, kind, messageId: command.requestId, ...place };
    }
  }
}

/** Anything that a log may hold. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: anyPlainCommand },
  {
    weight: 1,
    arbitrary: fc.tuple(anyPlainCommand, fc.constantFrom("taken", "refused", "undecided"))
      .map(([command, answer]) => {
        if (answer === "undecided") return salvaged(command, null);
        return salvaged(command, answer === "taken" ? taken(command) : refusals.sessionRevoked);
      }),
  },
);
