/**
 * `jmessage admin verify`: whether a stopped directory is whole. Owns the telling; what is checked
 * is `src/storage`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
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
  const { ok, lastIndex, appliedIndex, digest, stoppedLast, replayed, problems } = found;
  const lines = [
    `log      ends at index ${lastIndex}`,
    `state    applied up to ${appliedIndex}, digest ${digest || "none"}`,
    `stopped  ${stoppedLast ? "last: it can start alone" : "while others were voters"}`,
  ];
  if (!ok) return [...lines, ...problems.map((one) => `damaged  ${printable(one)}`)].join("\n");
  const rows = replayed
    ? "every row is what the log comes to"
    : "every row is as it was written; it was not made again, as the log begins later";
  return [...lines, `whole    ${rows}`].join("\n");
}

function damaged(path: string, { problems }: Verification): ChatError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const text =
    `The data directory ${printable(path)} is damaged (${count}): start the node while others ` +
    "are up, and it sets the data aside and joins again; if this was the last, restore a backup";
  return new ChatError("CORRUPT", text);
}
