/**
 * Shows what the completion scripts answer, in the shells that are installed here.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { newCommand } from "./command.ts";
import { completionsCommand } from "./completions.ts";

/** `jmessage fruit` with `eat` and `peel`, a flag of its own for a name and one with choices. */
function fruit() {
  const group = newCommand("fruit", "look after fruit", { example: "jmessage fruit" })
    .option("-n, --name <name>", "whose it is");
  const eat = newCommand("eat", "eat some", { example: "jmessage fruit eat" });
  eat.addOption(eat.createOption("--how <how>", "in what way").choices(["raw", "cooked"]));
  group.addCommand(eat);
  group.addCommand(newCommand("peel", "peel some", { example: "jmessage fruit peel" }));
  return Promise.resolve(group);
}

async function scriptFor(shell: string): Promise<string> {
  const lines: string[] = [];
  const output = { line: (text: string) => void lines.push(text), json() {}, remark() {} };
  const commands = [{ name: "fruit", summary: "look after fruit", load: fruit }];
  await completionsCommand(commands, output).parseAsync([shell], { from: "user" });
  return lines.join("\n");
}

/** How each shell is asked what may stand in the place of the last word. */
const ASK = {
  bash: `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _jmessage; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // As its \`_bash_complete\` does, outside of a completion.
  zsh: `words=("$@"); CURRENT=$#; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    compgen -F _jmessage -- "\${words[CURRENT]}"`,
  fish: `complete -C "$argv"`,
} as const;

const START = {
  bash: ["--norc", "-c"],
  zsh: ["-f", "-c"],
  fish: ["--no-config", "-c"],
} as const;

const SHELLS = ["bash", "zsh", "fish"] as const;

const isInstalled = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

for (const shell of SHELLS) {
  Deno.test({
    name: `completions: the value of a flag is no command, in ${shell}`,
    ignore: !isInstalled(shell),
    fn: () => check(shell),
  });
}

async function check(shell: typeof SHELLS[number]): Promise<void> {
  const script = `${await scriptFor(shell)}\n${ASK[shell]}`;
  /** The commands and values that are offered, no flags. */
  const answers = (...typed: string[]) => {
    const words = ["jmessage", ...typed];
    const given = shell === "fish" ? [words.join(" ")] : [shell, ...words];
    const { stdout } = spawnSync(shell, [...START[shell], script, ...given], { encoding: "utf8" });
    const offered = stdout.split("\n").map((line) => line.split("\t")[0] ?? "");
    // Of what zsh is offered, it takes itself what fits.
    const last = typed.at(-1) ?? "";
    const fitting = offered.filter((word) => word.startsWith(last === "=" ? "" : last));
    return fitting.filter((word) => word !== "" && !/^-[^=]*$/.test(word)).sort();
  };
  assert.deepEqual(answers("fruit", ""), ["eat", "peel"]);
  assert.deepEqual(answers("fruit", "-n", "amy", "p"), ["peel"]);
  assert.deepEqual(answers("fruit", "--name", "eat", ""), ["eat", "peel"]);
  assert.deepEqual(answers("fruit", "-n", "eat", ""), ["eat", "peel"]);
  assert.deepEqual(answers("fruit", "--name", "eat", "eat", "--how", ""), ["cooked", "raw"]);
  assert.deepEqual(answers("fruit", "eat", "--how", "raw", "--how", "c"), ["cooked"]);
  // zsh and fish take `--flag=value` for one word, as bash does where it is told to.
  assert.deepEqual(answers("fruit", "eat", "--how="), ["--how=cooked", "--how=raw"]);
  assert.deepEqual(answers("fruit", "eat", "--how=r"), ["--how=raw"]);
  assert.deepEqual(answers("fruit", "--name=eat", "eat", "--how=r"), ["--how=raw"]);
  if (shell !== "bash") return;
  // It takes `--flag=value` for three words.
  assert.deepEqual(answers("fruit", "--name", "=", "eat", ""), ["eat", "peel"]);
  assert.deepEqual(answers("fruit", "eat", "--how", "="), ["cooked", "raw"]);
  assert.deepEqual(answers("fruit", "eat", "--how", "=", "r"), ["raw"]);
}
