/**
 * A node of its own process under fuzz: it must live, answer a polite client, keep its state as it
 * was and its memory within bounds. Then with another one under hostile users: both must have the
 * same state, which is what those were told. Owns the processes and these checks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { openChat } from "../../src/client/open.ts";
import { connect } from "../../src/rpc/client.ts";
import type { DigestResponse } from "../../src/rpc/api.ts";
import { PROGRAM } from "../cluster/program.ts";
import { checkKept } from "./kept_state.ts";
import { fuzzPort } from "./node_fuzz.ts";
import { fuzzUsers } from "./user_fuzz.ts";

/** Growth that caches and a heap may have, MiB; what leaks with each input grows beyond it. */
const GROWTH_MIB_MAX = 200;
const PASSWORD = "a long enough password";

/** Longest that two nodes may take to agree once nobody asks for anything, ms. */
const AGREE_MS_MAX = 10_000;

/** How many of each kind of input, and the seed by which they come again. */
export interface Fuzzing {
  readonly cases: number;
  readonly seed: number;
}

/** Fuzzes both ports of a node; throws with what did not hold. */
export async function fuzzNode({ cases, seed }: Fuzzing): Promise<void> {
  await withCluster(async (cluster) => {
    const { process, ready } = await cluster.start("fuzzed");
    const polite = openChat({ servers: [ready.listen] });
    await polite.createAccount("polite", PASSWORD);
    await polite.login("polite", PASSWORD);
    await polite.send("polite", "before");
    const before = (await digestOf(ready.listen, cluster)).digest;
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
    const after = (await digestOf(ready.listen, cluster)).digest;
    assert.equal(after, before, "the state is what it was");
    polite.close();
  });
}

/** Lets hostile users at two nodes; throws with what did not hold. */
export async function fuzzUsersOfTwo({ cases, seed }: Fuzzing): Promise<void> {
  await withCluster(async (cluster) => {
    const nodes = [await cluster.start("first"), await cluster.start("second")];
    const addresses = nodes.map(({ ready }) => ready.listen);
    const agreed = async () => {
      for (const { process } of nodes) {
        assert.equal(process.exit, undefined, `a node ended: ${process.log.slice(-5).join("\n")}`);
      }
      return await digestOfAll(addresses, cluster);
    };
    const between = async (again: () => Promise<void>) => {
      const deadline = performance.now() + AGREE_MS_MAX;
      // What was shown by the original interface is marked as read a little later.
      for (let before = await agreed();;) {
        await again();
        const after = await agreed();
        if (after === before) return;
        assert.ok(performance.now() < deadline, "what is refused changes nothing");
        before = after;
      }
    };
    const told = await fuzzUsers(addresses, { cases, seed, between });
    const digest = await agreed();
    for (const { process } of nodes) await process.end();
    for (const { id } of nodes) await checkKept(cluster.dataDirectory(id), { digest, told });
  });
}

async function withCluster(run: (cluster: NodeCluster) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-fuzz-" });
  const cluster = new NodeCluster({ program: PROGRAM, directory, flags: ["--original-api"] });
  try {
    await run(cluster);
  } finally {
    await cluster.close();
  }
}

/** The one digest of all nodes once each has applied the same; throws if there are several. */
async function digestOfAll(addresses: readonly string[], cluster: NodeCluster): Promise<string> {
  const deadline = performance.now() + AGREE_MS_MAX;
  while (performance.now() < deadline) {
    let atLeastIndex = 0;
    const found: DigestResponse[] = [];
    for (const address of addresses) {
      found.push(await digestOf(address, cluster, atLeastIndex));
      atLeastIndex = found.at(-1)!.appliedIndex;
    }
    if (new Set(found.map(({ appliedIndex }) => appliedIndex)).size > 1) continue;
    const [digest, ...others] = new Set(found.map(({ digest }) => digest));
    assert.deepEqual(others, [], "all nodes have the same state");
    return digest!;
  }
  throw new Error(`No two nodes had applied the same within ${AGREE_MS_MAX} ms`);
}

async function digestOf(
  address: string,
  { adminToken: token }: NodeCluster,
  atLeastIndex = 0,
): Promise<DigestResponse> {
  const connection = connect(address);
  const deadlineMs = Date.now() + 5_000;
  try {
    const context = { deadlineMs, signal: AbortSignal.timeout(5_000), token };
    return await connection.digest({ atLeastIndex }, context);
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
