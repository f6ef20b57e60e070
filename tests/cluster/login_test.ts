/**
 * What a login costs the others, and what its time tells, at a real node with real password hashes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { ChatError } from "../../src/errors.ts";
import type { CallContext } from "../../src/rpc/api.ts";
import { type ChatConnection, connect } from "../../src/rpc/client.ts";
import { withDirectory } from "../support/certificates.ts";
import { PROGRAM } from "./program.ts";

/** Longest that a login may keep the thread that serves everybody, ms. */
const HELD_MS_MAX = 20;
/** What the hash takes at the least, on whatever machine, ms. */
const HASH_MS_MIN = 60;
/** Other programs fall on some of several rounds, what a hash does on each. */
const ROUNDS = 8;
const PASSWORD = "correct horse battery";

function context(): CallContext {
  return { deadlineMs: Date.now() + 30_000, signal: AbortSignal.timeout(30_000) };
}

function login(client: ChatConnection, name: string, password = PASSWORD): Promise<unknown> {
  return client.login({ requestId: randomUUID(), name, password }, context());
}

/** CPU time of a process's threads so far, ms: the one that serves, and all of them. */
async function cpuOf(pid: number): Promise<{ readonly serving: number; readonly all: number }> {
  let [serving, all] = [0, 0];
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`).catch(() => "0");
    const ms = Number(text.split(" ")[0]) / 1e6;
    all += ms;
    if (Number(name) === pid) serving = ms;
  }
  return { serving, all };
}

/** What a login costs the process, ms of CPU: time of the clock says more of other programs. */
async function costOf(pid: number, login: () => Promise<unknown>) {
  const before = await cpuOf(pid);
  await login();
  const after = await cpuOf(pid);
  return { serving: after.serving - before.serving, all: after.all - before.all };
}

async function withNode(
  test: (client: ChatConnection, pid: number) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const ports = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
    const flags = ["--data", join(directory, "data"), ...ports];
    const node = new NodeProcess({ program: PROGRAM, flags });
    try {
      const client = connect((await node.ready).listen);
      const account = { requestId: randomUUID(), name: "ann", password: PASSWORD };
      await client.createAccount(account, context());
      await test(client, node.pid);
      client.close();
    } finally {
      await node.end();
    }
  });
}

/** Where a system tells what threads do. */
const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "login: a password hash is not the work of the thread that serves",
  ignore,
  fn: async () => {
    await withNode(async (client, pid) => {
      const costs = [];
      for (let round = 0; round < ROUNDS; round++) {
        costs.push(await costOf(pid, () => login(client, "ann")));
      }
      const text = JSON.stringify(costs);
      assert.ok(costs.every(({ all }) => all > HASH_MS_MIN), text);
      assert.ok(Math.min(...costs.map(({ serving }) => serving)) < HELD_MS_MAX, text);
    });
  },
});

Deno.test({
  name: "login: an unknown user and a wrong password are the same work",
  ignore,
  fn: async () => {
    await withNode(async (client, pid) => {
      const costs = { ann: [] as number[], nobody: [] as number[] };
      // In turn, so that what else the machine does falls on both.
      for (let round = 0; round < ROUNDS; round++) {
        for (const name of ["ann", "nobody"] as const) {
          const cost = await costOf(pid, async () => {
            const told = login(client, name, `wrong ${round} and long enough`);
            const reason = await told.then(() => "in", (thrown) => ChatError.from(thrown).reason);
            assert.equal(reason, "UNAUTHENTICATED");
          });
          costs[name].push(cost.all);
        }
      }
      // How fast a processor is changes from one second to the next: each is held against the one
      // beside it, and half of these may be off.
      const ratios = costs.ann.map((ann, round) => ann / costs.nobody[round]!).sort((a, b) =>
        a - b
      );
      const ratio = ratios[ROUNDS / 2]!;
      const text = JSON.stringify(costs);
      assert.ok(Math.min(...costs.ann, ...costs.nobody) > HASH_MS_MIN, text);
      assert.ok(ratio > 1 / 1.2 && ratio < 1.2, text);
    });
  },
});
