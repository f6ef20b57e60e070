/**
 * Measures a cluster of real processes on this machine: throughput, failover, memory and the
 * time to join. Owns the course of the measurement; the load is `jmessage bench`, the processes
 * are `src/cli/node_cluster.ts`'s.
 *
 * Run it with `deno task bench:cluster [--nodes 3] [--seconds 10] [--failovers 10]
 * [--messages 100000] [--binary PATH]`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { waitSynced } from "../src/cli/admin_wait.ts";
import { AdminCluster } from "../src/cli/admin_cluster.ts";
import type { BenchResult } from "../src/cli/bench_run.ts";
import { NodeCluster } from "../src/cli/node_cluster.ts";
import type { Program } from "../src/cli/node_process.ts";
import { table } from "../src/cli/text.ts";
import { connect } from "../src/rpc/client.ts";
import { failoverGaps } from "./failover.ts";
import { SteadyWriter } from "./steady_writer.ts";

const SYNC_MS_MAX = 120_000;
/** After so long without load what a process still has is what it keeps, ms. */
const REST_MS = 30_000;
/** People who write while a node joins: enough to notice, not enough to fill two cores. */
const JOIN_SENDERS = 4;
/** How long their rate is taken before it, ms. */
const JOIN_BASELINE_MS = 5_000;

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    failovers: { type: "string", default: "10" },
    messages: { type: "string", default: "100000" },
    binary: { type: "string" },
  },
});

const source = fileURLToPath(new URL("../cli.ts", import.meta.url));
const program: Program = values.binary === undefined
  ? { command: Deno.execPath(), args: ["run", "--allow-all", source] }
  : { command: values.binary, args: [] };

/** One line of the result. */
type Row = readonly [measure: string, value: string, how: string];

/** Runs `jmessage bench` as a process of its own, as anybody would. */
async function load(cluster: NodeCluster, words: readonly string[]): Promise<BenchResult> {
  const servers = cluster.live.map(({ ready }) => ready.listen).join(",");
  const { success, stdout, stderr } = await new Deno.Command(program.command, {
    args: [...program.args, "bench", "--json", "-s", servers, ...words],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function throughput(cluster: NodeCluster, concurrency: number): Promise<readonly Row[]> {
  const words = ["--seconds", values.seconds, "--concurrency", `${concurrency}`];
  const result = await load(cluster, words);
  const how = `jmessage bench ${words.join(" ")}`;
  return [
    [`messages a second, concurrency ${concurrency}`, result.perSecond.toFixed(0), how],
    ["  p50, p99, p99.9", `${result.p50Ms}, ${result.p99Ms}, ${result.p999Ms} ms`, ""],
    ["  lost, twice, errors", `${result.lost}, ${result.duplicated}, ${result.errors}`, ""],
  ];
}

/** At rest: the runtime gives back what a load took once nothing has happened for a while. */
async function memory(cluster: NodeCluster): Promise<readonly Row[]> {
  await pause(REST_MS);
  const resident = cluster.live.map(({ id, process }) => {
    const status = Deno.readTextFileSync(`/proc/${process.pid}/status`);
    const kib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
    return `${id} ${Math.round(kib / 1024)} MiB`;
  });
  const how = `VmRSS of each node's process, ${REST_MS / 1_000} s after the load`;
  return [["resident memory", resident.join(", "), how]];
}

async function failover(cluster: NodeCluster): Promise<readonly Row[]> {
  const runs = Number(values.failovers);
  if (runs === 0) return [];
  const gaps = await failoverGaps(cluster, runs, (members) => synced(cluster, members));
  const sorted = gaps.toSorted((a, b) => a - b);
  const [least, median, most] = [0, Math.floor(sorted.length / 2), sorted.length - 1]
    .map((at) => Math.round(sorted[at] ?? 0));
  return [[
    `without acknowledged writes, ${runs} kills`,
    `${least} min, ${median} median, ${most} max ms`,
    "SIGKILL of the leader under a steady writer",
  ]];
}

/** Fills the cluster up to the number of messages. */
async function fill(cluster: NodeCluster): Promise<readonly Row[]> {
  const messages = Number(values.messages);
  if (messages === 0) return [];
  const words = ["--messages", `${messages}`, "--concurrency", "64"];
  const result = await load(cluster, words);
  const how = `jmessage bench ${words.join(" ")}`;
  return [[`messages a second, ${messages} of them`, result.perSecond.toFixed(0), how]];
}

/** Times a new node while a few people write, and what it costs them. */
async function join(cluster: NodeCluster): Promise<readonly Row[]> {
  const options = { name: "join-writer", senders: JOIN_SENDERS };
  const writer = await SteadyWriter.start(cluster.addresses, options);
  const before = await writer.rateDuring(() => pause(JOIN_BASELINE_MS));
  const started = performance.now();
  const during = await writer.rateDuring(() => cluster.start("joiner"));
  const seconds = (performance.now() - started) / 1_000;
  await writer.stop();
  const rates = `${before.toFixed(0)} before, ${during.toFixed(0)} meanwhile`;
  return [
    ["until a new node votes, under writes", `${seconds.toFixed(1)} s`, "jmessage node --join …"],
    [`  acknowledged a second, ${JOIN_SENDERS} senders`, rates, ""],
  ];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function synced(cluster: NodeCluster, members: number): Promise<void> {
  const servers = cluster.live.map(({ ready }) => ready.listen);
  const admin = new AdminCluster(servers, {
    connect,
    deadlineMs: Date.now() + SYNC_MS_MAX,
    token: cluster.adminToken,
  });
  try {
    await waitSynced(admin, { membersMin: members });
  } finally {
    admin.close();
  }
}

const directory = await Deno.makeTempDir({ prefix: "jmessage-bench-" });
const cluster = new NodeCluster({ program, directory });
const rows: Row[] = [];
try {
  const count = Number(values.nodes);
  for (let number = 1; number <= count; number++) await cluster.start(`node-${number}`);
  await synced(cluster, count);
  const steps = [
    () => memory(cluster),
    // The load first: the runtime compiles what runs often, and one sender alone is slow at that.
    () => throughput(cluster, 64),
    () => throughput(cluster, 1),
    () => fill(cluster),
    () => memory(cluster),
    () => join(cluster),
    () => failover(cluster),
  ];
  for (const step of steps) {
    const found = await step();
    rows.push(...found);
    for (const [measure, value] of found) console.error(`${measure}: ${value}`);
  }
  console.log(table(["measure", "value", "how"], rows));
} finally {
  await cluster.close();
}
