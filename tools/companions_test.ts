/**
 * Shows that what lies beside the executables is what the program is now: the manual page has every
 * command and flag, bash completes them, systemd understands the unit, and the hashes are those of
 * the files.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { newCommand } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands.ts";
import { completionNodes } from "../src/cli/completions.ts";
import { limits } from "../src/limits.ts";
import { inDirectory } from "../tests/storage/temporary.ts";
import { writeCompanions, writeSums } from "./companions.ts";
import { manPage } from "./man_page.ts";

/** What a program says about a file, or `null` where there is no such program. */
async function askAbout(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const output = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.equal(output.code, 0, text(output.stderr));
    return text(output.stdout) + text(output.stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

Deno.test("companions: the manual page has every command, flag and variable, and no mistake", async () => {
  await inDirectory(async (directory) => {
    await writeCompanions(directory, { date: "2026-01-31" });
    const path = join(directory, "jmessage.1");
    const page = await Deno.readTextFile(path);
    assert.match(page, /^\.TH JMESSAGE 1 "2026-01-31" "jmessage \d/);
    for (const { path: command, words } of await completionNodes(commands)) {
      const heading = `\n.SS "${command.join(" ").replaceAll("-", "\\-")} `;
      assert.ok(command.length === 1 || page.includes(heading), heading);
      for (const { word } of words) {
        if (word === "--help") continue;
        assert.ok(page.includes(word.replaceAll("-", "\\-")), `${command.join(" ")} ${word}`);
      }
    }
    assert.ok(page.includes(".RB ( JMESSAGE_PEER_LISTEN )"));
    assert.ok(page.includes("jmessage node \\-\\-data data/a"), "examples");
    assert.equal(await askAbout("groff", ["-man", "-ww", "-z", path]) ?? "", "");
  });
});

Deno.test("companions: nothing that a command says is a macro of the manual page", async () => {
  const load = () => {
    const command = newCommand("odd", "end\n.SH here", { example: ".SH\n'br \\fB" });
    return Promise.resolve(command.option('--a-"b" <n>', ".nf \\n(.g"));
  };
  const page = await manPage([{ name: "odd", summary: "odd", load }], { date: "" });
  const known = new Set(["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "ENVIRONMENT"]);
  const headings = [...page.matchAll(/^\.SH (.*)$/gm)].map(([, name = ""]) => name);
  assert.deepEqual(headings.filter((name) => !known.has(name)), ["EXIT STATUS", "FILES"]);
  assert.ok(!/^'/m.test(page));
  assert.ok(page.includes("\n\\&.nf \\en(.g.\n"), page);
});

Deno.test("companions: bash completes commands, commands below them, and flags", async () => {
  await inDirectory(async (directory) => {
    await writeCompanions(directory, { date: "" });
    const answers = async (...words: string[]) => {
      const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _jmessage
        echo "\${COMPREPLY[@]}"`;
      const path = join(directory, "completions", "jmessage.bash");
      return (await askAbout("bash", ["-c", script, path, ...words]))?.trim();
    };
    assert.equal(await answers("jmessage", "ad"), "admin");
    assert.equal(await answers("jmessage", "admin", "rem"), "remove");
    assert.equal(await answers("jmessage", "node", "--data", "x", "--peer-l"), "--peer-listen");
    assert.equal(await answers("jmessage", "node", "--quorum", ""), "all majority");
    assert.equal(await answers("jmessage", "completions", "z"), "zsh");
    // Names of files, by the shell's own doing: no command is a user or a directory.
    assert.equal(await answers("jmessage", "node", "--data", ""), "");
    assert.equal(await answers("jmessage", "chat", "-u", ""), "");
    assert.equal(await answers("jmessage", "chat", "send", "--us"), "--user");
  });
});

Deno.test("companions: fish completes the same, by where in the commands it stands", async () => {
  await inDirectory(async (directory) => {
    await writeCompanions(directory, { date: "" });
    const script = join(directory, "completions", "jmessage.fish");
    await Deno.writeTextFile(join(directory, "monday.backup"), "");
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ["jmessage admin st", ["status"]],
      // Not the commands around it, too.
      ["jmessage admin certs ", ["init", "issue"]],
      ["jmessage chat send ", []],
      // A value that is the name of a command is none.
      ["jmessage chat -u send sess", ["sessions"]],
      ["jmessage chat send bob --id", ["--id"]],
      ["jmessage chat send --us", ["--user"]],
      ["jmessage node --quorum ", ["all", "majority"]],
      ["jmessage completions ", ["bash", "fish", "zsh"]],
      [`jmessage admin restore ${directory}/mon`, [`${directory}/monday.backup`]],
    ];
    for (const [line, expected] of cases) {
      const words = ["-N", "-c", `source "$argv[1]"; complete -C "$argv[2]"`, script, line];
      const answer = await askAbout("fish", words);
      if (answer === null) return console.log("No fish here: its completions were not run.");
      const found = answer.split("\n").filter((text) => text !== "");
      assert.deepEqual(found.map((text) => text.split("\t")[0]), expected, line);
    }
  });
});

Deno.test("companions: systemd understands the unit, which leaves time for an orderly stop", async () => {
  await inDirectory(async (directory) => {
    await writeCompanions(directory, { date: "" });
    const path = join(directory, "jmessage.service");
    const unit = await Deno.readTextFile(path);
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
    assert.ok(seconds * 1000 > limits.shutdownMsMax, "it is not killed while it hands over");
    // The program is not installed where this runs.
    const installed = unit.replace(/^ExecStart=\S+/m, `ExecStart=${Deno.execPath()}`);
    await Deno.writeTextFile(path, installed);
    assert.equal(await askAbout("systemd-analyze", ["verify", "--man=no", path]) ?? "", "");
  });
});

Deno.test("companions: what packaging/ has lies there as it is", async () => {
  await inDirectory(async (directory) => {
    await writeCompanions(directory, { date: "" });
    const packaging = new URL("../packaging/", import.meta.url);
    const names = [...Deno.readDirSync(packaging)].map(({ name }) => name);
    assert.ok(names.includes("jmessage.rules.yml") && names.includes("jmessage-dashboard.json"));
    for (const name of names) {
      const copy = await Deno.readFile(join(directory, name));
      assert.deepEqual(copy, await Deno.readFile(new URL(name, packaging)), name);
    }
  });
});

Deno.test("companions: the hashes are those of all files, by name", async () => {
  await inDirectory(async (directory) => {
    await Deno.mkdir(join(directory, "sub"));
    await Deno.writeTextFile(join(directory, "b"), "of b");
    await Deno.writeTextFile(join(directory, "sub", "a"), "of a");
    for (let times = 2; times > 0; times--) await writeSums(directory);
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    assert.equal(
      await Deno.readTextFile(join(directory, "SHA256SUMS")),
      `${hash("of b")}  b\n${hash("of a")}  sub/a\n`,
    );
  });
});
