/**
 * The program around the commands: the tree, and how an outcome becomes an exit code and one line
 * on stderr. Owns no command (`commands.ts` lists them) and never ends the process (`cli.ts` does).
 *
 * @module
 */

import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { ChatError, REASONS } from "../errors.ts";
import { ExitError, type LazyCommand, prepare } from "./command.ts";
import { printable } from "./text.ts";
import { ToldError } from "./told_error.ts";
import { versionText } from "./version.ts";

/** What the program needs from its surroundings. */
export interface ProgramOptions {
  readonly commands: readonly LazyCommand[];
  /** Takes the one line of a failure. */
  readonly onError: (line: string) => void;
}

/** Runs one command line (without the program's name) and gives the exit code: 0, 1 or 2, or a command's own. */
export async function runProgram(
  args: readonly string[],
  options: ProgramOptions,
): Promise<number> {
  const words = args[0] === "help" ? [...args.slice(1), "--help"] : args;
  try {
    const root = await commandTree(words, options.commands);
    prepare(root);
    await root.parseAsync(words, { from: "user" });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const error = ChatError.from(thrown);
    if (!(error instanceof ToldError)) {
      options.onError(`jmessage: ${printable(error.message)}`);
    }
    return error instanceof ExitError ? error.exitCode : REASONS[error.reason].exitCode;
  }
}

/** All commands by name and summary; only the one that is asked for is loaded. */
async function commandTree(
  words: readonly string[],
  commands: readonly LazyCommand[],
): Promise<CommandUnknownOpts> {
  const root = rootCommand();
  const wanted = words.find((word) => !word.startsWith("-"));
  for (const lazy of commands) {
    root.addCommand(
      lazy.name === wanted ? await lazy.load() : new Command(lazy.name).summary(lazy.summary),
    );
  }
  return root;
}

/** The program itself, still without its commands. */
export function rootCommand(): Command {
  return new Command("jmessage")
    .description("A replicated chat server: N + 1 nodes survive the failure of any N.")
    .version(versionText(), "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  jmessage demo\n  jmessage chat --help");
}
