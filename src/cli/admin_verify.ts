/**
 * `jmessage admin verify`: whether a stopped directory is whole. Owns the telling; what is checked
 * is `src/storage`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
import { isAside } from "../storage/set_aside.ts";
import { type Verification, verifyDirectory } from "../storage/verify.ts";
import { newCommand } from "./command.ts";
import { jsonOption } from "./options.ts";
import type { Output } from "./output.ts";
import { progress } from "./progress.ts";
import { printable } from "./text.ts";

/** `jmessage admin verify`. */
export function verifyCommand({ output }: { readonly output: Output }): CommandUnknownOpts {
  const example = "jmessage admin verify --data data/a";
  return newCommand("verify", "check the data directory of a stopped node", { example })
    .requiredOption("--data <dir>", "data directory of the stopped node")
    .addOption(jsonOption())
    .action(async (flags) => {
      const words = (index: number) => `applied the log again up to index ${index}`;
      const found = await verifyDirectory(flags.data, progress(output, words));
      if (flags.json) output.json(verificationJson(found));
      else output.line(verificationText(found));
      if (!found.ok) throw damaged(flags.data, found);
    });
}

/** The contract's fields and no other. */
function verificationJson(found: Verification): object {
  const { ok, lastIndex, appliedIndex, digest, stoppedLast, problems } = found;
  return { ok, lastIndex, appliedIndex, digest, stoppedLast, problems };
}

function verificationText(found: Verification): string {
  const { ok, lastIndex, problems } = found;
  const lines = [
    `log      ${ok || lastIndex > 0 ? `ends at index ${lastIndex}` : "cannot be read"}`,
    `state    ${stateText(found)}`,
    `stopped  ${stoppedText(found)}`,
  ];
  if (!ok) return [...lines, ...problems.map((one) => `damaged  ${printable(one)}`)].join("\n");
  return [...lines, `whole    ${wholeText(found)}`].join("\n");
}

function stateText({ appliedIndex, digest, stateRemade, stoppedLast }: Verification): string {
  if (stateRemade) return "missing: a node that starts here makes it again from the log";
  if (digest !== "") return `applied up to ${appliedIndex}, digest ${digest}`;
  return stoppedLast === null ? "not known without the log" : "cannot be read";
}

function stoppedText({ stoppedLast }: Verification): string {
  if (stoppedLast === null) return "not known: the log does not say who the voters were";
  return stoppedLast ? "last: it can start alone" : "while others were voters";
}

function wholeText({ replayed, stateRemade }: Verification): string {
  if (stateRemade) {
    return "the log is as it was written, and has everything from its first entry on";
  }
  return replayed
    ? "every row is what the log comes to"
    : "every row is as it was written; it was not made again, as the log begins later";
}

function damaged(path: string, { problems }: Verification): ChatError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const advice = isAside(path)
    ? "a node has set it aside and joined again as another, so start none on it; keep it until " +
      "nobody misses anything that only this node had"
    : "start the node while others are up, and it sets the data aside and joins again; if this " +
      "was the last, restore a backup";
  const text = `The data directory ${printable(path)} is damaged (${count}): ${advice}`;
  return new ChatError("CORRUPT", text);
}
