/**
 * Scenarios about healing that stood still, or gave in to whom it should not have (§9).
 *
 * @module
 */

import assert from "node:assert/strict";
import { markOf } from "../../src/raft/side.ts";
import { nextTerm } from "../../src/raft/term.ts";
import type { NodeId } from "../../src/raft/types.ts";
import { type TestCluster, testMember } from "./cluster.ts";
import { entryAfter, lastOf, receives } from "./messages.ts";
import { goesOn, meets, n3Parts, scenario, settle } from "./scenario.ts";

/** Whether the newest config on a node's disk fulfils this. */
function newestHas(c: TestCluster, id: NodeId, voters: readonly NodeId[]): boolean {
  return lastOf(c, id).kind === "config" &&
    c.node(id).stored.configs.at(-1)?.config.voters.map((voter) => voter.id).join() ===
      voters.join();
}

function killOnceNewestHas(c: TestCluster, id: NodeId, voters: readonly NodeId[]): void {
  for (let ms = 0; ms < 10_000 && !newestHas(c, id, voters); ms++) c.run(1);
  assert.ok(newestHas(c, id, voters));
  c.kill(id);
}

/** What a node told people that begins so. */
function told(c: TestCluster, id: NodeId, begins: string): boolean {
  return c.node(id).effects.some((effect) =>
    effect.kind === "notice" && effect.text.startsWith(begins)
  );
}

scenario("a voter that cannot follow is gone on without, and gives in", { nodes: 5 }, [
  ["n1 has a write on its disk alone as it is cut off, and n4 and n5 are, too", (c) => {
    settle(c);
    c.partition(["n1"], ["n2", "n3", "n4", "n5"]);
    c.partition(["n4", "n5"], ["n2", "n3"]);
    c.proposeAt("n1", "on one disk");
  }],
  ["n4 dies as its last resort with n5 is on its disk alone", (c) => {
    killOnceNewestHas(c, "n4", ["n4", "n5"]);
  }],
  ["n1 meets n2 and n3, leads, and dies as a config of the three is on its disk alone", (c) => {
    c.partition(["n1", "n2", "n3"], ["n4", "n5"]);
    for (const id of ["n2", "n3"]) {
      c.cut.delete(`n1>${id}`);
      c.cut.delete(`${id}>n1`);
    }
    killOnceNewestHas(c, "n1", ["n1", "n2", "n3"]);
  }],
  [
    "all are back: whoever leads grants n1 a lease, and n1 cannot follow without a hand-over",
    (c) => {
      c.start("n1");
      c.start("n4");
      c.heal();
      meets(c, ["n1", "n2", "n3", "n4", "n5"], ["on one disk"]);
    },
  ],
]);

scenario("a leader that somebody cannot follow goes on without that one", { nodes: 4 }, [
  ["n1 begins to go on with n3 alone: it has that on its disk as both die", (c) => {
    settle(c);
    c.partition(["n1", "n3"], ["n2", "n4"]);
    c.proposeAt("n1", "on two disks");
    killOnceNewestHas(c, "n1", ["n1", "n3"]);
    c.kill("n3");
  }],
  ["n2 dies; n4 goes on alone, and dies as that is on its disk", (c) => {
    c.run(c.policy.failureTimeoutMs / 2);
    c.kill("n2");
    killOnceNewestHas(c, "n4", ["n4"]);
  }],
  ["all are back: n4 makes all of them its voters, and n1 cannot follow it", (c) => {
    for (const id of ["n1", "n2", "n3", "n4"]) c.start(id);
    c.heal();
    meets(c, ["n1", "n2", "n3", "n4"], ["on two disks"]);
  }],
]);

scenario("who is taken in with the log that it has, has not given in in vain", { nodes: 5 }, [
  ["n4 and n5 go on by last resort; n1 has started anew, and is alone", (c) => {
    settle(c);
    c.partition(["n1"], ["n2", "n3", "n4", "n5"]);
    for (const id of ["n1", "n2", "n3"]) c.kill(id);
    c.start("n1");
    goesOn(c, ["n4", "n5"], "a");
    c.run(3_000);
  }],
  ["n1 meets them alone: its log is the beginning of theirs", (c) => {
    for (const id of ["n4", "n5"]) {
      c.cut.delete(`n1>${id}`);
      c.cut.delete(`${id}>n1`);
    }
    c.until(() => c.applied("a", "n1"));
    assert.ok(told(c, "n1", "Meets the other side"));
  }],
  ["it does not say later that it goes on without them", (c) => {
    c.run(3_000);
    assert.ok(!told(c, "n1", "The other side is out of reach"));
    assert.equal(c.voters().join(), "n1,n4,n5");
  }],
  ["all meet", (c) => {
    c.heal();
    c.start("n2");
    c.start("n3");
    meets(c, ["n1", "n2", "n3", "n4", "n5"], ["a"]);
  }],
]);

scenario("who is parted again as it fetches the other side's snapshot goes on as it was", {}, [
  ["n3 went on alone", n3Parts],
  ["they meet, and are parted as n3 has handed over and fetches", (c) => {
    c.snapshotsHang = true;
    c.heal();
    const fetches = () => c.node("n3").effects.some(({ kind }) => kind === "fetchSnapshot");
    for (let ms = 0; !fetches() && ms < 10_000; ms++) c.run(1);
    assert.ok(fetches());
    c.partition(["n3"], ["n1", "n2"]);
  }],
  ["n3 serves again", (c) => {
    const { failureTimeoutMs, isolationGraceMs } = c.policy;
    const took = c.until(() => c.leads("n3"));
    assert.ok(took < failureTimeoutMs + isolationGraceMs + 1_000, `It took ${took} ms`);
    goesOn(c, ["n3"], "c");
  }],
  ["they meet for good", (c) => {
    c.snapshotsHang = false;
    c.heal();
    meets(c, ["n1", "n2", "n3"], ["a", "b", "c"]);
  }],
]);

scenario("who gives in hands over to a leader that comes before its side, and to no other", {}, [
  ["n3 went on alone", n3Parts],
  ["it meets the others, and asks to be taken in", (c) => {
    c.heal();
    for (let ms = 0; !told(c, "n3", "Meets") && ms < 10_000; ms++) c.run(1);
    assert.ok(told(c, "n3", "Meets"));
    assert.ok(!c.node("n3").effects.some(({ kind }) => kind === "handOver"));
  }],
  ["n2 wants to be followed in a later term, and has not told by which side", (c) => {
    const term = { epoch: 5, number: 9, nodeId: "n2" };
    const prev = { index: 1, term, checksum: "another one" };
    receives(c, "n3", "n2", {
      kind: "append",
      ...{ term, prev, entries: [], commitIndex: 1, c0Index: 1, mark: term },
    });
    assert.ok(!c.node("n3").effects.some(({ kind }) => kind === "handOver"));
  }],
]);

scenario("a removed node on which an operator forces a cluster takes nobody with it", {}, [
  ["n3 dies and is removed", (c) => {
    settle(c);
    c.kill("n3");
    c.feed(c.leader()!, { kind: "remove", id: 7, peer: "n3" });
    c.until(() => c.node("n1").stored.configs.at(-1)?.config.tombstones.join() === "n3");
    assert.equal(c.voters().join(), "n1,n2");
  }],
  ["an operator forces its old directory to go on", (c) => {
    const { stored } = c.node("n3");
    const newest = stored.configs.at(-1)!.config;
    const last = lastOf(c, "n3");
    const term = nextTerm(stored.promised, "n3", true);
    const voters = newest.voters.filter(({ id }) => id === "n3");
    const fork = { base: last, configs: [newest] };
    const mark = markOf(null, fork, { voters, term, forced: true });
    const config = { ...newest, voters, mark, c0Index: last.index };
    const entry = entryAfter(last, term, { kind: "config", config });
    stored.entries = [...stored.entries, entry];
    stored.configs = [...stored.configs, { index: entry.index, term, config }];
    stored.termStarts = [...stored.termStarts, { term, index: entry.index }];
    stored.promised = term;
    stored.commitIndex = entry.index;
    c.start("n3");
    goesOn(c, ["n3"], "by the removed");
  }],
  ["the others go on with what they have", (c) => {
    const leader = c.leader()!;
    for (let ms = 0; ms < 10_000; ms += 5) {
      c.run(5);
      assert.ok(c.leads("n1") || c.leads("n2"), "they gave in");
    }
    assert.ok(leader !== "n3");
    c.proposeAt(c.leads("n1") ? "n1" : "n2", "by the others");
    c.until(() => c.applied("by the others", "n1", "n2"));
    assert.ok(!c.applied("by the removed", "n1"));
  }],
]);

/** Cuts a node's log, as if all of it had come with a snapshot; it is down meanwhile. */
function cutLog(c: TestCluster, id: NodeId): void {
  const { stored } = c.node(id);
  const { index, term, checksum } = lastOf(c, id);
  const config = stored.configs.at(-1) ?? stored.base.config;
  stored.base = { index, term, checksum, config };
  stored.entries = [];
  stored.configs = [];
}

scenario("two sides meet that never heard of each other's nodes", { nodes: 2 }, [
  ["n1 and n2 are parted; n2 goes on by last resort, takes n3 in and dies", (c) => {
    settle(c);
    c.partition(["n1"], ["n2", "n3"]);
    goesOn(c, ["n1"], "a");
    goesOn(c, ["n2"], "b");
    c.add(3);
    c.start("n3");
    c.until(() => {
      c.feed("n2", { kind: "join", id: 1, member: testMember(3) });
      return c.node("n3").core?.status().ready === true;
    }, 20_000);
    c.kill("n2");
    goesOn(c, ["n3"], "c");
  }],
  ["n3 starts again, and all that its log tells of n1 is whom its mark left behind", (c) => {
    c.run(1_000);
    c.kill("n3");
    cutLog(c, "n3");
    c.start("n3");
  }],
  ["it calls n1", (c) => {
    c.heal();
    for (let ms = 0; ms < 1_000; ms++) c.run(1);
    const side = () => c.node("n3").effects.some((effect) => effect.kind === "handOver");
    c.until(side, 20_000);
  }],
]);

scenario("a leader calls the leader of whom it heard that another node follows", {}, [
  ["n1 leads, and a node that it knows nothing of says that it follows n9", (c) => {
    settle(c);
    c.node("n1").effects = [];
    const term = { epoch: 0, number: 9, nodeId: "n9" };
    const pings = c.node("n1").effects;
    c.run(100);
    const { message } = pings.find((effect) =>
      effect.kind === "send" && effect.to === "n2" && effect.message.kind === "ping"
    ) as { message: { nonce: number } };
    receives(c, "n1", "n2", {
      kind: "pong",
      nonce: message.nonce,
      promised: term,
      config: { index: 1, term },
      voter: false,
      certain: false,
      granted: false,
      leader: testMember(9),
    });
  }],
  ["it pings n9, which may lead another side", (c) => {
    c.node("n1").effects = [];
    c.run(150);
    assert.ok(
      c.node("n1").effects.some((effect) =>
        effect.kind === "send" && effect.to === "n9" && effect.message.kind === "ping"
      ),
    );
  }],
]);

scenario("two of one side that cannot follow the other's leader do not suspect each other", {}, [
  ["n3 is cut off; the others go on without it and die; n3 goes on by last resort", (c) => {
    settle(c);
    c.partition(["n3"], ["n1", "n2"]);
    goesOn(c, ["n1", "n2"], "a");
    c.kill("n1");
    c.kill("n2");
    goesOn(c, ["n3"], "b");
  }],
  ["they come back, and hear n3 before they have a leader", (c) => {
    c.heal();
    c.start("n1");
    c.start("n2");
    meets(c, ["n1", "n2", "n3"], ["a", "b"]);
  }],
  ["nobody of the quorum's side went on alone", (c) => {
    assert.equal(c.node("n1").stored.configs.at(-1)?.config.mark ?? null, null);
  }],
]);
