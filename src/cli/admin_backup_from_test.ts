/**
 * Shows what `admin backup --from` says of a stopped node; what is in such a backup is shown by
 * `tests/storage/stopped_node_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { backupCommand } from "./admin_backup.ts";
import { newCommand } from "./command.ts";
import { runProgram } from "./program.ts";
import { withStoppedNode } from "./stopped_test_node.ts";

async function trial(...args: string[]) {
  const json: object[] = [];
  const [lines, remarks, errors]: [string[], string[], string[]] = [[], [], []];
  const output = {
    line: (text: string) => void lines.push(text),
    json: (value: object) => void json.push(value),
    remark: (text: string) => void remarks.push(text),
  };
  const connect = () => assert.fail("no cluster is asked");
  const load = () => {
    const group = newCommand("admin", "look after a cluster", { example: "jmessage admin" });
    return Promise.resolve(group.addCommand(backupCommand({ output, connect })));
  };
  const code = await runProgram(["admin", "backup", ...args], {
    commands: [{ name: "admin", summary: "look after a cluster", load }],
    onError: (line) => void errors.push(line),
  });
  return { code, json, text: lines.join("\n"), remarks, errors };
}

Deno.test("admin backup --from: a stopped node's, for people and for programs", async () => {
  await withStoppedNode(async (path) => {
    const people = await trial(join(path, "one"), "--from", path);
    assert.equal(people.code, 0, people.errors.join("\n"));
    assert.match(people.text, /\ncluster {3}k, as a had it at index 1\nholds {5}0 accounts, 0/);
    assert.match(people.remarks.join("\n"), /^This is node a of cluster k, which is stopped\.\n/);
    const programs = await trial(join(path, "two"), "--from", path, "--json");
    const [{ bytes, digest, ...fields }] = programs.json as [Record<string, unknown>];
    assert.ok(Number(bytes) > 0);
    assert.match(String(digest), /^[0-9a-f]{64}$/);
    const counts = { index: 1, accounts: 0, messages: 0 };
    assert.deepEqual(fields, { file: join(path, "two"), clusterId: "k", node: "a", ...counts });
  });
});

Deno.test("admin backup --from: not of a cluster as well, and not of what is no node's", async () => {
  await withStoppedNode(async (path) => {
    const file = join(path, "one");
    const both = await trial(file, "--from", path, "-s", "127.0.0.1:1");
    assert.equal(both.code, 2);
    assert.match(both.errors.join("\n"), /--from.*--servers|--servers.*--from/);
    const none = await trial(file, "--from", join(path, "none"));
    assert.equal(none.code, 1);
    assert.match(none.errors.join("\n"), /no node ever ran on it/);
  });
});
