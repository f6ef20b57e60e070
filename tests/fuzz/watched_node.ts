/**
 * A node of its own process under fuzz: it must live, answer a polite client, keep its state as it
 * was and its memory within bounds. Owns the process and these checks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { openChat } from "../../src/client/open.ts";
import { connect } from "../../src/rpc/client.ts";
import { PROGRAM } from "../cluster/program.ts";
import { fuzzPort } from "./node_fuzz.ts";

/** Growth that caches and a heap may have, MiB; what leaks with each input grows beyond it. */
const GROWTH_MIB_MAX = 200;
const PASSWORD = "a long enough password";

/** Fuzzes both ports of a node; throws with what did not hold. */
export async function fuzzNode(
  { cases, seed }: { readonly cases: number; readonly seed: number },
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-fuzz-" });
  const cluster = new NodeCluster({ program: PROGRAM, directory, flags: ["--original-api"] });
  try {
    const { process, ready } = await cluster.start("fuzzed");
    const polite = openChat({ servers: [ready.listen] });
    await polite.createAccount("polite", PASSWORD);
    await polite.login("polite", PASSWORD);
    await polite.send("polite", "before");
    const before = await digestOf(ready.listen, cluster.adminToken);
    const between = async () => {
      assert.equal(process.exit, undefined, `the node ended: ${process.log.slice(-5).join("\n")}`);
      const { messages } = await polite.history({ with: "polite" }, { timeoutMs: 5_000 });
      assert.deepEqual(messages.map(({ body }) => body), ["before"]);
    };
    await fuzzPort(ready.listen, { cases: Math.min(500, cases), seed, between });
    const memory = residentMebibytes(process.pid);
    await fuzzPort(ready.listen, { cases: Math.ceil(cases / 2), seed, between });
    await fuzzPort(ready.peerListen, { cases: Math.floor(cases / 2), seed: seed + 1, between });
    const grown = residentMebibytes(process.pid) - memory;
    assert.ok(grown < GROWTH_MIB_MAX, `the node grew by ${grown} MiB`);
    const after = await digestOf(ready.listen, cluster.adminToken);
    assert.equal(after, before, "the state is what it was");
    polite.close();
  } finally {
    await cluster.close();
  }
}

async function digestOf(address: string, token: string | undefined): Promise<string> {
  const connection = connect(address);
  const deadlineMs = Date.now() + 5_000;
  try {
    const context = { deadlineMs, signal: AbortSignal.timeout(5_000), token };
    return (await connection.digest({}, context)).digest;
  } finally {
    connection.close();
  }
}

/** 0 where the system does not tell. */
function residentMebibytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
