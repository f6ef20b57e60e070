/**
 * Traces that broke earlier versions of the protocol, each as a scenario that fails again when
 * its clause of `DESIGN.md` is taken out (§4 to §7).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Message } from "../../src/raft/message.ts";
import type { Config, NodeId } from "../../src/raft/types.ts";
import type { TestCluster } from "./cluster.ts";
import { entryAfter, lastOf, receives, sends, sent } from "./messages.ts";
import { scenario, settle, writes } from "./scenario.ts";

function newestConfig(c: TestCluster, id: NodeId): Config {
  const config = c.node(id).stored.configs.at(-1)?.config;
  assert.ok(config !== undefined);
  return config;
}

function isCertain(c: TestCluster, id: NodeId): boolean {
  return c.node(id).core?.status().certain === true;
}

/** Whether one of these nodes is elected within that time, even if it can commit nothing. */
function everLeads(c: TestCluster, ids: readonly NodeId[], ms: number): boolean {
  const end = c.now + ms;
  while (c.now < end) {
    c.run(5);
    if (ids.some((id) => c.node(id).core?.status().role === "leader")) return true;
  }
  return false;
}

/** An answer from `from` to the newest ping of `to`, as a member that has the same config. */
function answers(
  c: TestCluster,
  from: NodeId,
  to: NodeId,
  answer: Partial<Message & { kind: "pong" }>,
): void {
  const { nonce } = sends(c, to, "ping");
  const config = c.node(to).stored.configs.at(-1);
  assert.ok(config !== undefined);
  receives(c, to, from, {
    kind: "pong",
    nonce,
    promised: config.term,
    config: { index: config.index, term: config.term },
    voter: true,
    certain: false,
    granted: true,
    leader: null,
    ...answer,
  });
}

/** The node forgets that anything since that index was committed, as after a power cut. */
function forgetsCommits(c: TestCluster, id: NodeId, index: number): void {
  const { stored } = c.node(id);
  stored.commitIndex = index;
  const applied = stored.entries.findLast((entry) => entry.index <= index);
  assert.ok(applied !== undefined);
  c.node(id).applied = applied;
}

scenario("nothing commits under a config that is on no disk", {}, [
  ["n3's disk hangs, a write is on n1 and n2; then n1's disk hangs, too", (c) => {
    settle(c);
    c.hangDisk("n3", 60_000);
    c.propose("a");
    c.run(10);
    c.hangDisk("n1", 400);
  }],
  ["n3 dies: all that are left have the write, but nobody has the config without n3", (c) => {
    c.kill("n3");
    c.run(300);
    assert.equal(newestConfig(c, "n1").voters.length, 3);
    assert.equal(c.applied("a", "n1"), false);
  }],
  ["it commits together with that config", (c) => c.until(() => c.applied("a", "n1", "n2"))],
]);

scenario("a pending config needs the disks of a quorum of the one before", {
  nodes: 2,
  lastResort: false,
}, [
  ["n1 hands over and asks to be dropped; its disk hangs before it has the config", (c) => {
    settle(c);
    c.feed("n1", { kind: "leave" });
    c.until(() => c.leads("n2"));
    c.hangDisk("n1", 300);
  }],
  ["the one voter of the new config has it, and nothing commits", (c) => {
    c.run(200);
    const config = c.node("n2").stored.configs.at(-1);
    assert.equal(config?.config.voters.length, 1);
    assert.ok(c.node("n2").stored.commitIndex < config.index);
  }],
  ["with n1's disk it does", (c) => writes(c, "a", "n2")],
]);

scenario("a commit index beyond the log says nothing about the configs in it", {
  lastResort: false,
}, [
  ["n3 hears that the entry after its newest config is committed, which skipped that one", (c) => {
    settle(c);
    const prev = lastOf(c, "n3");
    const config = { ...newestConfig(c, "n3"), c0Index: 1 };
    const entry = entryAfter(prev, prev.term, { kind: "config", config });
    const commitIndex = entry.index + 1;
    c.partition(["n1"], ["n3"]);
    const append = { term: prev.term, prev, entries: [entry], commitIndex } as const;
    receives(c, "n3", "n1", { kind: "append", ...append, c0Index: commitIndex, mark: null });
    c.run(10);
    assert.equal(lastOf(c, "n3").index, entry.index);
    assert.ok(c.node("n3").stored.commitIndex < entry.index);
  }],
]);

scenario("a leader's own stall is nobody's silence, last resort off", {
  nodes: 2,
  lastResort: false,
}, [
  ["n1, which has the quorum by itself, stalls for 1.1 T", (c) => {
    settle(c);
    c.pause("n1", 1_100);
    c.run(1_150);
  }],
  ["it has not dropped n2", (c) => {
    writes(c, "a", "n1", "n2");
    assert.deepEqual(c.voters(), ["n1", "n2"]);
  }],
]);

scenario("a doubt is cleared only by a grant of who has no newer config", { nodes: 2 }, [
  ["n2 restarts and hears nobody: it is in doubt about n1", (c) => {
    settle(c);
    c.partition(["n1"], ["n2"]);
    c.kill("n2");
    c.start("n2");
    c.run(50);
    assert.equal(isCertain(c, "n2"), false);
  }],
  ["n1 answers that n2 is a voter, without a grant: its next config may lack n2", (c) => {
    answers(c, "n1", "n2", { granted: false });
    assert.equal(isCertain(c, "n2"), false);
  }],
  ["n1 grants by a config that n2 does not have", (c) => {
    const { index, term } = lastOf(c, "n2");
    answers(c, "n1", "n2", { config: { index: index + 5, term } });
    assert.equal(isCertain(c, "n2"), false);
  }],
  ["n1 grants by the config that n2 has", (c) => {
    answers(c, "n1", "n2", {});
    assert.equal(isCertain(c, "n2"), true);
  }],
  ["who says 'not a voter' puts it in doubt again, although it is awake", (c) => {
    answers(c, "n1", "n2", { voter: false, granted: false });
    assert.equal(isCertain(c, "n2"), false);
  }],
]);

scenario("who was dropped for its hung disk is not certain when that works again", {}, [
  ["n3's disk hangs for 3 T; n1 and n2 go on without it", (c) => {
    settle(c);
    c.hangDisk("n3", 3_000);
    c.propose("a");
    c.until(() => c.applied("a", "n1", "n2"));
    c.run(100);
  }],
  ["n1 and n2 die; n3 never stood still itself, and never leads", (c) => {
    c.kill("n1");
    c.kill("n2");
    c.run(60_000);
    assert.equal(c.leads("n3"), false);
  }],
  ["n1 comes back, then n2: all is there", (c) => {
    c.start("n1");
    c.start("n2");
    writes(c, "b", "n1", "n2", "n3");
    assert.ok(c.applied("a", "n3"));
  }],
]);

scenario("who refused while this one slept counts as come back", { nodes: 4 }, [
  ["n1, the smallest, does not lead; it and n4 die, and n2 and n3 find them gone", (c) => {
    c.feed("n1", { kind: "transfer", id: 1, to: "n3" });
    c.until(() => c.leads("n3") && !c.leads("n1"));
    settle(c);
    c.hangDisk("n2", 60);
    c.kill("n1");
    c.kill("n4");
    c.run(55);
  }],
  ["n2 stalls for 2.9 T; n1 is back at once and goes on with n3, a quorum of all four", (c) => {
    c.pause("n2", 2_900);
    c.start("n1");
    c.until(() => {
      const leader = ["n1", "n3"].find((id) => c.leads(id));
      if (leader !== undefined) c.proposeAt(leader, "without n2");
      return c.applied("without n2", "n1", "n3");
    }, 2_500);
  }],
  ["n1 and n3 die, and nothing that they sent to n2 arrives", (c) => {
    c.kill("n1");
    c.kill("n3");
    c.node("n2").inbox = [];
  }],
  ["n2 wakes and never leads", (c) => {
    c.run(30_000);
    assert.equal(c.leads("n2"), false);
  }],
]);

scenario("a leave holds for the start of the node that asked", {}, [
  ["n3 restarts; n2 is told of a config without it, as it had asked in an earlier start", (c) => {
    c.kill("n3");
    c.start("n3");
    c.until(() => c.node("n3").core?.status().ready === true, 20_000);
    settle(c);
    c.partition(["n1"], ["n2"]);
    const prev = lastOf(c, "n2");
    const newest = newestConfig(c, "n2");
    const voters = newest.voters.filter((voter) => voter.id !== "n3");
    const config = { ...newest, voters, leavers: [{ id: "n3", incarnation: 1 }] };
    const entries = [entryAfter(prev, prev.term, { kind: "config", config })];
    const append = {
      term: prev.term,
      prev,
      entries,
      commitIndex: 0,
      c0Index: 0,
      mark: null,
    } as const;
    receives(c, "n2", "n1", { kind: "append", ...append });
    assert.equal(c.node("n2").core?.status().lastIndex, prev.index);
  }],
]);

scenario("a restarted node does not know that the config it knows is the newest", { nodes: 2 }, [
  ["n1 founded the cluster alone; all die and n1 forgets that n2 is a member for good", (c) => {
    writes(c, "a", "n1", "n2");
    settle(c);
    c.kill("n1");
    writes(c, "by n2 alone", "n2");
    c.kill("n2");
    forgetsCommits(c, "n1", 1);
  }],
  ["n1 comes back: alone in its oldest config, and not certain", (c) => {
    c.start("n1");
    c.run(10_000);
    assert.equal(c.leads("n1"), false);
  }],
  ["n2 comes back and everything is there", (c) => {
    c.start("n2");
    writes(c, "b", "n1", "n2");
    assert.ok(c.applied("by n2 alone", "n1"));
  }],
]);

scenario("a config between the oldest and the newest may have been in force", {
  lastResort: false,
}, [
  ["n2 is dropped and taken in again; all die; n2 and n3 know of none of that that it was", (c) => {
    settle(c);
    const known = c.node("n2").stored.commitIndex;
    c.kill("n2");
    writes(c, "a", "n1", "n3");
    c.start("n2");
    c.until(() => c.voters().length === 3, 20_000);
    writes(c, "b", "n1", "n2", "n3");
    for (const id of ["n1", "n2", "n3"]) c.kill(id);
    for (const id of ["n2", "n3"]) forgetsCommits(c, id, known);
  }],
  ["n2 and n3 are most of the first config and of the last, but n1 may go on without them", (c) => {
    c.start("n2");
    c.start("n3");
    assert.equal(everLeads(c, ["n2", "n3"], 10_000), false);
  }],
  ["n1 comes back and all go on", (c) => {
    c.start("n1");
    writes(c, "c", "n1", "n2", "n3");
  }],
]);

scenario("a leader that gives up puts its pending drop out of the way", { lastResort: false }, [
  ["n2 leads, does not hear n3 and drops it; n1 stalls and never gets to know", (c) => {
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.leads("n2") && !c.leads("n1"));
    settle(c);
    c.partition(["n3"], ["n2"], true);
    c.run(700);
    c.pause("n1", 60_000);
    c.until(() => newestConfig(c, "n2").voters.length === 2);
  }],
  ["n1 is silent, so n2 gives up; n1 dies; n3 is heard again", (c) => {
    c.until(() => c.node("n2").core?.status().role !== "leader");
    c.kill("n1");
    c.heal();
  }],
  ["n2 and n3 go on", (c) => writes(c, "a", "n2", "n3")],
]);

scenario("two of three come back, and the third had gone on alone", {}, [
  ["n1 and n2 die, n3 goes on alone and dies", (c) => {
    settle(c);
    c.kill("n1");
    c.kill("n2");
    writes(c, "alone", "n3");
    c.kill("n3");
  }],
  ["n1 and n2 are a quorum of all that they know, and wait", (c) => {
    c.start("n1");
    c.start("n2");
    assert.equal(everLeads(c, ["n1", "n2"], 20_000), false);
  }],
  ["n3 comes back and all go on with its write", (c) => {
    c.start("n3");
    writes(c, "b", "n1", "n2", "n3");
    assert.ok(c.applied("alone", "n1", "n2"));
  }],
]);

/** Whether `voter` grants what `candidate` asks for, in the term so many above its log's. */
function grants(
  c: TestCluster,
  [voter, candidate]: readonly [NodeId, NodeId],
  ask: { readonly pre: boolean; readonly everyPreVote: boolean; readonly above: number },
): boolean {
  const last = lastOf(c, candidate);
  c.node(voter).effects = [];
  receives(c, voter, candidate, {
    kind: "voteRequest",
    pre: ask.pre,
    term: { ...last.term, number: last.term.number + ask.above, nodeId: candidate },
    last,
    termStarts: c.node(candidate).stored.termStarts,
    lastResort: false,
    everyPreVote: ask.everyPreVote,
    transferTerm: null,
  });
  return sent(c.node(voter).effects, "voteReply")?.granted === true;
}

scenario("nobody votes for T after a start, unless all have said that they would", {
  quorum: "majority",
}, [
  ["n3 restarts; it may have granted n1 a lease just before, by which n1 reads", (c) => {
    settle(c);
    c.kill("n3");
    c.start("n3");
    c.feed("n3", { kind: "tick", random: 0.5 });
  }],
  ["n2, which cannot hear n1, asks n3 for its vote", (c) => {
    const ask = (pre: boolean, everyPreVote: boolean) =>
      grants(c, ["n3", "n2"], { pre, everyPreVote, above: 1 });
    assert.equal(ask(true, false), true);
    assert.equal(ask(false, false), false);
    assert.equal(ask(false, true), true);
  }],
]);

scenario("a vote is remembered across a restart", { quorum: "majority" }, [
  ["n1 votes for n3 and restarts", (c) => {
    settle(c);
    c.kill("n1");
    c.start("n1");
    const asked = { pre: false, everyPreVote: true, above: 2 };
    assert.equal(grants(c, ["n1", "n3"], asked), true);
    c.run(5);
    c.kill("n1");
    c.start("n1");
  }],
  ["it votes for nobody else in that term or below", (c) => {
    for (const above of [1, 2]) {
      assert.equal(grants(c, ["n1", "n2"], { pre: false, everyPreVote: true, above }), false);
    }
  }],
]);

scenario("a new leader takes nobody in before its term has committed anything", {
  quorum: "majority",
}, [
  ["n1 hands over to n2, which reaches nobody", (c) => {
    settle(c);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.node("n2").core?.status().role === "leader");
    c.partition(["n2"], ["n1", "n3"]);
  }],
  ["a joiner asks n2: no config is appended", (c) => {
    const { lastIndex } = c.node("n2").core?.status() ?? { lastIndex: 0 };
    c.feed("n2", { kind: "join", id: 1, member: c.add(4).member });
    c.run(300);
    assert.equal(c.node("n2").core?.status().lastIndex, lastIndex);
  }],
]);
