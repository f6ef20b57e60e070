/**
 * Cases of salvage, as a table holds them: what the winner's side had decided, commands of the
 * losing side with what they were answered there, and what is there afterwards. Owns how a case
 * is checked; the rules are in `tests/chat`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeCommand, encodeCommand } from "../../src/chat/codec.ts";
import type { Command, Outcome } from "../../src/chat/command.ts";
import { settledAmong } from "../../src/chat/salvage.ts";
import type { Reason } from "../../src/errors.ts";
import { loggedIn, placed, testTerm, testTimeMs } from "./chat_log.ts";
import { MemoryChat } from "./memory_chat.ts";

/** One rule. */
export interface SalvageCase {
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

/** What a side answered; a message's place is another on each side. */
export const told = {
  made: (accountId: string): Outcome => ({ ...done, kind: "createAccount", accountId }),
  opened: (sessionId: string): Outcome => ({ ...done, kind: "login", sessionId }),
  revoked: (count = 1): Outcome => ({ ...done, kind: "logout", revoked: count }),
  acked: (count: number): Outcome => ({ ...done, kind: "acknowledge", acknowledged: count }),
  deleted: { ...done, kind: "deleteAccount" } as Outcome,
  sent: (messageId: string, index: number, acceptedAtMs = testTimeMs): Outcome => {
    return { ...done, kind: "sendMessage", messageId, index, term: testTerm, acceptedAtMs };
  },
  refused: { ok: false, reason: "NO_SUCH_USER", message: "nobody" } as Outcome & { ok: false },
} as const;

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
export function checkSalvage(subject: string, cases: readonly SalvageCase[]): void {
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
