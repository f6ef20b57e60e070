/**
 * Shows how command lines become exit codes and one line of error, with made-up commands.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { ChatError } from "../errors.ts";
import { type LazyCommand, newCommand } from "./command.ts";
import { completionNodes, completionsCommand } from "./completions.ts";
import { parseInteger } from "./options.ts";
import { runProgram } from "./program.ts";
import { version, versionText } from "./version.ts";

interface Trial {
  readonly code: number;
  readonly errors: readonly string[];
  readonly seen: readonly object[];
}

/** As {@linkcode trial}, with variables set meanwhile. */
async function trialWith(variables: Record<string, string>, args: string[]): Promise<Trial> {
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    return await trial(args);
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(name);
  }
}

/** Runs a program with one group, `fruit`, whose `eat` records its flags. */
async function trial(args: readonly string[]): Promise<Trial> {
  const seen: object[] = [];
  const errors: string[] = [];
  const load = () => {
    const group = newCommand("fruit", "look after fruit", { example: "jmessage fruit eat" });
    group.addCommand(
      newCommand("eat", "eat some", { example: "jmessage fruit eat --how-many 3" })
        .option("--how-many <n>", "how many", parseInteger(1, 9), 1)
        .option("--peeled", "peel them first")
        .action((flags) => void seen.push(flags)),
    );
    group.addCommand(
      newCommand("basket", "look into it", { example: "jmessage fruit basket" })
        .action(() => {})
        .addCommand(newCommand("fill", "fill it", { example: "jmessage fruit basket fill" })),
    );
    group.addCommand(
      newCommand("juice", "about juice", { example: "jmessage fruit juice" }).addCommand(
        newCommand("press", "press it", { example: "jmessage fruit juice press" })
          .action(() => {}),
        { isDefault: true },
      ),
    );
    group.addCommand(
      newCommand("burn", "burn it", { example: "jmessage fruit burn --surely" })
        .requiredOption("--surely", "it is gone then")
        .action((flags) => void seen.push(flags)),
    );
    group.addCommand(
      newCommand("drop", "drop one", { example: "jmessage fruit drop" }).action(() => {
        throw new ChatError("NO_LEADER", "Cannot drop as nobody leads;\n\x1b[31mtry again");
      }),
    );
    return Promise.resolve(group);
  };
  const commands: LazyCommand[] = [
    { name: "fruit", summary: "look after fruit", load },
    {
      name: "broken",
      summary: "never loaded by the others",
      load: () => Promise.reject(new Error("was loaded")),
    },
  ];
  const onError = (line: string) => void errors.push(line);
  return { code: await runProgram(args, { commands, onError }), errors, seen };
}

Deno.test("program: runs the command it is asked for, and loads no other", async () => {
  const { code, errors, seen } = await trial(["fruit", "eat", "--how-many", "3"]);
  assert.deepEqual([code, errors], [0, []]);
  assert.deepEqual(seen, [{ howMany: 3 }]);
});

Deno.test("program: every flag has a variable, and the flag wins over it", async () => {
  const variables = { JMESSAGE_HOW_MANY: "4", JMESSAGE_PEELED: "1" };
  const { seen } = await trialWith(variables, ["fruit", "eat"]);
  assert.deepEqual(seen, [{ howMany: 4, peeled: true }]);
  const off = { ...variables, JMESSAGE_PEELED: "0" };
  const both = await trialWith(off, ["fruit", "eat", "--how-many=5"]);
  assert.deepEqual(both.seen, [{ howMany: 5, peeled: false }]);
});

Deno.test("program: a flag that must be given is not given by a variable that says no", async () => {
  for (const no of ["0", "", "false", "No", "off"]) {
    const { code, errors, seen } = await trialWith({ JMESSAGE_SURELY: no }, ["fruit", "burn"]);
    assert.deepEqual([code, seen], [2, []], `JMESSAGE_SURELY=${no}`);
    assert.match(errors[0] ?? "", /required option '--surely' not specified/);
  }
  const yes = await trialWith({ JMESSAGE_SURELY: "1" }, ["fruit", "burn"]);
  assert.deepEqual(yes.seen, [{ surely: true }]);
  const both = await trialWith({ JMESSAGE_SURELY: "0" }, ["fruit", "burn", "--surely"]);
  assert.deepEqual(both.seen, [{ surely: true }]);
});

Deno.test("program: misuse is one line that names the help, and exit code 2", async () => {
  const cases: [string[], RegExp][] = [
    [
      ["fruit", "eat", "--how-many", "x"],
      /whole number from 1 to 9.*see jmessage fruit eat --help$/,
    ],
    [["fruit", "eat", "--peel"], /unknown option '--peel'.*Did you mean --peeled/],
    [["fruit", "eat", "more"], /too many arguments/],
    [["fruit", "cook"], /unknown command 'cook'/],
    [
      ["fruit", "basket", "burn", "it"],
      /^jmessage: Cannot run jmessage fruit basket: unknown command 'burn' \(commands: fill\); see /,
    ],
    [
      ["fruit", "juice", "boil"],
      /^jmessage: Cannot run jmessage fruit juice: unknown command 'boil' \(commands: press\); see /,
    ],
    [["fruit", "juice", "press", "it"], /juice press: too many arguments for 'press'/],
    [["vegetable"], /unknown command 'vegetable'/],
    [["fruit"], /^jmessage: Cannot run jmessage fruit without a command; see/],
    [[], /^jmessage: Cannot run jmessage without a command; see jmessage --help$/],
  ];
  for (const [args, pattern] of cases) {
    const { code, errors } = await trial(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", pattern);
    assert.ok(!(errors[0] ?? "").includes("\n"));
  }
});

Deno.test("program: a variable with a bad value is misuse too", async () => {
  const { code, errors } = await trialWith({ JMESSAGE_HOW_MANY: "many" }, ["fruit", "eat"]);
  assert.equal(code, 2);
  assert.match(errors[0] ?? "", /JMESSAGE_HOW_MANY/);
});

Deno.test("program: a switch's variable says yes or no, and no other word is taken for a yes", async () => {
  for (const yes of ["1", "true", "Yes", "ON"]) {
    const { seen } = await trialWith({ JMESSAGE_SURELY: yes }, ["fruit", "burn"]);
    assert.deepEqual(seen, [{ surely: true }], yes);
  }
  for (const word of ["n", "nope", "disabled", "None", "2", " 1"]) {
    const { code, errors, seen } = await trialWith({ JMESSAGE_SURELY: word }, ["fruit", "burn"]);
    assert.deepEqual([code, seen], [2, []], word);
    assert.deepEqual(errors, [
      `jmessage: Cannot run jmessage fruit burn: value '${word}' of JMESSAGE_SURELY is invalid. ` +
      "Must be one of 1, true, yes, on or 0, false, no, off; see jmessage fruit burn --help",
    ]);
  }
  const other = await trialWith({ JMESSAGE_SURELY: "nope" }, ["fruit", "eat"]);
  assert.equal(other.code, 0, "another command's variable does not stop it");
});

Deno.test("program: a failure is one printable line, and exit code 1", async () => {
  const { code, errors } = await trial(["fruit", "drop"]);
  assert.equal(code, 1);
  assert.deepEqual(errors, [
    "jmessage: Cannot drop as nobody leads;\\n\\u{1b}[31mtry again",
  ]);
});

Deno.test("program: the version is the package's", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.equal(version, config.version);
});

Deno.test("version: begins with the program's, and names commit, runtime and libraries", () => {
  const lines = versionText().split("\n");
  assert.equal(lines[0], `jmessage ${version}`);
  assert.deepEqual(lines.slice(1, 3), [
    "commit   source",
    `runtime  Deno ${Deno.version.deno}, ${Deno.build.os} ${process.arch}`,
  ]);
  assert.match(lines[3] ?? "", /^with +libsql \d+\.\d+\.\d+, @grpc\/grpc-js \d+\.\d+\.\d+, /);
  globalThis.JMESSAGE_COMMIT = "0123456789ab";
  try {
    assert.match(versionText(), /^commit {3}0123456789ab$/m);
  } finally {
    globalThis.JMESSAGE_COMMIT = undefined;
  }
});

Deno.test("completions: know every command and flag of the tree", async () => {
  const fruit = {
    name: "fruit",
    summary: "look after fruit",
    load: () => {
      const group = newCommand("fruit", "look after fruit", { example: "jmessage fruit" });
      group.addCommand(
        newCommand("eat", "eat some", { example: "jmessage fruit eat" }).option(
          "--raw",
          "it's raw",
        ),
      );
      return Promise.resolve(group);
    },
  };
  const nodes = await completionNodes([fruit]);
  assert.deepEqual(nodes.map(({ path }) => path.join(" ")), [
    "jmessage",
    "jmessage fruit",
    "jmessage fruit eat",
  ]);
  for (const shell of ["bash", "zsh", "fish"]) {
    const lines: string[] = [];
    const output = { line: (text: string) => void lines.push(text), json() {}, remark() {} };
    await completionsCommand([fruit], output).parseAsync([shell], { from: "user" });
    assert.match(lines.join("\n"), /fruit/);
    assert.match(lines.join("\n"), /raw/);
  }
});
