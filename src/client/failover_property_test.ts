/**
 * Random faults against a client: whatever happens to the nodes, each acknowledged message is
 * in the log once, posts keep their order, and a subscriber sees each message once, in order.
 *
 * @module
 */

import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { ChatClient } from "./chat_client.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";

const NODES = ["n1:1", "n2:1", "n3:1"];

interface Fault {
  readonly kind: "kill" | "hang" | "revive" | "elect" | "lose";
  readonly node: number;
}

type Step =
  | Fault
  | { readonly kind: "send" | "post" }
  | { readonly kind: "wait"; readonly ms: number };

const node = fc.nat(NODES.length - 1);
const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.constantFrom("kill", "hang", "revive", "elect", "lose"),
  node,
});
const write: fc.Arbitrary<Step> = fc.record({ kind: fc.constantFrom("send", "post") });
const wait: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("wait"),
  ms: fc.integer({ min: 1, max: 2_000 }),
});
const step = fc.oneof(fault, write, wait);

function apply(cluster: FakeCluster, one: Fault): void {
  const address = NODES[one.node] ?? "";
  switch (one.kind) {
    case "kill":
      return cluster.kill(address);
    case "hang":
      cluster.node(address).hung = true;
      return;
    case "revive":
      return cluster.revive(address);
    case "elect":
      return cluster.elect(address);
    case "lose":
      cluster.node(address).answersToLose++;
  }
}

async function run(steps: readonly Step[], seed: number) {
  const clock = new ManualClock({ seed });
  const cluster = new FakeCluster(NODES);
  const options = { servers: NODES, connect: cluster.connect, clock };
  const client = new ChatClient({ ...options, session: { user: "ann", token: "token-ann" } });
  const reader = new ChatClient({ ...options, session: { user: "bob", token: "token-bob" } });
  const controller = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    const subscription = reader.subscribe({ fromUnacknowledged: true, signal: controller.signal });
    for await (const message of subscription) seen.push(message.body);
  })();
  const pending: Promise<unknown>[] = [];
  let count = 0;
  for (const one of steps) {
    if (one.kind === "wait") await clock.advance(one.ms);
    else if (one.kind === "send") {
      pending.push(client.send("bob", `send ${count++}`, { timeoutMs: 600_000 }));
    } else if (one.kind === "post") pending.push(client.post("bob", `post ${count++}`));
    else if ("node" in one) apply(cluster, one);
  }
  for (const address of NODES) cluster.revive(address);
  cluster.elect("n2:1");
  await clock.until(Promise.all(pending));
  await clock.advance(20_000);
  controller.abort();
  await clock.until(reading);
  client.close();
  reader.close();
  await clock.settle();
  return { log: cluster.log.map((message) => message.body), seen, count, calls: cluster.calls };
}

Deno.test("failover: the same faults with the same seed give the same calls", async () => {
  const steps: Step[] = [
    { kind: "post" },
    { kind: "lose", node: 0 },
    { kind: "send" },
    { kind: "kill", node: 0 },
    { kind: "wait", ms: 1_500 },
    { kind: "elect", node: 1 },
    { kind: "post" },
  ];
  deepEqual((await run(steps, 7)).calls, (await run(steps, 7)).calls);
});

Deno.test("failover: under random faults nothing is lost, repeated or reordered", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(), async (steps, seed) => {
      const { log, seen, count } = await run(steps, seed);
      equal(log.length, count);
      equal(new Set(log).size, count);
      const posts = log.filter((body) => body.startsWith("post"));
      const inOrder = posts.toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
      deepEqual(posts, inOrder);
      deepEqual(seen, log);
    }),
    { numRuns: 60 },
  );
});
