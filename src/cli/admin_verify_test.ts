/**
 * Shows what `admin verify` says of a whole directory and of a damaged one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { verifyCommand } from "./admin_verify.ts";
import { newCommand } from "./command.ts";
import { runProgram } from "./program.ts";
import { withStoppedNode } from "./stopped_test_node.ts";

async function trial(...args: string[]) {
  const json: object[] = [];
  const lines: string[] = [];
  const errors: string[] = [];
  const load = () => {
    const group = newCommand("admin", "look after a cluster", { example: "jmessage admin" });
    const output = {
      line: (text: string) => void lines.push(text),
      json: (value: object) => void json.push(value),
      remark() {},
    };
    return Promise.resolve(group.addCommand(verifyCommand({ output })));
  };
  const code = await runProgram(["admin", "verify", ...args], {
    commands: [{ name: "admin", summary: "look after a cluster", load }],
    onError: (line) => void errors.push(line),
  });
  return { code, json, text: lines.join("\n"), errors };
}

Deno.test("admin verify: a whole directory, for people and for programs", async () => {
  await withStoppedNode(async (path) => {
    const { code, text } = await trial("--data", path);
    assert.equal(code, 0);
    assert.match(text, /^log {6}ends at index 1\nstate {4}applied up to 0, digest [0-9a-f]{64}\n/);
    assert.match(text, /\nstopped {2}last: it can start alone\nwhole {4}every row is what/);
    const { json: [found] } = await trial("--data", path, "--json");
    const { digest, ...others } = found as Record<string, unknown>;
    assert.match(String(digest), /^[0-9a-f]{64}$/);
    assert.deepEqual(others, {
      ok: true,
      lastIndex: 1,
      appliedIndex: 0,
      stoppedLast: true,
      problems: [],
    });
  });
});

Deno.test("admin verify: of a log that cannot be read nothing is claimed", async () => {
  await withStoppedNode(async (path) => {
    await Deno.writeFile(`${path}/log.db`, new Uint8Array(8_192).fill(7));
    const { code, text } = await trial("--data", path);
    assert.equal(code, 1);
    const found = "log      cannot be read\nstate    not known without the log\n" +
      "stopped  not known: the log does not say who the voters were\n" +
      "damaged  Cannot use log.db: it is damaged or no database";
    assert.equal(text, found);
    const { json: [told] } = await trial("--data", path, "--json");
    assert.equal((told as { stoppedLast: boolean | null }).stoppedLast, null);
  });
});

Deno.test("admin verify: a state that is missing beside a whole log needs nobody", async () => {
  await withStoppedNode(async (path) => {
    await Deno.remove(`${path}/chat-1.db`);
    const { code, text } = await trial("--data", path);
    assert.equal(code, 0);
    assert.match(text, /\nstate {4}missing: a node that starts here makes it again from the log\n/);
    assert.match(text, /\nwhole {4}the log is as it was written/);
  });
});

Deno.test("admin verify: nobody is told to start a node on what a node set aside", async () => {
  await withStoppedNode(async (path) => {
    const aside = `${path}/damaged-20261128164931`;
    await Deno.mkdir(aside);
    for (const name of ["log.db", "chat-1.db"]) {
      await Deno.rename(`${path}/${name}`, `${aside}/${name}`);
    }
    await Deno.writeFile(`${aside}/chat-1.db`, new Uint8Array(8_192).fill(7));
    // However it is written: by a shell's completion, too.
    for (const data of [aside, `${aside}/`]) {
      const { code, errors } = await trial("--data", data);
      assert.equal(code, 1);
      assert.match(errors.join("\n"), /\(1 problem\): a node has set it aside .+ start none on it/);
      assert.doesNotMatch(errors.join("\n"), /start the node/);
    }
  });
});

Deno.test("admin verify: a damaged directory is exit code 1, and says what to do", async () => {
  await withStoppedNode(async (path) => {
    await Deno.writeFile(`${path}/chat-1.db`, new Uint8Array(8_192).fill(7));
    const { code, text, errors } = await trial("--data", path);
    assert.equal(code, 1);
    assert.match(text, /\ndamaged {2}Cannot use chat-1\.db: it is damaged/);
    assert.match(
      errors.join("\n"),
      /^jmessage: The data directory .* is damaged \(1 problem\): start the node while/,
    );
    const { json: [found] } = await trial("--data", path, "--json");
    assert.equal((found as { ok: boolean }).ok, false);
  });
});
