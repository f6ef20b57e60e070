/**
 * Shows what becomes of the real program when nobody reads its output, or nothing takes it.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { connect } from "../../src/rpc/client.ts";
import { readLocalToken } from "../../src/node/local_token.ts";
import { until } from "../cluster/wait.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const ARGS = ["run", "--allow-all", CLI];
const NODE = ["node", "--json", "--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];

/** A start of the program whose reader leaves after the first line, and does not hear its log. */
async function leftAfterOneLine(
  args: readonly string[],
  { env = {}, input = "" }: { env?: Record<string, string>; input?: string } = {},
): Promise<{ readonly child: Deno.ChildProcess; readonly line: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...ARGS, ...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  await child.stderr.cancel();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { done, value } = await reader.read();
    assert.ok(!done, "it ended before its first line");
    line += value;
  }
  await reader.cancel();
  return { child, line: line.slice(0, line.indexOf("\n")) };
}

/** Runs `test` with a directory and a node whose reader has left; the node is ended after it. */
async function withNode(
  test: (directory: string, node: { child: Deno.ChildProcess; line: string }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-output-test-" });
  const node = await leftAfterOneLine([...NODE, "--data", `${directory}/a`, "--id", "a"]);
  try {
    await test(directory, node);
    process.kill(node.child.pid, "SIGTERM");
    assert.equal((await node.child.status).code, 0);
  } finally {
    await end(node.child);
    await Deno.remove(directory, { recursive: true });
  }
}

/** The local token of the node that runs in `directory`. */
async function tokenIn(directory: string): Promise<string> {
  const token = await readLocalToken(directory);
  assert.ok(token !== null);
  return token;
}

async function statusAt(address: string, token: string) {
  const member = connect(address);
  try {
    const signal = AbortSignal.timeout(5_000);
    return await member.status({}, { deadlineMs: Date.now() + 5_000, signal, token });
  } finally {
    member.close();
  }
}

async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    process.kill(child.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
  await child.status;
}

Deno.test("output: a node lives on when nobody reads its events and its log", async () => {
  await withNode(async (directory, { line }) => {
    const { listen, peerListen } = JSON.parse(line);
    const joined = await leftAfterOneLine([
      ...[...NODE, "--data", `${directory}/b`, "--id", "b", "--join", peerListen],
    ]);
    const deadlineMs = Date.now() + 20_000;
    const token = await tokenIn(`${directory}/a`);
    const cluster = new AdminCluster([listen], { connect, deadlineMs, token });
    try {
      await cluster.onLeader((api, context) => api.transferLeadership({ to: "b" }, context));
      // Each of these is an event, and a line of the log, that nobody hears.
      const follows = async () => (await statusAt(listen, token)).leader === "b";
      await until(follows, { what: "the first node to follow the second", ms: 10_000 });
    } finally {
      cluster.close();
      await end(joined.child);
    }
  });
});

Deno.test("output: what was to be sent is sent, though nobody reads what becomes of it", async () => {
  await withNode(async (directory, { line }) => {
    const env = {
      JMESSAGE_SERVERS: JSON.parse(line).listen,
      JMESSAGE_STATE_DIR: `${directory}/state`,
      JMESSAGE_PASSWORD: "a long password",
    };
    const run = (...args: string[]) =>
      new Deno.Command(Deno.execPath(), { args: [...ARGS, ...args], env, stdin: "null" }).output();
    assert.equal((await run("chat", "register", "-u", "ann")).code, 0);
    const input = "one\ntwo\nthree\n";
    const { child } = await leftAfterOneLine(["chat", "-u", "ann", "send", "ann", "-"], {
      env,
      input,
    });
    assert.equal((await child.status).code, 0);
    const inbox = await run("chat", "-u", "ann", "inbox", "--json");
    const bodies = new TextDecoder().decode(inbox.stdout).trim().split("\n")
      .map((text) => JSON.parse(text).body);
    assert.deepEqual(bodies, ["one", "two", "three"]);
  });
});

Deno.test("output: a full disk behind stdout is one line and a failure", async () => {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$0" "$@" >/dev/full', Deno.execPath(), ...ARGS, "completions", "bash"],
    stdin: "null",
    stderr: "piped",
  }).output();
  assert.equal(code, 1);
  assert.match(
    new TextDecoder().decode(stderr),
    /^jmessage: Cannot write the result to stdout: .*; make room, or write elsewhere\n$/,
  );
});
