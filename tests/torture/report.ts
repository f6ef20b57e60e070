/**
 * What a torture run says in the end: a table for people, a line of JSON for programs, and the
 * exit code. Owns the words; it decides nothing.
 *
 * @module
 */

import { table } from "../../src/cli/text.ts";
import type { FaultCount } from "./faults.ts";
import { commandOf, type TortureOptions } from "./options.ts";
import type { FaultKind } from "./plan.ts";

/** Problems that are printed; all of them are in the log of the run. */
const PROBLEMS_SHOWN = 20;
/** A stall of this process that is told: about what a node counts as a silence, ms. */
const STALL_TOLD_MS = 700;

/** Everything that a run comes to. */
export interface TortureResult {
  readonly options: TortureOptions;
  readonly rounds: number;
  readonly seconds: number;
  readonly faults: ReadonlyMap<FaultKind, FaultCount>;
  readonly acknowledged: number;
  /** Messages whose outcome nobody was told. */
  readonly indefinite: number;
  readonly refused: number;
  /** Messages that one side of a partition acknowledged and handed over to the other. */
  readonly cameOver: number;
  /** Messages that subscribers were handed. */
  readonly delivered: number;
  readonly accounts: number;
  /** Longest time without an acknowledged message, ms. */
  readonly pauseMsMax: number;
  /** Longest stall of the torture's own process, ms. */
  readonly loopStallMsMax: number;
  /** Nodes whose databases were compared; 0 if it did not come to that. */
  readonly nodesCompared: number;
  readonly problems: readonly string[];
  /** Why it was given up: nothing went on. */
  readonly stuck: string | null;
  readonly interrupted: boolean;
}

/** 0: clean. 1: a promise was broken. 3: no progress. 130: interrupted before the end. */
export function exitCode({ problems, stuck, interrupted }: TortureResult): number {
  if (problems.length > 0) return 1;
  if (stuck !== null) return 3;
  return interrupted ? 130 : 0;
}

/** The result for people; `kept` is where the logs are, if they were kept. */
export function resultText(result: TortureResult, kept: string | null): string {
  const faults = [...result.faults]
    .map(([kind, { done, leftOut }]) => [kind, done, leftOut] as const);
  const lines = [
    table(["FAULT", "DONE", "LEFT OUT"], faults),
    "",
    table(["MEASURE", "VALUE"], [
      ["seconds of faults, and rounds", `${result.seconds.toFixed(0)}, ${result.rounds}`],
      ["acknowledged messages", result.acknowledged],
      ["without an answer, refused", `${result.indefinite}, ${result.refused}`],
      ["handed over by a side that gave in", result.cameOver],
      ["handed to subscribers", result.delivered],
      ["accounts made", result.accounts],
      ["longest time without an acknowledged write", `${Math.round(result.pauseMsMax)} ms`],
      ["longest stall of the torture itself", `${result.loopStallMsMax} ms`],
      ["databases compared", result.nodesCompared],
    ]),
    "",
    ...(result.loopStallMsMax < STALL_TOLD_MS ? [] : [
      `note: this process stood still for ${result.loopStallMsMax} ms, and with it everything ` +
      "between the nodes: the machine is too busy for exact figures",
    ]),
    ...result.problems.slice(0, PROBLEMS_SHOWN).map((text) => `broken: ${text}`),
    ...(result.stuck === null ? [] : [`no progress: ${result.stuck}`]),
    ...(kept === null ? [] : [`logs and data: ${kept}`, `again: ${commandOf(result.options)}`]),
    verdict(result),
  ];
  return lines.join("\n");
}

function verdict(result: TortureResult): string {
  switch (exitCode(result)) {
    case 0:
      return "clean: every acknowledged message is on every node once, in one order, and was " +
        "handed to its subscriber";
    case 1:
      return `${result.problems.length} violations`;
    case 3:
      return "no progress";
    default:
      return "interrupted: nothing was compared";
  }
}

/** The result for programs. */
export function resultJson(result: TortureResult, kept: string | null): string {
  const { options, faults, seconds, pauseMsMax, ...rest } = result;
  const { json: _, ...told } = options;
  return JSON.stringify({
    ...told,
    ...rest,
    seconds: Math.round(seconds),
    pauseMsMax: Math.round(pauseMsMax),
    faults: Object.fromEntries(faults),
    kept,
    command: commandOf(options),
  });
}
