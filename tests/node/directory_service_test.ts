/**
 * Who and what is listed, over a driver without a core.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { context, ServiceBench } from "../support/service_bench.ts";
import { limits } from "../../src/limits.ts";

async function usersOf(bench: ServiceBench, token: string) {
  const { users } = await bench.chat.listUsers({}, context(token));
  return users.map(({ name, online }) => `${name} ${online ? "online" : "offline"}`);
}

Deno.test("directory service: lists everyone, online or offline, when last seen", async () => {
  const bench = await ServiceBench.open();
  const ann = await bench.user("ann");
  await bench.user("bob");
  assert.deepEqual(await usersOf(bench, ann), ["ann online", "bob online"]);
  const seen = bench.clock.wall();
  await bench.clock.advance(limits.onlineAfterCallMs);
  assert.deepEqual(await usersOf(bench, ann), ["ann online", "bob offline"]);
  const { users } = await bench.chat.listUsers({}, context(ann));
  assert.deepEqual(users.map((user) => user.lastSeenMs), [bench.clock.wall(), seen]);
  await bench.close();
});

Deno.test("directory service: one that logged out is offline at once", async () => {
  const bench = await ServiceBench.open();
  const [ann, bob] = [await bench.user("ann"), await bench.user("bob")];
  await bench.chat.logout({ requestId: randomUUID(), all: false }, context(bob));
  await bench.clock.advance(limits.sessionCheckMs);
  assert.deepEqual(await usersOf(bench, ann), ["ann online", "bob offline"]);
  await bench.close();
});

Deno.test("directory service: users come in pages, each once", async () => {
  const bench = await ServiceBench.open();
  const names = ["ann", "bob", "carl", "dora", "emil"];
  let token = "";
  for (const name of names) token = await bench.user(name);
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await bench.chat.listUsers({ pageSize: 2, pageToken }, context(token));
    seen.push(...page.users.map((user) => user.name));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(seen, names);
  await bench.close();
});

Deno.test("directory service: tells the members and the leader without a login", async () => {
  const bench = await ServiceBench.open();
  const { info, ...cluster } = await bench.chat.getCluster({}, context());
  assert.equal(info.clusterId, "cluster-1");
  assert.deepEqual(cluster, {
    clusterId: "cluster-1",
    members: [
      { id: "node-1", clientAddress: "127.0.0.1:6001", voter: true },
      { id: "node-2", clientAddress: "127.0.0.1:6002", voter: true },
    ],
    leader: "127.0.0.1:6001",
    term: "0.1@node-1",
  });
  await bench.close();
});
