/**
 * Scenarios about nodes and disks that stand still for a while, and wake up (§5).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Effect } from "../../src/raft/io.ts";
import type { TestCluster } from "./cluster.ts";
import { scenario, settle, writes } from "./scenario.ts";

scenario("a hung disk stalls writes for 1.5 T and no longer", {}, [
  ["the disk of n2 hangs", (c) => {
    settle(c);
    c.hangDisk("n2", 60_000);
  }],
  ["a write waits for at most 1.5 T and a round", (c) => {
    c.propose("a");
    const took = c.until(() => c.applied("a", "n1", "n3"));
    assert.ok(took <= 1_600, `took ${took} ms`);
  }],
  ["n2 is no voter any more", (c) => assert.deepEqual(c.voters(), ["n1", "n3"])],
]);

scenario("the disk of the leader hangs", {}, [
  ["the disk of n1 hangs under a write", (c) => {
    settle(c);
    c.hangDisk("n1", 60_000);
    c.propose("a");
  }],
  ["n2 leads within 1.5 T and an election", (c) => {
    const took = c.until(() => c.leads("n2"), 3_000);
    assert.ok(took <= 2_200, `took ${took} ms`);
  }],
  ["writes go on without n1", (c) => {
    c.proposeAt("n2", "b");
    c.until(() => c.applied("b", "n2", "n3"));
  }],
]);

scenario("of two nodes the leader's disk hangs, and it was certain for longer than it spoke", {
  nodes: 2,
}, [
  ["the disk of n1 hangs: it answers no ping from now on, but asks for leases for T/2", (c) => {
    settle(c);
    c.hangDisk("n1", 6_000);
    c.propose("lost or not, never acknowledged twice");
  }],
  ["n2 goes on by last resort only T + G after the last grant it gave", (c) => {
    const began = c.now;
    c.until(() => c.leads("n2"), 20_000);
    assert.ok(c.now - began >= 4_400, `went on after ${c.now - began} ms`);
  }],
  ["n1 is not certain when n2 acknowledges a write without it", (c) => {
    c.proposeAt("n2", "b");
    c.until(() => c.applied("b", "n2"));
    assert.ok(c.applied("b", "n1") || c.node("n1").core?.status().certain === false);
  }],
]);

scenario("a leader stalls for 0.6 T while a follower dies", {}, [
  ["n1 stalls for 600 ms", (c) => {
    settle(c);
    c.pause("n1", 600);
  }],
  ["n3 dies meanwhile", (c) => {
    c.run(200);
    c.kill("n3");
  }],
  ["writes go on, wherever", (c) => {
    c.run(500);
    writes(c, "a", "n1", "n2");
  }],
]);

scenario("both followers stall for 0.6 T while the leader dies", {}, [
  ["n2 and n3 stall", (c) => {
    settle(c);
    c.pause("n2", 600);
    c.pause("n3", 600);
  }],
  ["n1 dies meanwhile", (c) => {
    c.run(200);
    c.kill("n1");
  }],
  ["they go on", (c) => {
    c.run(500);
    writes(c, "a", "n2", "n3");
  }],
]);

scenario("a leader paused for 5 T wakes up and commits nothing", {}, [
  ["n1 is paused for 5 T", (c) => {
    settle(c);
    c.pause("n1", 5_000);
  }],
  ["n2 takes over and acknowledges a write", (c) => {
    c.until(() => c.leads("n2"), 4_000);
    c.proposeAt("n2", "by n2");
    c.until(() => c.applied("by n2", "n2", "n3"));
  }],
  ["n1 wakes up and is given a write at once", (c) => {
    c.until(() => c.now > c.node("n1").pausedUntil, 5_000);
    c.proposeAt("n1", "by n1");
  }],
  ["what it was given is committed nowhere; it follows n2 again", (c) => {
    c.until(() => c.voters().length === 3, 10_000);
    assert.equal(c.commands("n2").includes("by n1"), false);
    assert.equal(c.commands("n1").includes("by n1"), false);
    assert.ok(c.applied("by n2", "n1"));
  }],
]);

scenario("a leader that slept drops nobody before it is certain", { nodes: 2 }, [
  ["n1 leads and is paused for 6 T; n2 goes on by last resort", (c) => {
    settle(c);
    c.pause("n1", 6_000);
    c.until(() => c.leads("n2"), 5_500);
    c.proposeAt("n2", "by n2");
    c.until(() => c.applied("by n2", "n2"));
  }],
  ["n2 stalls; n1 wakes up, and nothing that n2 sent arrives", (c) => {
    c.pause("n2", 6_000);
    c.until(() => c.now >= c.node("n1").pausedUntil);
    c.node("n1").inbox = [];
    c.proposeAt("n1", "by n1");
  }],
  ["n1 commits nothing, although it is a quorum by itself", (c) => {
    while (c.now < c.node("n2").pausedUntil) {
      c.run(5);
      assert.equal(c.applied("by n1", "n1"), false);
    }
  }],
  ["n1 follows n2", (c) => c.until(() => c.applied("by n2", "n1"), 20_000)],
]);

scenario("a follower dropped while paused wakes after the others died and must not lead", {}, [
  ["n3 is paused for 3 T", (c) => {
    settle(c);
    c.pause("n3", 3_000);
  }],
  ["n1 and n2 go on without it", (c) => {
    c.run(1_500);
    writes(c, "a", "n1", "n2");
    assert.deepEqual(c.voters(), ["n1", "n2"]);
  }],
  ["n1 and n2 die before it wakes", (c) => {
    c.kill("n1");
    c.kill("n2");
  }],
  ["n3 wakes, finds both gone, and never leads", (c) => {
    c.run(60_000);
    assert.equal(c.leads("n3"), false);
  }],
  ["n2 comes back and leads with the write", (c) => {
    c.start("n2");
    c.start("n1");
    writes(c, "b", "n1", "n2", "n3");
    assert.ok(c.applied("a", "n3"));
  }],
]);

scenario("grants do not run out over the granter's own stall", { nodes: 2 }, [
  ["n1, the smallest, stalls for 1.1 T", (c) => {
    settle(c);
    c.pause("n1", 1_100);
    c.run(1_150);
  }],
  ["it has not dropped n2: a stall of its own is not the other's silence", (c) => {
    writes(c, "a", "n1", "n2");
    assert.deepEqual(c.voters(), ["n1", "n2"]);
  }],
]);

scenario("who refused may have come back and helped to form a view", { nodes: 4 }, [
  ["n1 and n4 die; n2 and n3 have found them gone", (c) => {
    settle(c);
    c.kill("n1");
    c.kill("n4");
    c.run(60);
  }],
  ["n2 stalls for 2.9 T before the drop of both is committed everywhere", (c) => {
    c.pause("n2", 2_900);
  }],
  ["n1 comes back, and goes on with n3", (c) => {
    c.run(400);
    c.start("n1");
    c.run(2_000);
  }],
  ["n1 and n3 die", (c) => {
    c.kill("n1");
    c.kill("n3");
  }],
  ["n2 wakes and leads only if it lacks nothing that was acknowledged", (c) => {
    const acknowledged = [...c.commands("n1"), ...c.commands("n3")];
    c.run(20_000);
    if (c.leads("n2")) {
      for (const text of acknowledged) assert.ok(c.applied(text, "n2"));
    }
  }],
]);

for (
  const [what, refusal, ask] of [
    ["remove n2", /jmessage admin recover/, (c) => {
      c.feed("n1", { kind: "remove", id: 1, peer: "n2" });
    }],
    ["take in n3 at the address of n2", /NO_LEADER/, (c) => {
      const { peerAddress } = c.node("n2").member;
      const member = { ...c.add(3).member, peerAddress };
      c.feed("n1", { kind: "join", id: 1, member });
    }],
  ] as readonly (readonly [string, RegExp, (c: TestCluster) => void])[]
) {
  scenario(`a leader that was out for long is asked to ${what}`, { nodes: 2 }, [
    ["n1 stands still for 4.5 T; n2 goes on alone, acknowledges a write and dies", (c) => {
      settle(c);
      const wakesAt = c.now + 4_500;
      c.pause("n1", 4_500);
      c.until(() => c.leads("n2"), 4_400);
      c.proposeAt("n2", "a");
      c.until(() => c.applied("a", "n2"), wakesAt - c.now);
      c.run(wakesAt - c.now);
      c.kill("n2");
    }],
    [`n1 wakes, leads still, as it believes, and is asked to ${what}`, (c) => {
      c.run(50);
      assert.equal(c.node("n1").core?.status().role, "leader");
      ask(c);
    }],
    ["it does not go on without n2, which may know more, and says so", (c) => {
      c.proposeAt("n1", "b");
      for (let tick = 0; tick < 200; tick++) {
        c.run(25);
        if (c.node("n1").core?.status().role === "leader") ask(c);
        assert.ok(!c.applied("b", "n1"), "n1 went on without n2");
      }
      const said = (effect: Effect) =>
        "refusal" in effect && effect.refusal !== null && refusal.test(JSON.stringify(effect));
      assert.ok(c.node("n1").effects.some(said));
    }],
    ["n2 comes back, and what it acknowledged is there", (c) => {
      c.start("n2");
      c.until(() => c.applied("a", "n1", "n2"), 20_000);
    }],
  ]);
}
