/**
 * Tests of the benchmark's counting: a cluster in memory that loses or doubles messages behind
 * its acknowledgements must be found out.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { FakeCluster } from "../client/client_test_cluster.ts";
import { benchCommand } from "./bench.ts";
import { runProgram } from "./program.ts";

const NODES = ["n1:1", "n2:1", "n3:1"];

async function bench(cluster: FakeCluster, words: readonly string[]) {
  const json: Record<string, unknown>[] = [];
  let error = "";
  const command = benchCommand({
    connect: cluster.connect,
    output: { line: () => {}, json: (value) => void json.push({ ...value }), remark: () => {} },
  });
  const code = await runProgram(["bench", "-s", NODES.join(","), "--json", ...words], {
    commands: [{ name: "bench", summary: "", load: () => Promise.resolve(command) }],
    onError: (line) => void (error = line),
  });
  return { code, error, json };
}

Deno.test("bench: counts what was acknowledged, and prints the stable fields", async () => {
  const cluster = new FakeCluster(NODES);
  const words = ["--messages", "50", "--concurrency", "8", "--users", "3", "--size", "64"];
  const { code, json } = await bench(cluster, words);
  equal(code, 0);
  deepEqual(Object.keys(json[0] ?? {}).sort(), [
    "concurrency",
    "duplicated",
    "errors",
    "lost",
    "messages",
    "mode",
    "p50Ms",
    "p999Ms",
    "p99Ms",
    "perSecond",
    "retries",
  ]);
  const { mode, concurrency, messages, errors, lost, duplicated } = json[0] ?? {};
  deepEqual([mode, concurrency, messages, errors, lost, duplicated], ["unary", 8, 50, 0, 0, 0]);
  ok(cluster.log.every(({ body }) => body.length === 64));
});

Deno.test("bench: finds acknowledged messages that are not there", async () => {
  const cluster = new FakeCluster(NODES);
  const { code, error, json } = await bench(cluster, ["--messages", "20", "--users", "2"]);
  equal(code, 0, error);
  equal(json[0]?.["lost"], 0);
  cluster.forget = (message) => message.seq % 10 === 0;
  const second = await bench(cluster, ["--messages", "20", "--users", "2"]);
  equal(second.json[0]?.["lost"], 2);
  equal(second.code, 1);
  match(second.error, /lost 2 acknowledged messages/);
});

Deno.test("bench: finds messages that are there twice", async () => {
  const cluster = new FakeCluster(NODES);
  cluster.repeat = (message) => message.seq % 5 === 0;
  const { code, json } = await bench(cluster, ["--messages", "10", "--users", "2"]);
  equal(json[0]?.["duplicated"], 2);
  equal(code, 1);
});

Deno.test("bench: a retry shows as one, not as an error or a repeat", async () => {
  const cluster = new FakeCluster(NODES);
  cluster.node("n1:1").answersToLose = 7;
  const { code, json } = await bench(cluster, ["--messages", "10", "--users", "2"]);
  equal(code, 0);
  deepEqual([json[0]?.["errors"], json[0]?.["duplicated"], json[0]?.["messages"]], [0, 0, 10]);
  ok(Number(json[0]?.["retries"]) >= 7);
});

Deno.test("bench: misuse is told in one line", async () => {
  const cluster = new FakeCluster(NODES);
  for (
    const words of [
      ["--mode", "stream"],
      ["--messages", "5", "--seconds", "1"],
      ["--size", "1"],
      ["--concurrency", "0"],
    ]
  ) {
    const { code, error, json } = await bench(cluster, words);
    equal(code, 2, words.join(" "));
    equal(json.length, 0);
    ok(!error.includes("\n"), error);
  }
});
