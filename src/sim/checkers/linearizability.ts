/**
 * `Linearizability` (§8): what all clients were told of accounts, sessions, messages and
 * acknowledgements, and what they were shown, is explained by one order, in which each operation
 * takes effect once, between its beginning and its answer; one without an answer at any later time
 * or never. A read at session consistency may show an earlier state, none older than its client
 * had seen. Where sides of a partition went on, such an order must be found for each side. First all operations together; if that is too much work, each part of the accounts by
 * itself: what no order explains there, none explains at all.
 *
 * @module
 */

import type { History } from "../history.ts";
import { type Checker, isForked, type Report } from "./checker.ts";
import { ChatModel, type ChatOperation } from "./chat_model.ts";
import { operationsOf, partsOf, projected } from "./chat_operations.ts";
import { linearize, type Verdict } from "./linearize.ts";
import { beforeHandOver, type Side, sidesOf } from "./sides.ts";

/** Operations tried in one search: a sound history needs about as many as it has operations. */
const STEPS_MAX = 50_000;

export const linearizability: Checker = checkerWith(STEPS_MAX);

/** With another bound than the usual one. */
export function checkerWith(stepsMax: number): Checker {
  return {
    name: "Linearizability",
    holdsAcrossForks: true,
    begin() {
      return {
        onEnd(history, report) {
          // In a partition each side is linearizable in itself (§8): there is no one order. Nor is
          // there from where a leader whose disk hung hands over what it had taken (§9): nobody but
          // that one has it, so up to there one order explains all.
          const sides = isForked(history)
            ? sidesOf(history)
            : [{ history: beforeHandOver(history) }];
          for (const side of sides) judge(side, stepsMax, report);
        },
      };
    },
  };
}

function judge(
  { history, stored }: { readonly history: History } & Partial<Side>,
  stepsMax: number,
  report: Report,
): void {
  const { operations, contradicted } = operationsOf(history, stored);
  for (const id of contradicted) report(`Clients were told two outcomes of ${id}`);
  const whole = linearize<ChatOperation>(operations, new ChatModel(), { stepsMax });
  if (whole.kind === "impossible") report(textOf(whole, operations));
  if (whole.kind !== "undecided") return;
  for (const part of partsOf(operations)) {
    const seen = projected(operations, part);
    const model = new ChatModel((accountId) => part.has(accountId));
    const verdict = linearize<ChatOperation>(seen, model, { stepsMax });
    if (verdict.kind === "impossible") return report(textOf(verdict, seen));
  }
  const { blocked } = whole;
  const stuck = operations[blocked]!.label;
  report(`No order found for ${operations.length} operations up to ${stuck}`, "undecided");
}

function textOf(
  { blocked }: Extract<Verdict, { kind: "impossible" }>,
  operations: readonly ChatOperation[],
): string {
  return `No order of ${operations.length} operations explains ${operations[blocked]!.label}`;
}
