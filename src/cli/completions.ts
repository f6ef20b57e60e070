/**
 * `jmessage completions`: scripts that complete commands and flags in bash, zsh and fish. Owns
 * the three dialects; the words come from the command tree itself, so they cannot be out of date.
 *
 * @module
 */

import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { commandPath, type LazyCommand, newCommand } from "./command.ts";
import { type Output, terminal } from "./output.ts";

/** What may follow one command. */
interface CompletionNode {
  /** Names from the program down, as in `["jmessage", "admin"]`. */
  readonly path: readonly string[];
  readonly words: readonly CompletionWord[];
  /** True if it wants the name of a file or a directory. */
  readonly takesFile?: boolean;
}

interface CompletionWord {
  readonly word: string;
  readonly summary: string;
  /** Another name of a flag. */
  readonly short?: string | undefined;
  /** What may follow a flag that wants a value; none: anything, as the name of a file. */
  readonly values?: readonly string[] | undefined;
}

const SHELLS = ["bash", "zsh", "fish"] as const;

/** `jmessage completions`, for the commands of the given table. */
export function completionsCommand(
  commands: readonly LazyCommand[],
  output: Output = terminal,
): CommandUnknownOpts {
  const command = newCommand("completions", "print a completion script for a shell", {
    example: [
      "jmessage completions bash >> ~/.bash_completion",
      "jmessage completions zsh > ~/.zsh/_jmessage",
      "jmessage completions fish > ~/.config/fish/completions/jmessage.fish",
    ].join("\n"),
  });
  return command
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action(async (shell) => {
      const nodes = await completionNodes(commands);
      output.line({ bash: bashScript, zsh: zshScript, fish: fishScript }[shell](nodes));
    });
}

/** All commands with what may follow them, outermost first. */
export async function completionNodes(
  commands: readonly LazyCommand[],
): Promise<readonly CompletionNode[]> {
  const root: CompletionNode = {
    path: ["jmessage"],
    words: [
      ...commands.map(({ name, summary }) => ({ word: name, summary })),
      { word: "--help", summary: "print help" },
      { word: "--version", summary: "print the version" },
    ],
  };
  const nodes = [root];
  for (const lazy of commands) collect(await lazy.load(), nodes);
  return nodes;
}

function collect(command: CommandUnknownOpts, nodes: CompletionNode[]): void {
  // Those of a group may stand behind its commands, too.
  const options = [...command.options, ...(command.parent?.options ?? [])];
  const flags = options.filter((option) => !option.hidden && option.long !== undefined);
  nodes.push({
    path: ["jmessage", ...commandPath(command).split(" ")],
    takesFile: command.registeredArguments.some((argument) => {
      return argument.name() === "file" || argument.name() === "dir";
    }),
    words: [
      ...command.commands.map((child) => ({ word: child.name(), summary: child.summary() })),
      ...command.registeredArguments.flatMap(({ argChoices = [], description }) => {
        return argChoices.map((word) => ({ word, summary: description }));
      }),
      ...flags.map((flag) => ({
        word: flag.long ?? "",
        summary: flag.description,
        short: flag.short,
        values: flag.required || flag.optional ? flag.argChoices ?? [] : undefined,
      })),
      { word: "--help", summary: "print help" },
    ],
  });
  for (const child of command.commands) collect(child, nodes);
}

/**
 * For bash and zsh: the words typed so far that name a command, joined, choose the answers. The value
 * of a flag names none; bash takes `--flag=value` for three words, and zsh for one.
 */
function bashScript(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map(({ path, words }) =>
    `    "${path.join(" ")}") words="${words.map(({ word }) => word).join(" ")}" ;;`
  );
  const values = nodes.flatMap(({ path, words }) =>
    words.flatMap(({ word, short, values }) => {
      if (values === undefined) return [];
      const after = [word, short].flatMap((flag) => flag === undefined ? [] : [flag]);
      const patterns = after.map((flag) => `"${[...path, flag].join(" ")}"`).join("|");
      return [`      ${patterns}) values="${values.join(" ")}" ;;`];
    })
  );
  const names = nodes.map(({ path }) => `"${path.join(" ")}"`).join("|");
  return `_jmessage() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="jmessage" words="" values="-" index word prefix=""
  for ((index = 1; index <= COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if ((index == COMP_CWORD)); then
      if [[ "$values" != "-" || "$word" != --*=* ]]; then break; fi
      word="\${word%%=*}"
      prefix="$word="
      current="\${current#*=}"
    fi
    if [[ "$values" != "-" ]]; then
      if [[ "$word" != "=" ]]; then values="-"; fi
      continue
    fi
    case "$path $word" in
      ${names}) path="$path $word" ;;
${values.join("\n")}
    esac
  done
  if [[ "$values" != "-" ]]; then
    if [[ "$current" == "=" ]]; then current=""; fi
    COMPREPLY=($(compgen -P "$prefix" -W "$values" -- "$current"))
    return
  fi
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _jmessage jmessage`;
}

/** As a file of zsh's own path it is loaded when it is first needed, and must answer then, too. */
function zshScript(nodes: readonly CompletionNode[]): string {
  return `#compdef jmessage
autoload -U +X bashcompinit && bashcompinit
${bashScript(nodes)}
if [[ "\${funcstack[1]}" == _jmessage ]]; then _bash_complete -o default -F _jmessage; fi`;
}

/** The words typed so far that name a command choose the answers, as in bash; values are none. */
function fishScript(nodes: readonly CompletionNode[]): string {
  const names = nodes.slice(1).map(({ path }) => `'${path.join(" ")}'`).join(" ");
  const wanting = nodes.flatMap(({ path, words }) =>
    words.flatMap(({ word, short, values }) =>
      values === undefined ? [] : [word, short].flatMap((flag) => {
        return flag === undefined ? [] : [`'${[...path, flag].join(" ")}'`];
      })
    )
  );
  return `function __jmessage_at
  set -l path jmessage
  set -l isvalue 0
  set -l words (commandline -opc)
  set -e words[1]
  for word in $words
    if test $isvalue = 1
      set isvalue 0
      continue
    end
    switch "$path $word"
      case ${names}
        set path "$path $word"
      case ${wanting.join(" ")}
        set isvalue 1
    end
  end
  test "$path" = "$argv"
end
complete -c jmessage -f
${nodes.flatMap(fishLines).join("\n")}`;
}

function fishLines({ path, words, takesFile = false }: CompletionNode): readonly string[] {
  const condition = `-n '__jmessage_at ${path.join(" ")}'`;
  const lines = words.map(({ word, summary, short, values }) => {
    const name = word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`;
    const letter = short === undefined ? "" : ` -s ${short.slice(1)}`;
    const value = values === undefined
      ? ""
      : values.length === 0
      ? " -r -F"
      : ` -x -a '${values.join(" ")}'`;
    return `complete -c jmessage ${condition} ${name}${letter}${value} -d '${quoted(summary)}'`;
  });
  return takesFile ? [`complete -c jmessage ${condition} -F`, ...lines] : lines;
}

function quoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}
