/**
 * The manual page `jmessage(1)`, made from the command tree, so that it cannot be out of date. Owns
 * the page's form and what no single command can say: exit codes, environment and files.
 *
 * @module
 */

import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { type LazyCommand, prepare } from "../src/cli/command.ts";
import { rootCommand } from "../src/cli/program.ts";
import { version } from "../src/cli/version.ts";

type Argument = CommandUnknownOpts["registeredArguments"][number];

const ENDING = `.SH EXIT STATUS
.TP
0
Done.
.TP
1
Failed; one line on stderr says what, why and what to do.
.TP
2
Wrong usage.
.TP
3
.B jmessage simulate
found something that only came too late.
.SH ENVIRONMENT
Nearly every option has a variable, named with it above; the command line wins over it.
.TP
.B JMESSAGE_PASSWORD
The password of a chat account, for scripts.
.TP
.B XDG_STATE_HOME
Below it chat sessions are kept, by default below
.IR ~/.local/state .
.TP
.B TMPDIR
Where
.B jmessage demo
keeps its data and
.B jmessage simulate
writes the schedules that failed.
.SH FILES
.TP
.I jmessage\\-data
A node's data directory, unless \\fB\\-\\-data\\fR names another one. Only one process can use it at
a time.
.TP
.I ~/.local/state/jmessage
Chat sessions, readable by their owner only.
`;

/** The page, in the macros of man(7). The date is that of the sources, as `2026-01-31`. */
export async function manPage(
  commands: readonly LazyCommand[],
  { date }: { readonly date: string },
): Promise<string> {
  const root = rootCommand();
  for (const lazy of commands) root.addCommand(await lazy.load());
  prepare(root);
  const description = escaped(root.description());
  return [
    `.TH JMESSAGE 1 "${date}" "jmessage ${version}" "User Commands"`,
    // Names of variables are not to be hyphenated.
    ".nh",
    ".SH NAME",
    `jmessage \\- ${description.charAt(0).toLowerCase()}${description.slice(1).replace(/\.$/, "")}`,
    ".SH SYNOPSIS",
    ".B jmessage",
    ".I command",
    "[options]",
    ".SH DESCRIPTION",
    description,
    "Several nodes keep the same database, and a message is acknowledged once it is on their disks.",
    ".SH OPTIONS",
    ...entries(root),
    ".SH COMMANDS",
    ...root.commands.flatMap(sections),
    ENDING,
  ].join("\n");
}

/** A section for the command and each of those below it. */
function sections(command: CommandUnknownOpts): readonly string[] {
  return [
    `.SS "${escaped(command.createHelp().commandUsage(command))}"`,
    escaped(command.description()),
    ...entries(command),
    ...example(command),
    ...command.commands.flatMap(sections),
  ];
}

function entries(command: CommandUnknownOpts): readonly string[] {
  const { registeredArguments, options } = command;
  return [
    ...registeredArguments.filter(({ description }) => description !== "").map(argumentEntry),
    ...options.filter(({ hidden }) => !hidden).map(optionEntry),
  ].flat();
}

function argumentEntry(argument: Argument): readonly string[] {
  const text = [argument.description, ...choices(argument.argChoices)];
  return [".TP", `.I ${escaped(argument.name())}`, `${escaped(sentence(text.join("; ")))}`];
}

function optionEntry(option: Option): readonly string[] {
  const text = [option.description, ...choices(option.argChoices)];
  const value = option.defaultValueDescription ?? option.defaultValue;
  if (value !== undefined && value !== false) text.push(`by default ${value}`);
  const lines = [".TP", `.B ${escaped(option.flags)}`, escaped(sentence(text.join("; ")))];
  return option.envVar === undefined ? lines : [...lines, `.RB ( ${option.envVar} )`];
}

function choices(words: readonly string[] | undefined): readonly string[] {
  return words === undefined ? [] : [`one of ${words.join(", ")}`];
}

/** What its help shows as examples, as they are to be typed. */
function example(command: CommandUnknownOpts): readonly string[] {
  let help = "";
  command.configureOutput({ writeOut: (text) => void (help += text) });
  command.outputHelp();
  const [, examples = ""] = help.split("\nExample:\n");
  if (examples === "") return [];
  return [".PP", ".nf", ...examples.trimEnd().split("\n").map(escaped), ".fi"];
}

function sentence(text: string): string {
  const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return whole.endsWith(".") ? whole : `${whole}.`;
}

/** As text, whatever it is: nothing in it is a macro, and a hyphen can be copied. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replaceAll(/^([.'])/gm, "\\&$1");
}
