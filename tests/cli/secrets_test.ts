/**
 * Where secrets must not be found, by the real program: its log, its arguments, its files, and the
 * flags that it has at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { commands } from "../../src/cli/commands.ts";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { PROGRAM } from "../cluster/program.ts";
import { withDirectory } from "../support/certificates.ts";

const PASSWORD = "a password of words";
const SECRET = "0123456789abcdef0123456789abcdef";

/** Every file below a directory. */
async function* filesIn(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) yield* filesIn(path);
    else yield path;
  }
}

async function run(args: readonly string[], env: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(PROGRAM.command, {
    args: [...PROGRAM.args, ...args],
    stdin: "null",
    env,
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout) + decoder.decode(stderr);
  assert.equal(code, 0, said);
  return said;
}

Deno.test("secrets: none is in the log, in arguments, in what is printed, or in a file that others read", async () => {
  await withDirectory(async (directory) => {
    const secretFile = join(directory, "cluster.secret");
    await Deno.writeTextFile(secretFile, SECRET);
    await Deno.chmod(secretFile, 0o600);
    // A directory that was there, and is open to others.
    const data = join(directory, "data");
    await Deno.mkdir(data);
    await Deno.writeTextFile(join(data, "mine.txt"), "mine");
    await Deno.chmod(data, 0o755);
    const log: string[] = [];
    const node = new NodeProcess({
      program: PROGRAM,
      flags: [
        ...["--data", data, "--cluster-secret-file", secretFile, "--log-level", "debug"],
        ...["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0", "--original-api"],
      ],
      onLogLine: (line) => void log.push(line),
    });
    try {
      const { listen } = await node.ready;
      const adminToken = await node.adminToken;
      const state = join(directory, "state");
      const env = { JMESSAGE_STATE_DIR: state, JMESSAGE_SERVERS: listen };
      const own = { ...env, JMESSAGE_PASSWORD: PASSWORD };
      const printed = [
        await run(["chat", "-u", "ann", "register"], own),
        await run(["chat", "-u", "ann", "send", "ann", "hello"], env),
        await run(["chat", "-u", "ann", "sessions"], env),
        await run(["admin", "status"], { ...env, JMESSAGE_ADMIN_TOKEN: adminToken }),
        await run(["admin", "backup", join(directory, "a.backup")], {
          ...env,
          JMESSAGE_ADMIN_TOKEN: adminToken,
        }),
      ];
      const kept: string[] = [];
      for await (const path of filesIn(state)) kept.push(await Deno.readTextFile(path));
      const token = /"token":"([\w-]{43})"/.exec(kept.join())?.[1] ?? "";
      assert.notEqual(token, "");
      const local = (await Deno.readTextFile(join(data, "local-token"))).trim();

      const secrets = { PASSWORD, SECRET, adminToken, token, local };
      const shown = new Map([
        ["log", log.join("\n")],
        ["printed", printed.join("\n")],
        ["arguments", await Deno.readTextFile(`/proc/${node.pid}/cmdline`).catch(() => "")],
      ]);
      for (const path of [...(await Array.fromAsync(filesIn(data))), join(directory, "a.backup")]) {
        if (path.endsWith("local-token")) continue;
        shown.set(path, new TextDecoder("latin1").decode(await Deno.readFile(path)));
      }
      for (const [where, text] of shown) {
        for (const [what, secret] of Object.entries(secrets)) {
          assert.ok(!text.includes(secret), `${what} is in ${where}`);
        }
      }
      for await (const path of filesIn(directory)) {
        if (path.endsWith("mine.txt")) continue;
        const mode = (await Deno.stat(path)).mode ?? 0;
        assert.equal(mode & 0o077, 0, `${path} has mode ${(mode & 0o777).toString(8)}`);
      }
    } finally {
      await node.end();
    }
  });
});

Deno.test("secrets: no flag takes one, as everybody on the machine reads arguments", async () => {
  const found: string[] = [];
  const look = (command: CommandUnknownOpts) => {
    for (const { long, required, optional } of command.options) {
      const isSecret = /password|token|secret|key/.test(long ?? "");
      if (isSecret && (required || optional)) found.push(long ?? "");
    }
    command.commands.forEach(look);
  };
  for (const command of commands) look(await command.load());
  // All of these name files.
  assert.deepEqual([...new Set(found)].sort(), [
    "--cluster-secret-file",
    "--peer-tls-key",
    "--tls-key",
    "--token-file",
  ]);
});
