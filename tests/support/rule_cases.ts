/**
 * Rules of the state machine as rows: commands that lead up to the last one, and what comes of that
 * one. Owns how a row becomes a test.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Command, Outcome } from "../../src/chat/command.ts";
import type { Reason } from "../../src/errors.ts";
import { loggedIn, placed, testTerm, testTimeMs } from "./chat_log.ts";
import { MemoryChat } from "./memory_chat.ts";

/** One rule. */
export interface RuleCase {
  readonly rule: string;
  /** After ann (entries 1 and 2) and bob (3 and 4) were created and logged in. */
  readonly commands: readonly Command[];
  /** Outcome of the last command, or the reason for which it is refused. */
  readonly last: Outcome | Reason;
}

/** What every outcome has that is none of a refusal. */
export const done = { ok: true } as const;

/** Outcome of a sending at an index, after the four entries that every case begins with. */
export function sent(messageId: string, index: number, acceptedAtMs = testTimeMs): Outcome {
  return { ...done, kind: "sendMessage", messageId, index, term: testTerm, acceptedAtMs };
}

/** Each case in one batch and one by one: the rules hold either way. */
export function checkRules(subject: string, cases: readonly RuleCase[]): void {
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
