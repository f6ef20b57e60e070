/**
 * Clients as they were written for the original, on a cluster of real processes whose leader dies
 * or hangs: their sessions go on working at their next addresses, and no message is lost or
 * doubled that the interface lets one tell apart.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ClusterNode, NodeCluster } from "../../src/cli/node_cluster.ts";
import { type Attempted, OriginalClient, type OriginalLetter } from "../support/original_client.ts";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";

/** Longer than the failure timeout and the isolation grace together, ms. */
const STALL_MS = 5_000;

/** Long enough for requests to reach a log, and too short for a node to be dropped, ms. */
const HELD_MS = 200;

class OriginalTest {
  readonly #clients: OriginalClient[] = [];
  readonly #work: Promise<void>[] = [];
  /** Work beside the test comes to its end. */
  isOver = false;

  constructor(readonly cluster: NodeCluster) {}

  /** A client of its own, which knows every node. */
  client(): OriginalClient {
    const client = new OriginalClient(this.cluster.addresses);
    this.#clients.push(client);
    return client;
  }

  leader(): ClusterNode {
    const leads = ({ process, ready }: ClusterNode) => (process.role ?? ready).role === "leader";
    const leader = this.cluster.live.find(leads);
    assert.ok(leader !== undefined, "somebody leads");
    return leader;
  }

  async kill({ process }: ClusterNode): Promise<void> {
    process.kill("SIGKILL");
    await process.exited;
  }

  /** Starts work beside the test, until it is over. Its failure is the test's, told by `over`. */
  beside(run: () => Promise<void>): void {
    const work = run();
    work.catch(() => {});
    this.#work.push(work);
  }

  /** Lets the work come to its end; rejects with what failed in it. */
  async over(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.#work);
  }

  async close(): Promise<void> {
    this.isOver = true;
    for (const client of this.#clients) client.close();
    await Promise.allSettled(this.#work);
  }
}

function withOriginal(name: string, run: (test: OriginalTest) => Promise<void>): void {
  Deno.test(`cluster of 3, original clients: ${name}`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "jmessage-original-" });
    const cluster = new NodeCluster({ program: PROGRAM, directory, flags: ["--original-api"] });
    const test = new OriginalTest(cluster);
    try {
      for (const id of ["a", "b", "c"]) await cluster.start(id);
      await run(test);
    } finally {
      await test.close();
      await cluster.close();
    }
  });
}

/** What was sent to bob, by the text. */
type Sent = Map<string, Attempted>;

async function send(
  sent: Sent,
  { client, session_id, message }: {
    readonly client: OriginalClient;
    readonly session_id: string;
    readonly message: string;
  },
): Promise<void> {
  const attempted = await client.attempt("Send", { to: "bob", message, session_id });
  assert.equal(attempted.answer.error_code, 0, attempted.answer.error_message);
  sent.set(message, attempted);
}

/** Everything is there, and what no connection broke under is there once. */
function assertOnce(letters: readonly OriginalLetter[], sent: Sent): void {
  const counts = new Map<string, number>();
  for (const { message } of letters) counts.set(message, (counts.get(message) ?? 0) + 1);
  const problems = [...sent].filter(([message, { broken }]) => {
    const count = counts.get(message) ?? 0;
    return count < 1 || count > 1 + broken;
  });
  assert.deepEqual(problems, []);
  assert.deepEqual([...counts.keys()].filter((message) => !sent.has(message)), []);
}

withOriginal(
  "a session outlives leader after leader, and each message is read once",
  async (test) => {
    const client = test.client();
    const [ann, bob] = [await client.user("ann"), await client.user("bob")];
    const sent: Sent = new Map();
    const read: OriginalLetter[] = [];
    for (const round of ["first", "second", "third"]) {
      for (const message of [`${round} 1`, `${round} 2`]) {
        await send(sent, { client, session_id: ann, message });
      }
      if (round !== "third") await test.kill(test.leader());
      // The message before the failover is read after it.
      const got = await client.call("GetMessages", { session_id: bob });
      assert.equal(got.error_code, 0, got.error_message);
      read.push(...got.message);
      assert.equal((await client.call("GetMessages", { session_id: bob })).error_code, 17);
    }
    assert.deepEqual(read.map(({ message }) => message), [...sent.keys()], "each once, in order");
    const chat = await client.call("GetChat", { session_id: bob, username: "ann" });
    assert.deepEqual(chat.message, read, "with the same numbers and times");
    assert.equal((await client.call("Logout", { session_id: ann })).error_code, 0);
  },
);

withOriginal("the leader is killed under load, and nothing is lost", async (test) => {
  const reader = test.client();
  const bob = await reader.user("bob");
  const sent: Sent = new Map();
  const read = new Map<number, string>();
  for (const name of ["ann", "cid", "dan"]) {
    test.beside(async () => {
      const client = test.client();
      const session_id = await client.user(name);
      for (let number = 0; !test.isOver; number++) {
        await send(sent, { client, session_id, message: `${name} ${number}` });
      }
    });
  }
  test.beside(async () => {
    for (let none = 0; none < 1 || !test.isOver;) {
      const { error_code, message } = await reader.call("GetMessages", { session_id: bob });
      assert.ok([0, 17].includes(error_code), String(error_code));
      if (error_code === 17) none += 1;
      for (const one of message) {
        assert.equal(read.get(one.message_id) ?? one.message, one.message, "one id, one message");
        read.set(one.message_id, one.message);
      }
    }
  });
  await until(() => sent.size > 50, { what: "messages before the fault", ms: 20_000 });
  await test.kill(test.leader());
  const killed = sent.size;
  await until(() => sent.size > killed + 50, { what: "messages after it", ms: 20_000 });
  await test.over();
  const left = await reader.call("GetMessages", { session_id: bob });
  for (const one of left.message) read.set(one.message_id, one.message);
  const letters: OriginalLetter[] = [];
  for (const username of ["ann", "cid", "dan"]) {
    const chat = await reader.call("GetChat", { session_id: bob, username });
    letters.push(...chat.message);
  }
  assertOnce(letters, sent);
  const shown = letters.map(({ message_id, message }) => [message_id, message] as const);
  assert.deepEqual([...read].sort(([a], [b]) => a - b), [...shown].sort(([a], [b]) => a - b));
});

withOriginal("what a leader was asked for as it hung is done once", async (test) => {
  const [stuck, other] = [test.client(), test.client()];
  const [ann, bob] = [await stuck.user("ann"), await other.user("bob")];
  const sent: Sent = new Map();
  for (let lane = 0; lane < 32; lane++) {
    test.beside(async () => {
      for (let number = 0; !test.isOver; number++) {
        await send(sent, { client: stuck, session_id: ann, message: `${lane} ${number}` });
      }
    });
  }
  await until(() => sent.size > 100, { what: "messages before the fault", ms: 20_000 });
  const leader = test.leader();
  const follower = test.cluster.nodes.find((node) => node !== leader);
  assert.ok(follower !== undefined);
  // One disk is waited for: as the leader stops, all that was asked for is in its log, undecided.
  // What the follower had confirmed before it stopped may still come in: it is waited for, too.
  follower.process.kill("SIGSTOP");
  let [seen, since] = [sent.size, performance.now()];
  const isHeld = () => {
    if (sent.size !== seen) [seen, since] = [sent.size, performance.now()];
    return performance.now() - since > HELD_MS;
  };
  await until(isHeld, { what: "a while without an acknowledgement", ms: 10 * HELD_MS });
  leader.process.kill("SIGSTOP");
  follower.process.kill("SIGCONT");
  assert.equal(sent.size, seen, "nothing was acknowledged meanwhile");
  const stopped = performance.now();
  try {
    const from = test.cluster.nodes.filter((node) => node !== leader);
    const late = new OriginalClient(from.map(({ ready }) => ready.listen));
    const dan = await late.user("dan");
    const answer = await late.call("Send", { to: "bob", message: "hi", session_id: dan });
    assert.equal(answer.error_code, 0, "the others go on");
    late.close();
    const passed = () => performance.now() - stopped >= STALL_MS;
    await until(passed, { what: "the end of the stall", ms: 2 * STALL_MS });
  } finally {
    leader.process.kill("SIGCONT");
  }
  const before = sent.size;
  await until(() => sent.size > before + 100, { what: "messages after it", ms: 20_000 });
  await test.over();
  assert.ok([...sent.values()].every(({ broken }) => broken === 0), "no connection broke");
  const chat = await other.call("GetChat", { session_id: bob, username: "ann" });
  assertOnce(chat.message, sent);
});
