/**
 * Shows, by the real program, that a result which cannot be written is a failure, that a new admin
 * token is not in force before it is where its reader finds it, and that the loss of a new cluster's
 * is told. Owns no node's full disk (see `disk_test.ts`): here it is the one behind stdout.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { inDirectory } from "../storage/temporary.ts";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";

interface Ran {
  readonly code: number;
  readonly stderr: string;
}

/** Runs the program with its stdout going where `redirection` of a shell says. */
async function run(
  args: readonly string[],
  { redirection = ">/dev/full", env = {} }: {
    readonly redirection?: string;
    readonly env?: Record<string, string>;
  } = {},
): Promise<Ran> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", `exec "$0" "$@" ${redirection}`, PROGRAM.command, ...PROGRAM.args, ...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

const LINE =
  /^jmessage: Cannot write the result to stdout: .*\b[Nn]o space left.*; make room, or write elsewhere\n$/;

async function fails(args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const { code, stderr } = await run(args, { env });
  assert.equal(code, 1, args.join(" "));
  assert.match(stderr, LINE);
}

Deno.test("full disk: help, version and what a command prints are not lost in silence", async () => {
  const simulation = ["simulate", "--runs", "1", "--jobs", "1", "--json"];
  const commands = [["--help"], ["chat", "--help"], ["--version"], ["completions", "bash"]];
  for (const args of [...commands, simulation]) await fails(args);
});

Deno.test("full disk: a founder whose token nobody could read says so, goes on, and gets another", async () => {
  for (const format of ["text", "json"]) {
    await inDirectory(async (directory) => {
      const data = join(directory, "data");
      const ports = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
      const flags = ["node", "--data", data, ...ports, "--json", "--log-format", format];
      const node = new Deno.Command("sh", {
        args: ["-c", `exec "$0" "$@" >/dev/full`, PROGRAM.command, ...PROGRAM.args, ...flags],
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      try {
        const line = await lineWith(node.stderr, "admin token");
        assert.match(line, / error The admin token|"level":"error"/);
        const advice = /jmessage (admin token rotate --data \S+ -s \S+) makes another/;
        const [, command = ""] = advice.exec(line) ?? [];
        const rotated = await run(command.split(" "), { redirection: ">/dev/null" });
        assert.deepEqual(rotated, { code: 0, stderr: "" });
      } finally {
        node.kill("SIGTERM");
        assert.equal((await node.status).code, 0);
      }
    });
  }
});

/** The first line of a stream that has a text in it; the rest is read, too, and dropped. */
async function lineWith(stream: ReadableStream<Uint8Array>, text: string): Promise<string> {
  let all = "";
  const line = () => all.split("\n").slice(0, -1).find((one) => one.includes(text));
  void (async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) all += part;
  })();
  await until(() => line() !== undefined, { what: text, ms: 20_000 });
  return line() ?? "";
}

Deno.test("full disk: neither is a history, nor is a token changed that nobody could read", async () => {
  await inDirectory(async (directory) => {
    const ports = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
    const flags = ["--data", join(directory, "data"), ...ports];
    const node = new NodeProcess({ program: PROGRAM, flags });
    try {
      const { listen } = await node.ready;
      const env = {
        JMESSAGE_SERVERS: listen,
        JMESSAGE_STATE_DIR: join(directory, "state"),
        JMESSAGE_USER: "ann",
        JMESSAGE_PASSWORD: "a long password",
        JMESSAGE_ADMIN_TOKEN: await node.adminToken,
      };
      const elsewhere = { redirection: ">/dev/null", env };
      for (const args of [["chat", "register"], ["chat", "send", "ann", "hello"]]) {
        assert.equal((await run(args, elsewhere)).code, 0);
      }
      await fails(["chat", "history", "ann", "--json"], env);

      for (const json of [[], ["--json"]]) {
        await fails(["admin", "token", "rotate", ...json], env);
        assert.equal((await run(["admin", "status"], elsewhere)).code, 0, "the old one holds");
      }
    } finally {
      await node.end();
    }
  });
});
