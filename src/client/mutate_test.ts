/**
 * Tests of how often a request is made again, against a cluster in memory. What comes of each
 * failure is in `chat_client_test.ts`.
 *
 * @module
 */

import { equal, ok, rejects } from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { ChatClient } from "./chat_client.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";

/** A client of these nodes, of which the first leads. */
function setUp(servers: readonly string[]) {
  const clock = new ManualClock();
  const cluster = new FakeCluster(servers);
  const session = { user: "ann", token: "token-ann" };
  const client = new ChatClient({ servers, connect: cluster.connect, clock, session });
  return { clock, cluster, client, leader: cluster.node("n1:1") };
}

Deno.test("mutate: a leader that breaks off each time, and says that it leads, is not asked without end", async () => {
  for (const servers of [["n1:1"], ["n1:1", "n2:1", "n3:1"]]) {
    const { clock, cluster, client, leader } = setUp(servers);
    // A bound, for one that asks without end in no time.
    leader.answersToLose = 1_000;
    const timeoutMs = 8_000;
    const sending = clock.until(client.send("bob", "x", { timeoutMs }));
    await rejects(sending, { reason: "NO_ANSWER", definite: false });
    const asked = cluster.calls.filter((call) => call === "sendMessage n1:1").length;
    // Pauses grow to the longest bound, of which they take half on average.
    ok(asked > 5 && asked < 10 + 2 * timeoutMs / (limits.backoffMsMax / 2), `asked ${asked} times`);
    client.close();
  }
});

Deno.test("mutate: nor is one that says it leads and takes nothing", async () => {
  for (const reason of ["NO_LEADER", "SHUTTING_DOWN", "LEADERSHIP_LOST"] as const) {
    const { clock, cluster, client, leader } = setUp(["n1:1", "n2:1", "n3:1"]);
    for (let left = 0; left < 1_000; left++) leader.failures.push(new ChatError(reason, "No"));
    const timeoutMs = 8_000;
    await rejects(clock.until(client.send("bob", "x", { timeoutMs })));
    const asked = cluster.calls.filter((call) => call === "sendMessage n1:1").length;
    ok(asked > 5 && asked < 10 + 2 * timeoutMs / (limits.backoffMsMax / 2), `asked ${asked} times`);
    client.close();
  }
});

Deno.test("mutate: one that did not lead yet is asked as soon as it does", async () => {
  const { clock, cluster, client, leader } = setUp(["n1:1", "n2:1", "n3:1"]);
  for (let left = 0; left < 1_000; left++) leader.failures.push(new ChatError("NO_LEADER", "No"));
  const sending = client.send("bob", "x", { timeoutMs: 60_000 });
  await clock.advance(10_000);
  leader.failures.length = 0;
  cluster.elect("n1:1");
  const elected = clock.mono();
  await clock.until(sending);
  ok(clock.mono() - elected <= 300, `took ${clock.mono() - elected} ms`);
  client.close();
});

Deno.test("mutate: whoever was broken off goes on at once when another leads", async () => {
  const { clock, cluster, client, leader } = setUp(["n1:1", "n2:1", "n3:1"]);
  leader.answersToLose = Infinity;
  const sending = client.send("bob", "x", { timeoutMs: 60_000 });
  await clock.advance(10_000);
  cluster.elect("n2:1");
  const elected = clock.mono();
  await clock.until(sending);
  ok(clock.mono() - elected <= 100, `took ${clock.mono() - elected} ms`);
  equal(cluster.log.length, 1);
  client.close();
});
