/**
 * Tests of subscriptions that lose their member: no gap, no repeat, no endless haste.
 *
 * @module
 */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Message } from "../rpc/api.ts";
import { ChatClient } from "./chat_client.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";
import type { SubscribeOptions, Subscription } from "./subscription.ts";

const NODES = ["n1:1", "n2:1", "n3:1"];

function setUp(options: SubscribeOptions = {}) {
  const clock = new ManualClock();
  const cluster = new FakeCluster(NODES);
  const session = { user: "bob", token: "token-bob" };
  const client = new ChatClient({ servers: NODES, connect: cluster.connect, clock, session });
  const controller = new AbortController();
  let member: string | null = null;
  const subscription = client.subscribe({
    ...options,
    signal: controller.signal,
    onMember: (address) => void (member = address),
  });
  const seen: Message[] = [];
  const reading = read(subscription, seen);
  return {
    clock,
    cluster,
    client,
    subscription,
    seen,
    reading,
    member: () => member ?? "",
    bodies: () => seen.map((message) => message.body),
    async stop() {
      controller.abort();
      await clock.until(reading);
      client.close();
      equal(clock.timers, 0);
    },
  };
}

async function read(subscription: Subscription, seen: Message[]): Promise<void> {
  for await (const message of subscription) seen.push(message);
}

Deno.test("subscription: from now on means from its start, whatever breaks first", async () => {
  const { clock, cluster, bodies, member, stop } = setUp();
  await clock.advance(1);
  cluster.write("ann", "bob", "1");
  await clock.advance(1);
  cluster.kill(member());
  cluster.write("ann", "bob", "2");
  await clock.advance(2_000);
  deepEqual(bodies(), ["1", "2"]);
  await stop();
});

Deno.test("subscription: resumes at another member without gap or repeat", async () => {
  const { clock, cluster, bodies, member, stop } = setUp({ fromUnacknowledged: true });
  const expected: string[] = [];
  for (let round = 0; round < 6; round++) {
    cluster.write("ann", "bob", `a${round}`);
    await clock.advance(10);
    const lost = member();
    cluster.kill(lost);
    cluster.elect(NODES.find((address) => address !== lost) ?? null);
    cluster.write("ann", "bob", `b${round}`);
    expected.push(`a${round}`, `b${round}`);
    await clock.advance(5_000);
    cluster.revive(lost);
  }
  deepEqual(bodies(), expected);
  await stop();
});

Deno.test("subscription: what arrived is asked of whatever member is read next", async () => {
  const { clock, cluster, client, seen, stop } = setUp({ fromUnacknowledged: true });
  await clock.advance(1);
  cluster.write("ann", "bob", "1");
  await clock.advance(10);
  ok(seen[0] !== undefined);
  equal(client.sessionState()?.position, seen[0].position);
  await stop();
});

Deno.test("subscription: a silent member is left after the heartbeats stop", async () => {
  const { clock, cluster, bodies, member, stop } = setUp();
  await clock.advance(10);
  const silent = member();
  cluster.node(silent).hung = true;
  cluster.write("ann", "bob", "x");
  await clock.advance(limits.subscriptionSilenceMsMax + 1_500);
  deepEqual(bodies(), ["x"]);
  ok(member() !== silent);
  await stop();
});

Deno.test("subscription: a history that lost its newest term goes on from an older one", async () => {
  const { clock, cluster, bodies, member, stop } = setUp({ fromUnacknowledged: true });
  cluster.write("ann", "bob", "common");
  cluster.elect("n2:1");
  const lost = cluster.write("ann", "bob", "moved", "id-moved");
  await clock.advance(10);
  deepEqual(bodies(), ["common", "moved"]);
  cluster.kill(member());
  // The other side of a partition wins: the message comes again at another place.
  cluster.log.splice(1);
  cluster.elect("n3:1");
  cluster.write("carl", "bob", "other side");
  cluster.write("ann", "bob", lost.body, "id-moved");
  cluster.write("ann", "bob", "last");
  await clock.advance(3_000);
  deepEqual(bodies(), ["common", "moved", "other side", "last"]);
  await stop();
});

Deno.test("subscription: goes on from a kept cursor, and says where it is", async () => {
  const first = setUp({ fromUnacknowledged: true });
  first.cluster.write("ann", "bob", "1");
  await first.clock.advance(10);
  const cursor = first.subscription.state();
  await first.stop();

  const clock = new ManualClock();
  const { cluster } = first;
  cluster.write("ann", "bob", "2");
  const session = { user: "bob", token: "token-bob" };
  const client = new ChatClient({ servers: NODES, connect: cluster.connect, clock, session });
  const seen: Message[] = [];
  for await (const message of client.subscribe({ cursor })) {
    seen.push(message);
    break;
  }
  deepEqual(seen.map((message) => message.body), ["2"]);
  client.close();
  equal(clock.timers, 0);
});

Deno.test("subscription: what no member would answer differently ends it", async () => {
  const clock = new ManualClock();
  const cluster = new FakeCluster(NODES);
  const connect = (address: string) => ({
    ...cluster.connect(address),
    async *subscribe() {
      await Promise.resolve();
      yield* [];
      throw new ChatError("UNAUTHENTICATED", "log in first");
    },
  });
  const client = new ChatClient({ servers: NODES, connect, clock });
  await rejects(clock.until(read(client.subscribe(), [])), { reason: "UNAUTHENTICATED" });
  client.close();
});

Deno.test("subscription: with all members dead it tries on, ever more slowly", async () => {
  const { clock, cluster, bodies, stop } = setUp();
  await clock.advance(10);
  for (const address of NODES) cluster.kill(address);
  cluster.calls.length = 0;
  await clock.advance(30_000);
  const tries = cluster.calls.length;
  ok(tries > 15 && tries < 400, `${tries} tries`);
  for (const address of NODES) cluster.revive(address);
  cluster.elect("n3:1");
  cluster.write("ann", "bob", "back");
  await clock.advance(3_000);
  deepEqual(bodies(), ["back"]);
  await stop();
});

Deno.test("subscription: nobody waits for a new login who does not listen any more", async () => {
  const { clock, cluster, client, member, reading, stop } = setUp();
  const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");
  client.useSession({ user: "bob", token: "token-bob" }, () => new Promise(() => {}));
  await clock.advance(1);
  for (const node of cluster.nodes.values()) node.failures.push(ended);
  cluster.kill(member());
  await clock.advance(1_000);
  let over = false;
  void reading.then(() => over = true);
  ok(!over);
  await stop();
});

Deno.test("subscription: goes on after a new login that nobody answered at first", async () => {
  const { clock, cluster, client, member, bodies, stop } = setUp();
  const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");
  let renewals = 0;
  client.useSession({ user: "bob", token: "token-bob" }, () => {
    if (renewals++ === 0) return Promise.reject(new ChatError("NO_LEADER", "There is no leader"));
    client.useSession({ user: "bob", token: "token-bob#2" });
    return Promise.resolve();
  });
  await clock.advance(1);
  for (const node of cluster.nodes.values()) node.failures.push(ended);
  cluster.kill(member());
  await clock.advance(5_000);
  cluster.write("ann", "bob", "for bob");
  await clock.advance(60_000);
  deepEqual([bodies(), renewals], [["for bob"], 2]);
  await stop();
});
