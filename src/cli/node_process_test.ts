/**
 * Shows how a node's process is started, heard and ended, with small scripts in its place.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NodeProcess, type Program, thisProgram } from "./node_process.ts";

function script(source: string): Program {
  return { command: Deno.execPath(), args: ["eval", source, "--"] };
}

const READY = '{"event":"ready","id":"a","role":"leader","listen":"h:1","peerListen":"h:2",' +
  '"clusterId":"k","quorum":"all"}';
const WAIT = "setInterval(() => {}, 1000);";

Deno.test("node process: hears the events, and can be killed", async () => {
  const role = '{"event":"role","role":"follower","term":"1.2.b","leader":"b"}';
  const source = `console.log('${READY}\\n${role}'); ${WAIT}`;
  const node = new NodeProcess({ program: script(source), flags: ["--id", "a"] });
  const ready = await node.ready;
  assert.deepEqual([ready.id, ready.listen, node.exit], ["a", "h:1", undefined]);
  node.kill("SIGSTOP");
  node.kill("SIGCONT");
  node.kill("SIGKILL");
  assert.deepEqual(await node.exited, { code: null, signal: "SIGKILL" });
  assert.equal(node.role?.leader, "b");
  await node.end();
});

Deno.test("node process: gets its flags, but not this process's variables", async () => {
  Deno.env.set("JMESSAGE_PROCESS_TEST", "1");
  const source =
    "console.error(Deno.args.join(' '), Deno.env.has('JMESSAGE_PROCESS_TEST')); Deno.exit(3);";
  const node = new NodeProcess({ program: script(source), flags: ["--id", "a"] });
  Deno.env.delete("JMESSAGE_PROCESS_TEST");
  await assert.rejects(node.ready, /Cannot start a node: .*node --json --id a false/);
  assert.deepEqual(node.exit, { code: 3, signal: null });
});

Deno.test("node process: a program that is not there is told", async () => {
  const node = new NodeProcess({ program: { command: "./no-such-program", args: [] }, flags: [] });
  await assert.rejects(node.ready, /Cannot start a node: .*no-such-program/);
});

Deno.test("node process: from source, this program is started through its runtime", () => {
  assert.deepEqual(thisProgram().args.slice(0, 2), ["run", "--allow-all"]);
});
