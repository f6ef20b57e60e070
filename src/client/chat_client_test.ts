/**
 * Tests of the client against a cluster in memory: failover, hints, retries, reads and posts.
 * Time is moved by hand; nothing waits.
 *
 * @module
 */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { ChatClient, type ChatClientOptions } from "./chat_client.ts";
import { Job } from "./job.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";

const NODES = ["n1:1", "n2:1", "n3:1"];

function setUp(options: Partial<ChatClientOptions> & { nodes?: readonly string[] } = {}) {
  const clock = new ManualClock();
  const cluster = new FakeCluster(options.nodes ?? NODES);
  const session = { user: "ann", token: "token-ann" };
  const client = new ChatClient({
    servers: NODES,
    connect: cluster.connect,
    clock,
    session,
    ...options,
  });
  return { clock, cluster, client };
}

const bodies = (cluster: FakeCluster) => cluster.log.map((message) => message.body);

Deno.test("client: finds the leader from any member and goes straight to it from then on", async () => {
  const { clock, cluster, client } = setUp({ servers: ["n3:1"] });
  await clock.until(client.send("bob", "one"));
  await clock.until(client.send("bob", "two"));
  deepEqual(bodies(cluster), ["one", "two"]);
  deepEqual(cluster.calls, [
    "getCluster n3:1",
    "getCluster n1:1",
    "sendMessage n1:1",
    "sendMessage n1:1",
  ]);
  deepEqual([...client.addresses()].sort(), NODES);
  client.close();
});

Deno.test("client: after the death of the leader goes on at the new one within 100 ms", async () => {
  const { clock, cluster, client } = setUp();
  await clock.until(client.send("bob", "before"));
  cluster.kill("n1:1");
  const sending = client.send("bob", "after");
  await clock.advance(1_000);
  const elected = clock.mono();
  cluster.elect("n2:1");
  await clock.until(sending);
  ok(clock.mono() - elected <= 100, `took ${clock.mono() - elected} ms`);
  deepEqual(bodies(cluster), ["before", "after"]);
  client.close();
});

Deno.test("client: requests that wait at a hung leader move to the new one", async () => {
  const { clock, cluster, client } = setUp();
  await clock.until(client.send("bob", "before"));
  cluster.node("n1:1").hung = true;
  const sending = Promise.all([client.send("bob", "a"), client.send("bob", "b")]);
  await clock.advance(1_000);
  const elected = clock.mono();
  cluster.elect("n3:1");
  await clock.until(sending);
  ok(clock.mono() - elected <= 300, `took ${clock.mono() - elected} ms`);
  deepEqual(bodies(cluster).sort(), ["a", "b", "before"]);
  client.close();
});

Deno.test("client: a lost answer is asked for again with the same request id", async () => {
  const { clock, cluster, client } = setUp();
  cluster.node("n1:1").answersToLose = 3;
  const sent = await clock.until(client.send("bob", "once"));
  deepEqual(cluster.log.map((message) => message.id), [sent.id]);
  client.close();
});

Deno.test("client: ignores a hint of an older term", async () => {
  const { clock, cluster, client } = setUp();
  cluster.elect("n2:1");
  cluster.elect("n1:1");
  await clock.until(client.send("bob", "one"));
  cluster.calls.length = 0;
  cluster.node("n1:1").failures.push(
    new ChatError("NOT_LEADER", "stale", { leader: "n2:1", term: "0.1@node" }),
  );
  await clock.until(client.send("bob", "two"));
  ok(!cluster.calls.includes("sendMessage n2:1"), cluster.calls.join(", "));
  deepEqual(bodies(cluster), ["one", "two"]);
  client.close();
});

Deno.test("client: members that name one another as the leader are no endless circle", async () => {
  const { clock, cluster, client } = setUp();
  cluster.elect(null);
  cluster.node("n1:1").belief = { leader: "n2:1", term: "0.7@node" };
  cluster.node("n2:1").belief = { leader: "n1:1", term: "0.7@node" };
  const failed = rejects(
    clock.until(client.send("bob", "x", { timeoutMs: 2_000 })),
    (error: ChatError) =>
      error.definite && /Cannot send the message within 2 s/.test(error.message),
  );
  await failed;
  ok(cluster.calls.length < 400, `${cluster.calls.length} calls`);
  equal(cluster.log.length, 0);
  client.close();
});

Deno.test("client: a refusal for good is told at once, and is definite", async () => {
  const { clock, cluster, client } = setUp();
  await rejects(clock.until(client.send("nobody", "x")), {
    reason: "NO_SUCH_USER",
    definite: true,
  });
  equal(clock.mono(), 0);
  equal(cluster.calls.filter((call) => call.startsWith("sendMessage")).length, 1);
  client.close();
});

Deno.test("client: after an attempt without an answer, a refusal is no longer definite", async () => {
  const { clock, cluster, client } = setUp();
  cluster.node("n1:1").failures.push(new ChatError("COMMIT_TIMEOUT", "not committed in time"));
  await rejects(clock.until(client.send("nobody", "x")), {
    reason: "NO_SUCH_USER",
    definite: false,
  });
  client.close();
});

Deno.test("client: with nobody there the failure is definite: nothing was sent", async () => {
  const { clock, cluster, client } = setUp();
  for (const address of NODES) cluster.kill(address);
  await rejects(clock.until(client.send("bob", "x", { timeoutMs: 1_500 })), { definite: true });
  ok(clock.mono() <= 1_500);
  client.close();
});

Deno.test("client: with the leader hung to the end the failure is indefinite", async () => {
  const { clock, cluster, client } = setUp();
  await clock.until(client.send("bob", "before"));
  cluster.node("n1:1").hung = true;
  await rejects(clock.until(client.send("bob", "x", { timeoutMs: 4_000 })), {
    reason: "NO_ANSWER",
    definite: false,
  });
  client.close();
});

Deno.test("client: waits as long as an overloaded leader asks it to", async () => {
  const { clock, cluster, client } = setUp();
  cluster.node("n1:1").failures.push(
    new ChatError("OVERLOADED", "too much", { retryAfterMs: 700 }),
  );
  await clock.until(client.send("bob", "x"));
  ok(clock.mono() >= 700);
  deepEqual(bodies(cluster), ["x"]);
  client.close();
});

Deno.test("client: waits for room on a leader's disk, seldom asking", async () => {
  const { clock, cluster, client } = setUp();
  const full = () => new ChatError("DISK_FULL", "no room");
  cluster.node("n1:1").failures.push(...Array.from({ length: 5 }, full));
  await clock.until(client.send("bob", "x"));
  ok(clock.mono() >= 5 * limits.diskRetryMs);
  deepEqual(bodies(cluster), ["x"]);
  client.close();
});

Deno.test("client: the time is up while it asks a full disk again, and it says what it was told", async () => {
  const { clock, cluster, client } = setUp();
  const node = cluster.node("n1:1");
  node.failures.push(new ChatError("DISK_FULL", "no room"));
  const timeoutMs = limits.diskRetryMs + limits.backoffMsMax + 10;
  const sent = client.send("bob", "x", { timeoutMs }).catch((error) => error);
  await clock.advance(10);
  node.hung = true;
  const error = await clock.until(sent);
  match(error.message, /^Cannot send the message within .* s: no room \(it may have been done\)$/);
  equal(error.reason, "DISK_FULL");
  client.close();
});

Deno.test("client: a leader with a full disk that has died since is told as one that gives no answer", async () => {
  const clock = new ManualClock();
  const told = async (leftMs: number) => {
    const job = new Job(clock, "send the message", { timeoutMs: 5_000 });
    job.failed(new ChatError("DISK_FULL", "no room"), true);
    await clock.advance(5_000 - leftMs);
    const newest = new ChatError("NO_ANSWER", "the connection was refused");
    job.failed(newest, true);
    return job.exhausted(newest, [{ address: "n1:1", why: null }]).message;
  };
  match(await told(300), /within 5 s: no answer from n1:1 /, "broken before the end of the time");
  match(await told(0), /within 5 s: no room /, "cut off by it");
});

Deno.test("client: what is posted while a disk is full goes out once there is room, in order", async () => {
  const { clock, cluster, client } = setUp();
  const { failures } = cluster.node("n1:1");
  // More than one call waits for.
  const times = limits.callMsDefault / limits.diskRetryMs + 10;
  failures.push(...Array.from({ length: times }, () => new ChatError("DISK_FULL", "no room")));
  await clock.until(Promise.all(["one", "two"].map((body) => client.post("bob", body))));
  deepEqual(bodies(cluster), ["one", "two"]);
  client.close();
});

Deno.test("client: a dead node that comes back as the leader is found again", async () => {
  const { clock, cluster, client } = setUp();
  cluster.kill("n1:1");
  cluster.elect("n2:1");
  await clock.until(client.send("bob", "one"));
  for (const address of ["n2:1", "n3:1"]) cluster.kill(address);
  const sending = client.send("bob", "two", { timeoutMs: 60_000 });
  await clock.advance(20_000);
  cluster.revive("n1:1");
  cluster.elect("n1:1");
  await clock.until(sending);
  deepEqual(bodies(cluster), ["one", "two"]);
  client.close();
});

Deno.test("client: reaches a leader whose advertised address it cannot reach", async () => {
  const { clock, cluster, client } = setUp({ nodes: ["n1:1"], servers: ["n1:1"] });
  cluster.node("n1:1").belief = { leader: "inside:1", term: "0.1@node" };
  await clock.until(client.send("bob", "one"));
  await clock.until(client.send("bob", "two"));
  deepEqual(bodies(cluster), ["one", "two"]);
  client.close();
});

Deno.test("client: a node of another cluster gets no request", async () => {
  const { clock, cluster, client } = setUp({ clusterId: "cluster-1" });
  cluster.node("n1:1").clusterId = "other";
  cluster.elect("n2:1");
  await clock.until(client.send("bob", "x"));
  ok(!cluster.calls.includes("sendMessage n1:1"));
  client.close();
});

Deno.test("client: another cluster at all listed addresses is told plainly", async () => {
  const { clock, cluster, client } = setUp({ clusterId: "mine" });
  await rejects(clock.until(client.send("bob", "x")), { reason: "WRONG_CLUSTER", definite: true });
  await rejects(clock.until(client.history({ with: "bob" })), { reason: "WRONG_CLUSTER" });
  equal(cluster.log.length, 0);
  client.close();
});

Deno.test("client: reads what it wrote although its member lags", async () => {
  const { clock, cluster, client } = setUp();
  await clock.until(client.send("bob", "old"));
  for (const address of ["n2:1", "n3:1"]) cluster.node(address).appliedMax = 1;
  await clock.until(client.send("bob", "new"));
  for (let count = 0; count < 10; count++) {
    const page = await clock.until(client.history({ with: "bob" }));
    deepEqual(page.messages.map((message) => message.body), ["old", "new"]);
  }
  client.close();
});

Deno.test("client: a position of a history that lost keeps nobody from reading", async () => {
  const session = { user: "ann", token: "token-ann", position: "900.0.1.lost" };
  const { clock, cluster, client } = setUp({ session });
  cluster.write("bob", "ann", "here");
  for (const address of NODES) cluster.node(address).appliedMax = 10;
  const page = await clock.until(client.history({ with: "bob" }));
  deepEqual(page.messages.map((message) => message.body), ["here"]);
  ok(clock.mono() < 1_000);
  client.close();
});

Deno.test("client: a read at a silent member is overtaken by another", async () => {
  const { clock, cluster, client } = setUp();
  await clock.until(client.history({ with: "bob" }));
  const home = cluster.calls.at(-1)?.split(" ")[1] ?? "";
  cluster.node(home).hung = true;
  const before = clock.mono();
  await clock.until(client.history({ with: "bob" }));
  ok(clock.mono() - before <= limits.readHedgeMs);
  cluster.calls.length = 0;
  await clock.until(client.history({ with: "bob" }));
  ok(!cluster.calls.includes(`getChat ${home}`), "stays with the one that answered");
  client.close();
});

Deno.test("client: readers spread over the members", async () => {
  const homes = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const clock = new ManualClock({ seed });
    const { cluster, client } = setUp({ clock });
    await clock.until(client.history({ with: "bob" }));
    homes.add(cluster.calls.at(-1) ?? "");
    client.close();
  }
  equal(homes.size, 3);
});

Deno.test("client: posts keep their order through a failover, and none is given up", async () => {
  const { clock, cluster, client } = setUp();
  await clock.until(client.send("bob", "0"));
  const states: string[] = [];
  client.onState((state) => states.push(`${state.phase} ${state.waiting}`));
  cluster.kill("n1:1");
  const posts = ["1", "2", "3", "4"].map((body) => client.post("bob", body));
  await clock.advance(95_000);
  equal(client.state.phase, "electing");
  equal(client.state.waiting, 4);
  cluster.elect("n3:1");
  await clock.until(Promise.all(posts));
  deepEqual(bodies(cluster), ["0", "1", "2", "3", "4"]);
  ok(states.includes("electing 4"));
  equal(states.at(-1), "connected 0");
  client.close();
});

Deno.test("client: a post keeps its request id for as long as it takes", async () => {
  const { clock, cluster, client } = setUp();
  cluster.node("n1:1").answersToLose = Infinity;
  const post = client.post("bob", "once");
  await clock.advance(3 * limits.callMsDefault);
  cluster.node("n1:1").answersToLose = 0;
  await clock.until(post);
  deepEqual(bodies(cluster), ["once"]);
  client.close();
});

Deno.test("client: posts go one after another", async () => {
  const { clock, cluster, client } = setUp();
  const posts = Array.from({ length: 20 }, (_, at) => client.post("bob", `${at}`));
  await clock.until(Promise.all(posts));
  equal(cluster.calls.filter((call) => call.startsWith("sendMessage")).length, 20);
  client.close();
});

Deno.test("client: a post that is refused for good does not hold up the next", async () => {
  const { clock, cluster, client } = setUp();
  const refused = rejects(client.post("nobody", "x"), { reason: "NO_SUCH_USER" });
  await clock.until(client.post("bob", "y"));
  await refused;
  deepEqual(bodies(cluster), ["y"]);
  client.close();
});

Deno.test("client: the outbox is bounded", async () => {
  const { cluster, client } = setUp();
  for (const address of NODES) cluster.kill(address);
  const posts = Array.from({ length: limits.outboxMessagesMax }, () => client.post("bob", "x"));
  await rejects(client.post("bob", "one too many"), { reason: "OVERLOADED" });
  client.close();
  const results = await Promise.allSettled(posts);
  const definite = results.map((result) => result.status === "rejected" && result.reason.definite);
  equal(definite.indexOf(true), 1, "only the first was on its way");
  equal(definite.lastIndexOf(false), 0);
});

Deno.test("client: closing ends everything and leaves no timer", async () => {
  const { clock, cluster, client } = setUp();
  const stop = client.watch();
  cluster.node("n1:1").hung = true;
  const calls = [client.send("bob", "x"), client.history({ with: "bob" }), client.post("bob", "y")];
  const ended = Promise.allSettled(calls);
  await clock.advance(700);
  stop();
  client.close();
  const results = await clock.until(ended);
  ok(results.some((result) => result.status === "rejected"));
  await clock.settle();
  equal(clock.timers, 0);
  await rejects(client.send("bob", "x"), { reason: "SHUTTING_DOWN" });
});

Deno.test("client: a watching client notices the death of the leader by itself", async () => {
  const { clock, cluster, client } = setUp();
  const stop = client.watch();
  await clock.advance(100);
  equal(client.state.phase, "connected");
  cluster.kill("n1:1");
  await clock.advance(3_000);
  equal(client.state.phase, "electing");
  cluster.elect("n2:1");
  await clock.advance(1_000);
  deepEqual(client.state, { phase: "connected", leader: "n2:1", waiting: 0, unsent: 0 });
  stop();
  client.close();
});
