/**
 * The convention that every command of the executable follows, on top of commander. Owns how
 * commands are made (help with an example), how flags get their environment variables and how
 * a misuse becomes one line and exit code 2; it holds no command of its own.
 *
 * A command group is a module `src/cli/<name>.ts` that exports `<name>Command()`, which builds
 * it with {@linkcode newCommand} and returns it. Actions return or throw `ChatError`; only the
 * entry ends the process. `commands.ts` imports the module when the command is asked for.
 *
 * @module
 */

import process from "node:process";
import {
  Command,
  type CommanderError,
  type CommandUnknownOpts,
  InvalidArgumentError,
  type Option,
} from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
import { writeText } from "./output.ts";

/** A failure with an exit code of its own, for programs that must tell it from others. */
export class ExitError extends ChatError {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super("INTERNAL", message);
    this.exitCode = exitCode;
  }
}

/** A line of the command table in `commands.ts`: enough for `--help`, the rest is loaded on demand. */
export interface LazyCommand {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandUnknownOpts>;
}

/**
 * A command with what each one must have: a summary (one line, no full stop) and an example of
 * its use, shown by `--help`. Lists of examples are newline-separated.
 */
export function newCommand(name: string, summary: string, options: { example: string }): Command {
  const examples = options.example.split("\n").map((line) => `  ${line}`).join("\n");
  return new Command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .addHelpText("after", `\nExample:\n${examples}`);
}

/** `JMESSAGE_<NAME>` of a long flag: `--peer-listen` is `JMESSAGE_PEER_LISTEN`. */
export function environmentName(flag: string): string {
  return `JMESSAGE_${flag.replace(/^--(no-)?/, "").replaceAll("-", "_").toUpperCase()}`;
}

/** Options that are about one run alone, whatever the environment says. */
const ofOneRun = new WeakSet<object>();

/**
 * Marks a flag that has no variable: one is set for many commands, and what it says there under the
 * same name is another thing.
 */
export function withoutVariable<T extends object>(option: T): T {
  ofOneRun.add(option);
  return option;
}

const ON = ["1", "true", "yes", "on"];
const OFF = ["0", "false", "no", "off"];

/**
 * Readies a finished tree: environment variables for the flags, and misuse thrown as
 * `ChatError` of reason `INVALID_ARGUMENT` in one line instead of printed.
 */
export function prepare(command: CommandUnknownOpts): void {
  for (const option of command.options) {
    const hasVariable = option.long !== "--version" && !ofOneRun.has(option);
    if (option.long && hasVariable) option.env(environmentName(option.long));
  }
  // Only now is it known which command runs: another's variables must not be able to stop it.
  command.hook("preSubcommand", (_, child) => readEnvironment(child));
  command.configureOutput({ writeErr: () => {}, writeOut: writeText });
  command.exitOverride((error) => {
    throw isMisuse(error) ? misuse(command, error) : error;
  });
  for (const child of command.commands) prepare(child);
}

/** Sets what the environment says, as a default that the command line overrides. */
function readEnvironment(command: CommandUnknownOpts): void {
  for (const option of command.options) {
    const text = option.envVar === undefined ? undefined : process.env[option.envVar];
    if (text === undefined) continue;
    const value = environmentValue(command, { option, text });
    // Commander takes any value for a consent that must be given, a false one too.
    if (value === false && option.mandatory) continue;
    // Nor may a switch that is off stand against another flag.
    const source = value === false ? "default" : "env";
    command.setOptionValueWithSource(option.attributeName(), value, source);
  }
}

function environmentValue(
  command: CommandUnknownOpts,
  { option, text }: { readonly option: Option; readonly text: string },
): unknown {
  const isSwitch = !option.required && !option.optional;
  try {
    if (isSwitch) return parseSwitch(text);
    return option.parseArg === undefined ? text : option.parseArg(text, undefined);
  } catch (thrown) {
    if (!(thrown instanceof InvalidArgumentError)) throw thrown;
    return command.error(`value '${text}' of ${option.envVar} is invalid. ${thrown.message}`);
  }
}

/** A word that is neither is refused: "none" taken for a yes could force what nobody wants. */
function parseSwitch(text: string): boolean {
  const word = text.toLowerCase();
  if (ON.includes(word)) return true;
  if (word === "" || OFF.includes(word)) return false;
  throw new InvalidArgumentError(`Must be one of ${ON.join(", ")} or ${OFF.join(", ")}.`);
}

/** Help and version end the program too, but nothing is wrong then. */
function isMisuse(error: CommanderError): boolean {
  return error.code === "commander.help" || error.exitCode !== 0;
}

function misuse(command: CommandUnknownOpts, error: CommanderError): ChatError {
  const group = error.code === "commander.excessArguments" ? misreadGroup(command) : null;
  const path = commandPath(group ?? command);
  const why = group === null
    ? error.message.replace(/^error: /, "")
    : `unknown command '${command.args[0]}' (commands: ${namesIn(group).join(", ")})`;
  const text = error.code === "commander.help"
    ? `Cannot run ${path} without a command`
    : `Cannot run ${path}: ${oneLine(why)}`;
  return new ChatError("INVALID_ARGUMENT", `${text}; see ${path} --help`, { cause: error });
}

/**
 * The group of which a wrong word was to be a command. Where one does something by itself too, or
 * has a command that runs without being named, the word looks to commander like an argument too many.
 */
function misreadGroup(command: CommandUnknownOpts): CommandUnknownOpts | null {
  const { parent, args: [word = ""] } = command;
  if (namesIn(command).length > 0) return command;
  const isNamed = parent === null || parent.args[0] === command.name();
  return isNamed || namesIn(parent).includes(word) ? null : parent;
}

function namesIn(group: CommandUnknownOpts): readonly string[] {
  return group.commands.map((child) => child.name());
}

/** `jmessage admin status` for the command of that name. */
export function commandPath(command: CommandUnknownOpts): string {
  const parent = command.parent;
  return parent === null ? command.name() : `${commandPath(parent)} ${command.name()}`;
}

/** Without the full stop that would stand before the rest of our line. */
function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ").replace(/\.$/, "");
}
