/**
 * Scenarios about a config that the disk of one dead leader alone has, with the last resort: it was
 * never in force, perhaps, and whoever finds it in its log does not know that (§6, §7).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Config, Member } from "../../src/raft/types.ts";
import type { TestCluster } from "./cluster.ts";
import { scenario, settle, type Step, writes } from "./scenario.ts";

function newest(c: TestCluster, id: string): Config {
  return c.node(id).stored.configs.at(-1)!.config;
}

/** The leader has a config proposed: nobody else gets it before the leader has died. */
function onItsDiskAlone(c: TestCluster, leader: string): void {
  const { index } = c.node(leader).stored.configs.at(-1)!;
  const others = [...c.nodes.keys()].filter((id) => id !== leader);
  c.partition([leader], others);
  while (c.node(leader).stored.configs.at(-1)!.index === index) c.run(1);
  c.kill(leader);
}

/** The leader n1 proposes a config with another number of voters. */
function proposes(c: TestCluster, voters: number): void {
  const now = () => c.node("n1").core!.status().members.filter((row) => row.voter);
  while (now().length !== voters) c.run(1);
}

/** A node with this id and these addresses asks n1 to take it in, until it does. */
function joins(c: TestCluster, member: Member): void {
  const accepted = () =>
    c.feed("n1", { kind: "join", id: 1, member }).some((effect) =>
      effect.kind === "joinAnswer" && effect.refusal === null
    );
  for (let ms = 0; !accepted(); ms++) {
    assert.ok(ms < 3_000, "It is never taken in");
    c.run(1);
  }
}

const n3Dropped: Step = [
  "n3 dies, and n1, with the config without n3 on its disk alone",
  (c) => {
    settle(c);
    c.kill("n3");
    proposes(c, 2);
    onItsDiskAlone(c, "n1");
    c.heal();
  },
];

const n3Vouched: Step = ["n3 is back, and ready by n2's word", (c) => {
  c.start("n3");
  c.until(() => c.node("n3").core!.status().ready, 800);
  assert.equal(c.leader(), undefined);
}];

const n1AloneWith = (what: string): string => `n1 has it on its disk alone that ${what}, and dies`;

scenario("who went on alone is waited for, though a config on one disk lacks it", {}, [
  n3Dropped,
  n3Vouched,
  ["n2 dies; n3 goes on alone, and dies", (c) => {
    c.kill("n2");
    writes(c, "a", "n3");
    c.kill("n3");
  }],
  ["n1 and n2 are back, both voters of n1's config: they wait for n3", (c) => {
    c.start("n1");
    c.start("n2");
    c.run(30_000);
    assert.equal(c.leader(), undefined);
  }],
  ["n3 is back: nothing is lost", (c) => {
    c.start("n3");
    writes(c, "b", "n1", "n2", "n3");
    for (const id of ["n1", "n2", "n3"]) assert.deepEqual(c.commands(id), ["a", "b"]);
  }],
]);

const n4Promoted: Step = [
  n1AloneWith("n4 is a voter"),
  (c) => {
    settle(c);
    const { member } = c.add(4);
    c.start("n4");
    c.feed("n1", { kind: "join", id: 1, member });
    proposes(c, 4);
    onItsDiskAlone(c, "n1");
    c.kill("n3");
    c.kill("n4");
    c.heal();
    // Its machine is off: it is silent, not refused.
    c.partition(["n4"], ["n1", "n2", "n3"]);
  },
];

// As n3 is about to ask for votes, or asks.
for (const ms of [60, 80, 90, 100]) {
  const n1IsBack: Step = [`n2 dies, and n1 is back ${ms} ms later`, (c) => {
    c.run(800);
    c.kill("n2");
    c.run(ms);
    assert.ok(c.node("n3").core!.status().ready);
    c.start("n1");
  }];
  const goOn: Step = ["n3, which was ready all the time, goes on, with n1", (c) => {
    writes(c, "a", "n1", "n3");
  }];
  scenario(`who is certain takes no tail that drops it (${ms} ms)`, {}, [
    n3Dropped,
    n3Vouched,
    n1IsBack,
    goOn,
  ]);
  scenario(`who is certain takes no tail with a voter that it cannot trust (${ms} ms)`, {}, [
    n4Promoted,
    n3Vouched,
    n1IsBack,
    goOn,
  ]);
}

scenario("who is certain takes no tail in which an earlier config drops it", {}, [
  n3Dropped,
  n3Vouched,
  ["n2 dies, n1 is back and is to go on with n3, has that on its disk alone, and dies", (c) => {
    c.run(800);
    c.kill("n2");
    c.run(80);
    c.start("n1");
    const names = () => newest(c, "n1").voters.map(({ id }) => id).join();
    for (let ms = 0; names() !== "n1,n3"; ms++) {
      assert.ok(ms < 3_000, "n1 goes on");
      c.run(1);
    }
    c.kill("n1");
    assert.ok(c.node("n3").core!.status().ready);
  }],
  ["n1 is back as n3 asks for votes: n3, which was ready all the time, goes on", (c) => {
    c.run(720);
    c.start("n1");
    writes(c, "a", "n3");
  }],
]);

/** Another node takes the place of n3, as n1 alone has on disk: a learner, or n2, which moves there. */
function takesPlace(c: TestCluster, of: "n9" | "n2"): void {
  settle(c);
  const others = [...c.nodes.keys()].filter((id) => id !== "n3");
  c.partition(["n3"], others);
  const { peerAddress } = c.node("n3").member;
  const mover = c.nodes.get(of);
  const member = { ...(mover ?? c.node("n3")).member, id: of, peerAddress };
  joins(c, member);
  onItsDiskAlone(c, "n1");
  assert.ok(newest(c, "n1").tombstones.includes("n3"));
  c.kill("n3");
  if (mover !== undefined) {
    c.kill(of);
    c.nodes.set(of, { ...mover, member });
    c.start(of);
  }
  c.heal();
}

/** What n3 asks n1 first is on its way for a little longer than a try lasts: that is no fault. */
function n1IsBackAndHearsLate(c: TestCluster): void {
  c.start("n1");
  c.run(850);
  c.cut.add("n3>n1");
  c.run(180);
  c.heal();
  writes(c, "a", "n1");
}

const n3HasWhatWasAcknowledged: Step = ["n1 dies: n3 does not go on without that", (c) => {
  assert.ok(c.applied("a", "n3"));
  c.kill("n1");
  writes(c, "b", "n3");
}];

scenario("one who was to be replaced on one disk alone is taken back by a last resort", {}, [
  [n1AloneWith("n9 takes n3's place"), (c) => takesPlace(c, "n9")],
  n3Vouched,
  ["n2 dies, n1 is back and goes on", (c) => {
    c.kill("n2");
    n1IsBackAndHearsLate(c);
    c.until(() => c.node("n3").core!.status().ready);
  }],
  n3HasWhatWasAcknowledged,
]);

scenario("one who was to be replaced on one disk alone is taken back by a quorum", {
  lastResort: false,
}, [
  [n1AloneWith("n9 takes n3's place"), (c) => takesPlace(c, "n9")],
  ["n2 dies; n1 and n3 are back, two of three: they go on", (c) => {
    c.kill("n2");
    c.start("n3");
    c.start("n1");
    writes(c, "a", "n1", "n3");
  }],
]);

scenario("one whose place a voter was to take on one disk alone is taken back", { nodes: 4 }, [
  [n1AloneWith("n2 moves to n3's place"), (c) => takesPlace(c, "n2")],
  ["n3 is back elsewhere, and certain by n4's word; n2 and n4 die", (c) => {
    const node = c.node("n3");
    c.nodes.set("n3", { ...node, member: { ...node.member, peerAddress: "10.0.0.9:1" } });
    c.start("n3");
    c.until(() => c.node("n3").core!.status().certain, 800);
    c.kill("n2");
    c.kill("n4");
  }],
  ["n1 is back and goes on", (c) => {
    n1IsBackAndHearsLate(c);
    c.until(() => c.node("n3").core!.status().ready);
  }],
  n3HasWhatWasAcknowledged,
]);

scenario("who leads after a power failure learns from a voter what is committed", {}, [
  ["n3 dies for good; n1 drops it, and dies as it alone has the commit of that on disk", (c) => {
    settle(c);
    c.kill("n3");
    const { stored } = c.node("n1");
    while (newest(c, "n2").voters.length !== 2) c.run(1);
    c.cut.add("n1>n2");
    while (stored.commitIndex < stored.configs.at(-1)!.index) c.run(1);
    c.kill("n1");
    c.heal();
    assert.ok(c.node("n2").stored.commitIndex < stored.commitIndex);
  }],
  ["n2 goes on, and its power fails as it has that on disk", (c) => {
    while (newest(c, "n2").voters.length !== 1) c.run(1);
    c.kill("n2");
  }],
  ["n1 and n2 are back", (c) => {
    c.start("n1");
    c.start("n2");
    writes(c, "a", "n1", "n2");
  }],
]);
