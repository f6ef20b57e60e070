/**
 * Whole nodes in one process, over real sockets and files.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallContext } from "../rpc/api.ts";
import { type ChatConnection, connect } from "../rpc/client.ts";
import type { NodeOptions } from "./config.ts";
import { createLogger } from "./logger.ts";
import { type RunningNode, startNode } from "./node.ts";

/** Nodes in one process over real sockets and files; all of them go when the test ends. */
class Nodes {
  readonly #running = new Set<RunningNode>();
  readonly #connections: ChatConnection[] = [];

  constructor(readonly directory: string) {}

  async start(id: string, options: NodeOptions = {}): Promise<RunningNode> {
    const node = await startNode({
      data: join(this.directory, id),
      listen: "127.0.0.1:0",
      peerListen: "127.0.0.1:0",
      passwordCost: { N: 2, r: 1, p: 1 },
      ...options,
    });
    this.#running.add(node);
    return node;
  }

  /** Starts and waits until it votes and serves. */
  async ready(id: string, options: NodeOptions = {}): Promise<RunningNode> {
    const node = await this.start(id, options);
    await node.ready;
    return node;
  }

  client(node: RunningNode): ChatConnection {
    const connection = connect(node.listen);
    this.#connections.push(connection);
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    for (const node of this.#running) await node.stop();
    await rm(this.directory, { recursive: true });
  }
}

function withNodes(name: string, run: (nodes: Nodes) => Promise<void>): void {
  Deno.test(`node: ${name}`, async () => {
    const nodes = new Nodes(await mkdtemp(join(tmpdir(), "jmessage-node-")));
    try {
      await run(nodes);
    } finally {
      await nodes.close();
    }
  });
}

function context(token?: string, more: Partial<CallContext> = {}): CallContext {
  const { signal } = new AbortController();
  return { token, deadlineMs: Date.now() + 10_000, signal, ...more };
}

/** Registers and logs in at the leader. */
async function user(leader: ChatConnection, name: string): Promise<string> {
  const password = `password of ${name}`;
  await leader.createAccount({ requestId: randomUUID(), name, password }, context());
  return (await leader.login({ requestId: randomUUID(), name, password }, context())).token;
}

function send(leader: ChatConnection, token: string, body: string) {
  return leader.sendMessage({ requestId: randomUUID(), to: "ann", body }, context(token));
}

/** Waits for a condition of a running cluster. */
async function eventually(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!await holds()) {
    assert.ok(Date.now() < until, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whichever of the nodes leads, once all of them agree that it does. */
async function leaderOf(nodes: readonly RunningNode[]): Promise<RunningNode> {
  const leads = () =>
    nodes.find((node) =>
      node.role().role === "leader" && nodes.every((one) => one.role().leader === node.id)
    );
  await eventually("one leader", () => leads() !== undefined);
  return leads()!;
}

withNodes("alone it serves, stops, and comes back with everything", async (nodes) => {
  const node = await nodes.ready("a", { id: "a" });
  const { listen, peerListen } = node;
  assert.equal(node.role().role, "leader");
  const client = nodes.client(node);
  const ann = await user(client, "ann");
  const sent = await send(client, ann, "hello");
  const admin = node.adminToken();
  assert.ok(admin !== null);
  const before = await client.digest({}, context(admin));
  await node.stop();
  await node.stopped;
  await assert.rejects(client.getMessages({}, context(ann)));

  const again = await nodes.ready("a", { listen, peerListen });
  assert.deepEqual([again.id, again.listen], ["a", listen]);
  const clients = nodes.client(again);
  const { messages } = await clients.getMessages({}, context(ann));
  assert.deepEqual(messages.map(({ id, body }) => [id, body]), [[sent.id, "hello"]]);
  const after = await clients.digest({ atLeastIndex: before.appliedIndex }, context(admin));
  assert.equal(again.adminToken(), null, "it is told once");
  assert.equal(after.digest, before.digest);
});

withNodes("three share every message; one leaves and another leads on", async (nodes) => {
  const a = await nodes.ready("a", { id: "a" });
  const b = await nodes.ready("b", { id: "b", join: [a.peerListen] });
  const c = await nodes.ready("c", { id: "c", join: [b.peerListen] });
  assert.deepEqual([b.clusterId(), c.clusterId()], [a.clusterId(), a.clusterId()]);
  const leader = nodes.client(await leaderOf([a, b, c]));
  const ann = await user(leader, "ann");
  const { position } = await send(leader, ann, "one");

  // Read your writes at any member; a write is sent to the leader.
  for (const node of [a, b, c]) {
    const read = await nodes.client(node).getMessages({}, context(ann, { position }));
    assert.deepEqual(read.messages.map((message) => message.body), ["one"]);
    assert.equal(read.info.clusterId, a.clusterId());
  }
  const follower = [a, b, c].find((node) => node.role().role !== "leader")!;
  await assert.rejects(send(nodes.client(follower), ann, "x"), { reason: "NOT_LEADER" });

  const first = await leaderOf([a, b, c]);
  await first.stop();
  const rest = [a, b, c].filter((node) => node !== first);
  const next = await leaderOf(rest);
  const onward = nodes.client(next);
  await eventually(
    "writes again",
    () => send(onward, ann, "two").then(() => true, () => false),
  );
  const { messages } = await onward.getMessages({}, context(ann));
  assert.deepEqual(messages.map((message) => message.body), ["one", "two"]);

  const { listen, peerListen } = first;
  const back = await nodes.ready(first.id, { listen, peerListen });
  const status = await onward.status({}, context(a.adminToken()!));
  assert.deepEqual(status.members.map(({ id, voter }) => [id, voter]).sort(), [
    ["a", true],
    ["b", true],
    ["c", true],
  ]);
  const digests = await Promise.all(
    [back, ...rest].map((node) =>
      nodes.client(node).digest(
        { atLeastIndex: status.members[0]!.commitIndex },
        context(a.adminToken()!),
      )
    ),
  );
  const [one] = digests.filter((digest) => digest.appliedIndex === digests[0]!.appliedIndex);
  for (const digest of digests) {
    if (digest.appliedIndex === one!.appliedIndex) assert.equal(digest.digest, one!.digest);
  }
});

withNodes(
  "a subscription at a follower shows what is sent at the leader, and who is online",
  async (nodes) => {
    const a = await nodes.ready("a", { id: "a" });
    const b = await nodes.ready("b", { id: "b", join: [a.peerListen] });
    const first = await leaderOf([a, b]);
    const leader = nodes.client(first);
    const ann = await user(leader, "ann");
    const bob = await user(leader, "bob");
    const follower = nodes.client(first === a ? b : a);
    const caller = new AbortController();
    const call = context(ann, { signal: caller.signal });
    const frames = follower.subscribe({ positions: [] }, call)[Symbol.asyncIterator]();
    assert.equal((await frames.next()).value?.kind, "heartbeat");
    const sent = await send(leader, bob, "live");
    const { value } = await frames.next();
    assert.ok(value?.kind === "message");
    assert.deepEqual([value.message.id, value.message.body], [sent.id, "live"]);

    const online = async (client: ChatConnection) => {
      const { users } = await client.listUsers({}, context(bob, sent.info));
      return users.filter((one) => one.online).map((one) => one.name).join();
    };
    await eventually(
      "both seen online at both",
      async () => await online(leader) === "ann,bob" && await online(follower) === "ann,bob",
    );
    caller.abort();
    await frames.next().catch(() => undefined);
  },
);

withNodes("hands leadership over and removes a member when an operator says so", async (nodes) => {
  const a = await nodes.ready("a", { id: "a" });
  const b = await nodes.ready("b", { id: "b", join: [a.peerListen] });
  const c = await nodes.ready("c", { id: "c", join: [a.peerListen] });
  const admin = a.adminToken()!;
  let first = a;
  // Members that have just started do not vote yet: it may take more than one try.
  await eventually("a transfer", async () => {
    first = await leaderOf([a, b, c]);
    const to = first === b ? "c" : "b";
    const call = nodes.client(first).transferLeadership({ to }, context(admin));
    const answer = await call.catch(() => null);
    return answer !== null && answer.leader === to && answer.leader !== first.id;
  });
  const target = await leaderOf([a, b, c]);
  assert.notEqual(target, first);
  const { members } = await nodes.client(target).removeMember({ id: first.id }, context(admin));
  assert.ok(!members.includes(first.id));
  await assert.rejects(first.stopped, { reason: "REMOVED" });
});

withNodes("a joiner is refused another policy and another cluster", async (nodes) => {
  const a = await nodes.ready("a", { policy: { heartbeatMs: 50, failureTimeoutMs: 500 } });
  assert.equal(a.policy()?.isolationGraceMs, 1_500);
  const other = await nodes.start("b", { join: [a.peerListen], policy: { quorum: "majority" } });
  await assert.rejects(other.stopped, { reason: "INVALID_ARGUMENT", field: "quorum" });
  const b = await nodes.ready("c", { join: [a.peerListen] });
  assert.equal(b.policy()?.heartbeatMs, 50);
  const { listen, peerListen } = b;
  await b.stop();
  const changed = nodes.start("c", { listen, peerListen, policy: { failureTimeoutMs: 1_000 } });
  await assert.rejects(changed, { reason: "INVALID_ARGUMENT", field: "failure-timeout-ms" });
});

withNodes(
  "refuses wrong options, a locked directory and a taken port, and leaves nothing open",
  async (nodes) => {
    const a = await nodes.ready("a", { id: "a" });
    const wrong: readonly [NodeOptions, string][] = [
      [{ id: "no good" }, "INVALID_ARGUMENT"],
      [{ join: ["nowhere"] }, "INVALID_ARGUMENT"],
      [{ policy: { heartbeatMs: 1_000, failureTimeoutMs: 1_000 } }, "INVALID_ARGUMENT"],
      [{ data: join(nodes.directory, "a") }, "DATA_DIRECTORY"],
      [{ listen: a.listen }, "INTERNAL"],
      [{ peerListen: a.peerListen }, "INTERNAL"],
    ];
    for (const [options, reason] of wrong) {
      await assert.rejects(nodes.start("x", options), { reason }, JSON.stringify(options));
    }
    await nodes.ready("x");
  },
);

withNodes("who joins and who goes is in every member's log", async (nodes) => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line).message);
  const logger = createLogger({ level: "info", format: "json", write });
  const a = await nodes.ready("a", { id: "a", logger });
  const b = await nodes.ready("b", { id: "b", join: [a.peerListen] });
  await eventually("b is told", () => lines.includes("Member b is a voter now"));
  await b.stop();
  await eventually("b is told gone", () => lines.includes("Member b left, as it was stopped"));
  assert.deepEqual(lines.filter((line) => line.startsWith("Member ")), [
    "Member b joined (learner)",
    "Member b is a voter now",
    "Member b left, as it was stopped",
  ]);
});
