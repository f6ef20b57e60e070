/**
 * Shows by the real program how operators come to their token and use it: told once, never an
 * argument, changed without a moment in which nobody has one; and where it must not be found.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { PROGRAM } from "../cluster/program.ts";
import { withDirectory } from "../support/certificates.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PORTS = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];

function runner(cwd: string, servers: string) {
  return async (
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Ran> => {
    const { code, stdout, stderr } = await new Deno.Command(PROGRAM.command, {
      args: [...PROGRAM.args, "admin", ...args, "-s", servers],
      stdin: "null",
      cwd,
      env: { NO_COLOR: "1", ...env },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
}

/** Every file in a directory that has the text, byte by byte. */
async function filesWith(directory: string, text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (!isFile) continue;
    const bytes = await Deno.readFile(join(directory, name));
    if (new TextDecoder("latin1").decode(bytes).includes(text)) found.push(name);
  }
  return found;
}

Deno.test("admin token: told once by the founder, kept nowhere, taken from a file or a variable", async () => {
  await withDirectory(async (directory) => {
    const data = join(directory, "data");
    const flags = ["--data", data, ...PORTS];
    const log: string[] = [];
    const node = new NodeProcess({
      program: PROGRAM,
      flags: [...flags, "--log-level", "debug"],
      onLogLine: (line) => void log.push(line),
    });
    try {
      const { listen } = await node.ready;
      const token = await node.adminToken;
      assert.match(token, /^jma_[\w-]{43}$/);
      const run = runner(directory, listen);

      const none = await run(["status"]);
      assert.equal(none.code, 1);
      assert.match(none.stderr, /^jmessage: Cannot ask the cluster without its admin token, .*\n$/);
      assert.equal((await run(["status"], { JMESSAGE_ADMIN_TOKEN: token })).code, 0);
      assert.equal((await run(["status"], { JMESSAGE_ADMIN_TOKEN: `${token}x` })).code, 1);

      const file = join(directory, "admin.token");
      await Deno.writeTextFile(file, `${token}\n`, { mode: 0o644 });
      await Deno.chmod(file, 0o644);
      const open = await run(["digest", "--token-file", file]);
      assert.equal(open.code, 2);
      assert.match(open.stderr, /--token-file .*admin\.token: others may read .* chmod 600/);
      assert.ok(!open.stderr.includes(token));
      await Deno.chmod(file, 0o600);
      assert.equal((await run(["digest", "--token-file", file])).code, 0);

      assert.deepEqual(await filesWith(data, token), []);
      assert.ok(!log.join("\n").includes(token), "not in the log");
      assert.ok(log.length > 3);
    } finally {
      await node.end();
    }
    const again = new NodeProcess({ program: PROGRAM, flags });
    try {
      await again.ready;
      const late = new Promise((resolve) => setTimeout(() => resolve("nothing"), 300));
      assert.equal(await Promise.race([again.adminToken, late]), "nothing");
    } finally {
      await again.end();
    }
  });
});

Deno.test("admin token: rotated for everybody, by the old one or on the machine of the node", async () => {
  await withDirectory(async (directory) => {
    const data = join(directory, "jmessage-data");
    const node = new NodeProcess({ program: PROGRAM, flags: ["--data", data, ...PORTS] });
    try {
      const { listen } = await node.ready;
      const first = await node.adminToken;
      const elsewhere = join(directory, "elsewhere");
      await Deno.mkdir(elsewhere);
      const run = runner(elsewhere, listen);

      const out = join(directory, "admin.token");
      const old = { JMESSAGE_ADMIN_TOKEN: first };
      const rotated = await run(["token", "rotate", "--out", out, "--json"], old);
      assert.deepEqual([rotated.code, JSON.parse(rotated.stdout)], [0, { file: out }]);
      assert.equal(((await Deno.stat(out)).mode ?? 0) & 0o777, 0o600);
      const second = (await Deno.readTextFile(out)).trim();
      assert.equal((await run(["status"], old)).code, 1);
      assert.equal((await run(["status", "--token-file", out])).code, 0);
      // In the place of itself.
      assert.equal((await run(["token", "rotate", "--token-file", out, "--out", out])).code, 0);
      assert.notEqual((await Deno.readTextFile(out)).trim(), second);
      assert.equal((await run(["status"], { JMESSAGE_ADMIN_TOKEN: second })).code, 1);
      assert.equal((await run(["status", "--token-file", out])).code, 0);

      // It was lost: whoever may read the data directory gets another one.
      const local = join(data, "local-token");
      assert.equal(((await Deno.stat(local)).mode ?? 0) & 0o777, 0o600);
      const printed = await run(["token", "rotate", "--data", data, "--json"]);
      const third: string = JSON.parse(printed.stdout).token;
      assert.match(third, /^jma_[\w-]{43}$/);
      assert.equal((await run(["status"], { JMESSAGE_ADMIN_TOKEN: third })).code, 0);
      assert.equal((await run(["status", "--token-file", out])).code, 1);
      // In the directory that a node has by default it is found without a word.
      assert.equal((await runner(directory, listen)(["status"])).code, 0);
      const nobody = await run(["status", "--data", elsewhere]);
      assert.deepEqual([nobody.code, /no node runs there/.test(nobody.stderr)], [2, true]);
      node.kill("SIGTERM");
      assert.deepEqual(await node.exited, { code: 0, signal: null });
      await assert.rejects(Deno.stat(local), Deno.errors.NotFound);
    } finally {
      await node.end();
    }
  });
});
