/**
 * Joining, against members that answer from a table.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HandClock } from "../support/hand_clock.ts";
import { ChatError, type Reason } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type { JoinAnswer, PeerClient, ProbeAnswer } from "../../src/rpc/peer_api.ts";
import { DEFAULT_POLICY } from "../../src/node/config.ts";
import { join, type JoiningOptions } from "../../src/node/joining.ts";
import { createLogger, silentLogger } from "../../src/node/logger.ts";

const accepted: JoinAnswer = { kind: "accepted", clusterId: "cluster-1" };

function leaderIs(leaderPeerAddress: string): JoinAnswer {
  return { kind: "notLeader", clusterId: "cluster-1", leaderPeerAddress };
}

function refused(reason: Reason): JoinAnswer {
  return { kind: "refused", error: new ChatError(reason, "refused") };
}

/** Members by address; one that is not there refuses the connection. */
class Bench {
  readonly clock = new HandClock();
  readonly asked: string[] = [];
  readonly clusters: string[] = [];
  readonly stop = new AbortController();
  open = 0;
  isDone = false;
  result: "running" | "done" | Reason = "running";

  constructor(readonly members: Record<string, JoinAnswer>, options: Partial<JoiningOptions> = {}) {
    const running = join({
      self: () => ({ id: "j", peerAddress: "j:1", clientAddress: "j:2" }),
      clusterId: () => "",
      addresses: () => ["a:1", "b:1", "j:1"],
      policy: {},
      connect: (address) => this.#connect(address),
      accepted: (clusterId) => Promise.resolve(void this.clusters.push(clusterId)),
      done: () => this.isDone,
      clock: this.clock,
      logger: silentLogger,
      ...options,
    }, this.stop.signal);
    running.then(
      () => this.result = "done",
      (error) => this.result = ChatError.from(error).reason,
    );
  }

  #connect(address: string): PeerClient {
    this.open += 1;
    const answer = () => {
      const known = this.members[address];
      return known === undefined
        ? Promise.reject(new ChatError("NO_ANSWER", "refused"))
        : Promise.resolve(known);
    };
    const probe: ProbeAnswer = {
      clusterId: "cluster-1",
      nodeId: address,
      leader: null,
      term: ZERO_TERM,
      policy: DEFAULT_POLICY,
    };
    return {
      probe: () => answer().then(() => probe),
      join: () => {
        this.asked.push(address);
        return answer();
      },
      openLink: () => assert.fail("Joining opens no links"),
      fetchSnapshot: () => assert.fail("Joining fetches nothing"),
      handOver: () => assert.fail("Joining hands nothing over"),
      close: () => void (this.open -= 1),
    };
  }
}

Deno.test("joining: asks until a leader takes the node in, and waits to see it", async () => {
  const bench = new Bench({ "b:1": leaderIs("c:1"), "c:1": accepted });
  await bench.clock.advance(0);
  assert.deepEqual([bench.asked, bench.clusters], [["b:1", "c:1"], ["cluster-1"]]);
  await bench.clock.advance(limits.joinTakenMs / 2);
  assert.equal(bench.result, "running");
  bench.isDone = true;
  await bench.clock.advance(limits.joinPollMs);
  assert.deepEqual([bench.result, bench.asked.length, bench.open], ["done", 2, 0]);
});

Deno.test("joining: asks again if nothing came of being taken in", async () => {
  const bench = new Bench({ "a:1": accepted });
  await bench.clock.advance(limits.joinTakenMs + limits.joinPollMs);
  assert.deepEqual(bench.asked, ["a:1", "a:1"]);
  bench.stop.abort();
  await bench.clock.advance(0);
  assert.deepEqual([bench.result, bench.clock.timers], ["done", 0]);
});

Deno.test("joining: goes on while nobody answers or nobody leads, more and more slowly", async () => {
  const bench = new Bench({ "b:1": leaderIs("") });
  await bench.clock.advance(60_000);
  assert.equal(bench.result, "running");
  const slowest = 60_000 / limits.joinRetryMsMax;
  assert.ok(bench.asked.length > slowest && bench.asked.length < slowest + 10);
  bench.members["b:1"] = accepted;
  await bench.clock.advance(limits.joinRetryMsMax + limits.joinPollMs);
  assert.deepEqual(bench.clusters, ["cluster-1"]);
  bench.stop.abort();
  await bench.clock.advance(0);
});

Deno.test("joining: members that name one another are asked once in a round", async () => {
  const bench = new Bench({ "a:1": leaderIs("b:1"), "b:1": leaderIs("a:1") });
  await bench.clock.advance(0);
  assert.deepEqual(bench.asked, ["a:1", "b:1"]);
  bench.stop.abort();
  await bench.clock.advance(0);
});

for (const reason of ["WRONG_CLUSTER", "REMOVED", "INVALID_ARGUMENT"] as const) {
  Deno.test(`joining: ends when it is refused for good: ${reason}`, async () => {
    const bench = new Bench({ "a:1": refused(reason), "b:1": accepted });
    await bench.clock.advance(0);
    assert.deepEqual([bench.result, bench.clusters, bench.open], [reason, [], 0]);
  });
}

Deno.test("joining: a policy other than the cluster's is refused before anybody is asked", async () => {
  const bench = new Bench({ "a:1": accepted }, { policy: { quorum: "majority" } });
  await bench.clock.advance(0);
  assert.deepEqual([bench.result, bench.asked], ["INVALID_ARGUMENT", []]);
});

Deno.test("joining: why there is no leader is never left out", async () => {
  const cases: [Record<string, JoinAnswer>, readonly string[], RegExp][] = [
    [{}, ["j:1"], /No leader found yet: this node knows no other to ask$/],
    [{ "a:1": leaderIs("j:1") }, ["a:1"], /yet: a:1: it takes this node for the leader$/],
    [
      { "a:1": leaderIs("b:1"), "b:1": leaderIs("a:1") },
      ["a:1", "b:1"],
      /yet: a:1: it says that b:1 leads; b:1: it says that a:1 leads$/,
    ],
  ];
  for (const [members, addresses, expected] of cases) {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line.trimEnd());
    const logger = createLogger({ level: "info", format: "text", write });
    const bench = new Bench(members, { addresses: () => addresses, logger });
    await bench.clock.advance(1);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", expected);
    assert.ok(!bench.asked.includes("j:1"), "itself is never asked");
    bench.stop.abort();
    await bench.clock.advance(limits.joinPollMs);
  }
});

Deno.test("joining: who reaches itself by another address says so", async () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line.trimEnd());
  const logger = createLogger({ level: "info", format: "text", write });
  const itself = { clusterId: "", nodeId: "j", leader: null, term: ZERO_TERM, policy: null };
  const connect = () => ({
    probe: () => Promise.resolve(itself),
    join: () => assert.fail("It asks itself for nothing"),
    openLink: () => assert.fail("Joining opens no links"),
    fetchSnapshot: () => assert.fail("Joining fetches nothing"),
    handOver: () => assert.fail("Joining hands nothing over"),
    close: () => {},
  });
  const bench = new Bench({}, { addresses: () => ["j.example:1"], logger, connect });
  await bench.clock.advance(1);
  assert.match(lines[0] ?? "", /No leader found yet: j\.example:1: it is this node itself/);
  bench.stop.abort();
  await bench.clock.advance(limits.joinPollMs);
});

Deno.test("joining: what is over while members are asked is not told as a failure", async () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const logger = createLogger({ level: "info", format: "text", write });
  let asked = 0;
  // A leader has taken it in meanwhile.
  const done = () => ++asked > 1;
  const bench = new Bench({}, { done, logger });
  await bench.clock.advance(1);
  assert.deepEqual([bench.result, lines], ["done", []]);
});
