/**
 * Tests of calls whose login has ended and is made anew: their time, and under which id they are
 * asked again.
 *
 * @module
 */

import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { ChatClient } from "./chat_client.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";
import type { FakeNode } from "./client_test_node.ts";
import type { Renew } from "./session.ts";

const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");

/** Three nodes, led by the first, and a client with a kept login that logs in where it has ended. */
function setUp(options: { renew?: Renew; onLogin?: (node: FakeNode) => void } = {}) {
  const clock = new ManualClock();
  const cluster = new FakeCluster(["n1:1", "n2:1", "n3:1"]);
  const client = new ChatClient({ servers: ["n1:1", "n2:1"], connect: cluster.connect, clock });
  const leader = cluster.node("n1:1");
  const { failures } = leader;
  const login: Renew = async (call) => {
    await client.login("ann", "correct horse", call);
    options.onLogin?.(leader);
  };
  client.useSession({ user: "ann", token: "token-ann#0" }, options.renew ?? login);
  return { clock, cluster, client, leader, failures };
}

Deno.test("renewal: what is asked, the new login and what is asked again have one time", async () => {
  const busy = new ChatError("OVERLOADED", "The node is busy", { retryAfterMs: 3_000 });
  // Before the login ends, while it is made anew, and after that.
  for (const timeoutMs of [5_000, 8_000, 12_000]) {
    const { clock, cluster, client, failures } = setUp({
      onLogin: ({ failures }) => failures.push(busy),
    });
    failures.push(busy, ended, busy);
    const sent = clock.until(client.send("bob", "x", { timeoutMs }));
    if (timeoutMs === 12_000) await sent;
    else await rejects(sent, { reason: "OVERLOADED", definite: true });
    ok(clock.mono() <= timeoutMs, `took ${clock.mono()} ms of ${timeoutMs}`);
    equal(cluster.log.length, timeoutMs === 12_000 ? 1 : 0);
    client.close();
  }
});

Deno.test("renewal: a call waits for another's new login no longer than its own time", async () => {
  const { clock, client, failures } = setUp({ renew: () => new Promise(() => {}) });
  failures.push(ended, ended);
  const other = client.users({ timeoutMs: 60_000 }).next().catch(() => {});
  await rejects(clock.until(client.send("bob", "x", { timeoutMs: 2_000 })), {
    reason: "NO_LEADER",
    definite: true,
    message: /^Cannot send the message within 2 s: a new login takes too long/,
  });
  ok(clock.mono() <= 2_000 + 2 * limits.flightCheckMs, `took ${clock.mono()} ms`);
  client.close();
  await clock.until(other);
});

Deno.test("renewal: what was refused at the apply is asked under another id, and is there once", async () => {
  const { clock, cluster, client } = setUp();
  cluster.refusals.push(ended);
  const sent = await clock.until(client.send("bob", "one"));
  deepEqual(cluster.log.map(({ id, body }) => [id, body]), [[sent.id, "one"]]);
  client.close();
});

Deno.test("renewal: the id is kept where something may have been done under it", async () => {
  const { clock, cluster, client, leader, failures } = setUp();
  // It is done, nobody hears of it, and then nobody knows the login.
  leader.answersToLose = 1;
  const write = cluster.write.bind(cluster);
  cluster.write = (...message) => {
    failures.push(ended);
    return write(...message);
  };
  await clock.until(client.send("bob", "one"));
  equal(cluster.log.length, 1);
  client.close();
});

Deno.test("renewal: an id that was given is kept, and its refusal is told", async () => {
  const { clock, cluster, client } = setUp();
  cluster.refusals.push(ended);
  const given = { requestId: "01890000-0000-7000-8000-000000000001" };
  for (const _ of ["first", "again"]) {
    await rejects(clock.until(client.send("bob", "one", given)), { reason: "UNAUTHENTICATED" });
  }
  equal(cluster.log.length, 0);
  client.close();
});

Deno.test("renewal: a post goes out under another id, and keeps that for as long as it takes", async () => {
  const { clock, cluster, client, leader } = setUp({
    onLogin: (node) => node.answersToLose = Infinity,
  });
  cluster.refusals.push(ended);
  const requestId = "01890000-0000-7000-8000-000000000001";
  const post = client.post("bob", "one", { requestId, isNewId: true });
  await clock.advance(3 * limits.callMsDefault);
  ok(client.state.unsent === 1 && cluster.log.length === 1);
  leader.answersToLose = 0;
  const { id } = await clock.until(post);
  deepEqual(cluster.log.map((message) => message.id), [id]);
  notEqual(id, requestId);
  client.close();
});

Deno.test("renewal: a post that is in doubt since an earlier round keeps its id", async () => {
  const { clock, cluster, client, leader, failures } = setUp();
  leader.answersToLose = Infinity;
  const post = client.post("bob", "one");
  await clock.advance(100);
  // From here on nothing is sent: the next round knows of no doubt of its own.
  for (const address of cluster.nodes.keys()) cluster.kill(address);
  await clock.advance(limits.callMsDefault);
  ok(client.state.unsent === 1 && cluster.log.length === 1);
  // Nobody knows the login by the time it is asked again.
  failures.push(ended);
  leader.answersToLose = 0;
  cluster.revive("n1:1");
  cluster.elect("n1:1");
  await clock.until(post);
  equal(cluster.log.length, 1);
  client.close();
});

Deno.test("renewal: what may have been done is not refused for sure, though the new login fails", async () => {
  const refused = new ChatError("UNAUTHENTICATED", "The password is wrong");
  for (const why of [refused, new ChatError("NO_LEADER", "Cannot log in within 30 s")]) {
    const { clock, cluster, client, leader, failures } = setUp({
      renew: () => Promise.reject(why),
    });
    leader.answersToLose = 1;
    const write = cluster.write.bind(cluster);
    cluster.write = (...message) => {
      failures.push(ended);
      return write(...message);
    };
    await rejects(clock.until(client.send("bob", "one")), {
      reason: why.reason,
      definite: false,
      message: /may have been done/,
    });
    equal(cluster.log.length, 1);
    client.close();
  }
});

Deno.test("renewal: a post that an earlier round may have sent is not refused for sure", async () => {
  const { clock, cluster, client, leader, failures } = setUp({
    renew: () => Promise.reject(new ChatError("UNAUTHENTICATED", "The password is wrong")),
  });
  leader.answersToLose = Infinity;
  const post = client.post("bob", "one");
  await clock.advance(100);
  for (const address of cluster.nodes.keys()) cluster.kill(address);
  await clock.advance(limits.callMsDefault);
  failures.push(ended);
  leader.answersToLose = 0;
  cluster.revive("n1:1");
  cluster.elect("n1:1");
  await rejects(clock.until(post), { reason: "UNAUTHENTICATED", definite: false });
  equal(cluster.log.length, 1);
  client.close();
});

Deno.test("renewal: what a person types meanwhile takes nothing of the call's time", async () => {
  const { clock, cluster, client, failures } = setUp({
    renew: async (call) => {
      await call.deadline!.aside(() => new Promise<void>((typed) => clock.after(60_000, typed)));
      await client.login("ann", "correct horse", call);
    },
  });
  failures.push(ended);
  await clock.until(client.send("bob", "one"));
  equal(cluster.log.length, 1);
  client.close();
});

Deno.test("renewal: closing ends a call that waits for another's new login", async () => {
  const { clock, client, failures } = setUp({ renew: () => new Promise(() => {}) });
  failures.push(ended);
  const sending = rejects(client.send("bob", "one"), { reason: "SHUTTING_DOWN" });
  await clock.advance(100);
  client.close();
  await sending;
  equal(clock.timers, 0);
});
