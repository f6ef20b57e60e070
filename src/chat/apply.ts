/**
 * Applies committed commands to the replicated state: the one way in which it changes. Owns how
 * a run of commands is cut into batches; each batch reads once (prefetch.ts), decides in memory
 * (evaluate.ts) and writes once (write.ts), and comes to exactly what its commands would have
 * come to one after another. Deterministic: rows and outcomes follow from the log alone.
 *
 * @module
 */

import type { Command, Outcome } from "./command.ts";
import { evaluate, type PlacedCommand } from "./evaluate.ts";
import type { Writer } from "./port.ts";
import { prefetch } from "./prefetch.ts";
import { writeBatch } from "./write.ts";

/** What came of applied commands. */
export interface Applied {
  /** By log index. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
  /** Messages that were sent just now, in log order. */
  readonly messages: readonly { readonly index: number; readonly toAccountId: string }[];
}

/** Applies commands, in order of their indexes, inside the caller's transaction. */
export async function applyCommands(
  writer: Writer,
  commands: readonly PlacedCommand[],
): Promise<Applied> {
  const outcomes = new Map<number, Outcome>();
  const messages: { index: number; toAccountId: string }[] = [];
  for (const part of cut(commands)) {
    const batch = await prefetch(writer, part.map(({ command }) => command));
    for (const placed of part) outcomes.set(placed.place.index, evaluate(batch, placed));
    await writeBatch(writer, batch, part.length);
    for (const { index, toAccountId } of batch.changes.messages) {
      messages.push({ index, toAccountId });
    }
  }
  return { outcomes, messages };
}

/**
 * A deletion begins a batch: from it on each command moves some of the account's messages, and
 * before it those of earlier deletions, so that the two must be counted apart.
 */
function cut(commands: readonly PlacedCommand[]): PlacedCommand[][] {
  const parts: PlacedCommand[][] = [];
  for (const placed of commands) {
    const part = parts.at(-1);
    if (part === undefined || mayDelete(placed.command)) parts.push([placed]);
    else part.push(placed);
  }
  return parts;
}

function mayDelete(command: Command): boolean {
  const { kind } = command.kind === "salvaged" ? command.command : command;
  return kind === "deleteAccount";
}
