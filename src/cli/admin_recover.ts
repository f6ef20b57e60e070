/**
 * `jmessage admin recover`: the way out when the other members are gone for good. Owns the
 * asking and the telling; what a recovery does to a directory is `src/storage`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { ChatError } from "../errors.ts";
import { openDataDirectory } from "../storage/data_directory.ts";
import { carryOut, planRecovery } from "../storage/recover.ts";
import { newCommand } from "./command.ts";
import { jsonOption } from "./options.ts";
import type { Output } from "./output.ts";
import { printable } from "./text.ts";

interface RecoverFlags {
  readonly data: string;
  readonly yes?: true | undefined;
  readonly json?: true | undefined;
}

/** What the command needs from outside; tests pass their own. */
export interface RecoverOptions {
  readonly output: Output;
  /** Asks a person; resolves with the answer, or throws if there is nobody to ask. */
  readonly ask?: (question: string) => Promise<string>;
}

/** `jmessage admin recover`. */
export function recoverCommand(options: RecoverOptions): CommandUnknownOpts {
  const example = "jmessage admin recover --data data/a --force";
  return newCommand("recover", "make a stopped node go on without the others", { example })
    .requiredOption("--data <dir>", "data directory of the stopped node")
    .requiredOption("--force", "messages that only the others have may be lost")
    .option("--yes", "do not ask")
    .addOption(jsonOption())
    .action((flags) => recover(flags, options));
}

async function recover(flags: RecoverFlags, options: RecoverOptions): Promise<void> {
  const { output, ask = askOnTerminal } = options;
  const directory = await openDataDirectory(flags.data, { create: false });
  try {
    const recovery = await planRecovery(directory);
    for (const sentence of [...recovery.has, ...recovery.mayLose]) {
      output.remark(printable(sentence));
    }
    if (flags.yes !== true && (await ask("Go on? Type yes: ")).trim() !== "yes") {
      throw new ChatError("PERMISSION_DENIED", "Not recovered as the answer was not yes");
    }
    await carryOut(directory, recovery);
    const { clusterId, epoch } = recovery;
    if (flags.json) output.json({ clusterId, epoch });
    else output.line(`cluster ${printable(clusterId)} goes on in epoch ${epoch}; start the node`);
  } finally {
    await directory.close();
  }
}

async function askOnTerminal(question: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new ChatError(
      "INVALID_ARGUMENT",
      "Cannot ask whether to recover as there is no terminal; add --yes to go on",
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(question);
  } finally {
    prompt.close();
  }
}
