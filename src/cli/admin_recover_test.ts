/**
 * Shows how a stopped directory is recovered, and that nothing happens to it without consent.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openDataDirectory } from "../storage/data_directory.ts";
import { recoverCommand } from "./admin_recover.ts";
import { newCommand } from "./command.ts";
import { runProgram } from "./program.ts";
import { withStoppedNode } from "./stopped_test_node.ts";

async function lastIndexOf(path: string): Promise<number> {
  const directory = await openDataDirectory(path, { create: false });
  const { lastIndex } = directory.log;
  await directory.close();
  return lastIndex;
}

async function trial(args: readonly string[], answer = "no") {
  const json: object[] = [];
  const remarks: string[] = [];
  const errors: string[] = [];
  const load = () => {
    const group = newCommand("admin", "look after a cluster", { example: "jmessage admin" });
    const output = {
      line() {},
      json: (value: object) => void json.push(value),
      remark: (text: string) => void remarks.push(text),
    };
    const ask = () => Promise.resolve(answer);
    return Promise.resolve(group.addCommand(recoverCommand({ output, ask })));
  };
  const code = await runProgram(["admin", "recover", ...args], {
    commands: [{ name: "admin", summary: "look after a cluster", load }],
    onError: (line) => void errors.push(line),
  });
  return { code, json, remarks, errors };
}

Deno.test("admin recover: says what may be lost, raises the epoch, prints the cluster", async () => {
  await withStoppedNode(async (path) => {
    const before = await lastIndexOf(path);
    const { code, json, remarks } = await trial(["--data", path, "--force", "--yes", "--json"]);
    assert.equal(code, 0);
    assert.deepEqual(json, [{ clusterId: "k", epoch: 1 }]);
    assert.match(remarks.join("\n"), /log ends at index/);
    assert.equal(await lastIndexOf(path), before + 1);
  });
});

Deno.test("admin recover: without --force or a yes nothing is changed", async () => {
  await withStoppedNode(async (path) => {
    const before = await lastIndexOf(path);
    const unforced = await trial(["--data", path, "--yes"]);
    assert.equal(unforced.code, 2);
    assert.match(unforced.errors[0] ?? "", /--force/);
    const declined = await trial(["--data", path, "--force"], "y");
    assert.equal(declined.code, 1);
    assert.match(declined.errors[0] ?? "", /Not recovered/);
    assert.equal(await lastIndexOf(path), before);
    assert.equal((await trial(["--data", path, "--force"], "yes")).code, 0);
  });
});

Deno.test("admin recover: a directory that is not there is told", async () => {
  const { code, errors } = await trial(["--data", "./no-such-directory", "--force", "--yes"]);
  assert.notEqual(code, 0);
  assert.match(errors[0] ?? "", /no-such-directory/);
});
