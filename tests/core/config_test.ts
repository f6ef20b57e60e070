/**
 * Scenarios about configurations: pending, dropped, left, removed, handed over (§4, §6, §7).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestCluster } from "./cluster.ts";
import { scenario, settle, writes } from "./scenario.ts";

scenario("a node crashes between sending and persisting a config", { nodes: 2 }, [
  ["n2 dies; n1 goes on alone; n2 comes back", (c) => {
    settle(c);
    c.kill("n2");
    writes(c, "alone", "n1");
    c.start("n2");
  }],
  ["n1 appends the config with n2 as a voter and dies before that is on its disk", (c) => {
    c.node("n1").effects = [];
    const appended = () =>
      c.node("n1").effects.some((effect) =>
        effect.kind === "persist" &&
        effect.entries.some((entry) => entry.kind === "config" && entry.config.voters.length === 2)
      );
    while (!appended()) c.run(1);
    c.kill("n1");
    c.run(10);
    const seen = c.node("n2").stored.configs.at(-1)?.config.voters;
    assert.deepEqual(seen?.map((voter) => voter.id), ["n1"]);
  }],
  ["n2 never saw it: only what is persisted is sent, so it waits for n1", (c) => {
    c.run(10_000);
    assert.equal(c.leads("n2"), false);
  }],
  ["n1 comes back and leads with everything", (c) => {
    c.start("n1");
    writes(c, "after", "n1", "n2");
    assert.ok(c.applied("alone", "n2"));
  }],
]);

scenario("that a config is committed is on the disk before anyone is told", {}, [
  ["n3 dies and comes back; n1 hands over to n2; n2 dies and comes back", (c) => {
    const checked = (ms: number) => {
      for (const end = c.now + ms; c.now < end;) {
        c.run(1);
        for (const [id, { core, stored, applied }] of c.nodes) {
          const told = stored.configs.findLast((entry) => entry.index <= applied.index);
          if (core === null || told === undefined) continue;
          assert.ok(stored.commitIndex >= told.index, `${id} told of ${told.index}`);
        }
      }
    };
    c.kill("n3");
    checked(500);
    c.start("n3");
    checked(2_500);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    checked(500);
    c.kill("n2");
    checked(500);
    c.start("n2");
    checked(2_500);
    assert.equal(c.voters().length, 3);
  }],
]);

scenario("a learner's promotion is pending when the leader dies", {}, [
  ["n3 dies and comes back as a learner", (c) => {
    settle(c);
    c.kill("n3");
    writes(c, "a", "n1", "n2");
    c.start("n3");
  }],
  ["n1 dies as soon as its log has the promotion", (c) => {
    const promoted = () => c.voters().includes("n3") && c.leader() === "n1";
    while (!promoted()) c.run(1);
    c.kill("n1");
  }],
  ["n2 goes on, with n3 or without, but never without the write", (c) => {
    writes(c, "b", "n2");
    assert.ok(c.applied("a", "n2"));
    c.until(() => c.applied("b", "n3"), 20_000);
    assert.ok(c.applied("a", "n3"));
  }],
]);

scenario("who leads while its own promotion is pending is never certain itself", { nodes: 4 }, [
  ["n1 dies, n2 leads, n1 comes back as a learner", (c) => {
    settle(c);
    c.kill("n1");
    writes(c, "a", "n2", "n3", "n4");
    c.start("n1");
  }],
  ["n2 dies when its promotion of n1 is on every log and committed on none", (c) => {
    const has = (id: string) =>
      c.node(id).stored.configs.at(-1)?.config.voters.some((voter) => voter.id === "n1") === true;
    while (!["n1", "n3", "n4"].every(has)) c.run(1);
    c.kill("n2");
  }],
  ["n1 leads; n3 and n4 are certain, so it drops n2, and writes go on", (c) => {
    const took = writes(c, "b", "n1", "n3", "n4");
    assert.ok(took < 1_000, `took ${took} ms`);
  }],
]);

scenario("a drop is pending and the dropped node is back at once", { lastResort: false }, [
  ["n3 dies", (c) => {
    settle(c);
    c.kill("n3");
  }],
  ["n3 is back 20 ms later and pings everybody", (c) => {
    c.run(20);
    c.start("n3");
  }],
  ["writes do not stop: who holds a config back grants to nobody whom it lacks", (c) => {
    const took = writes(c, "a", "n1", "n2");
    assert.ok(took < 2_500, `took ${took} ms`);
    c.until(() => c.applied("a", "n3"));
  }],
]);

scenario("a config that is appended while a commit is on its way to the disk counts that", {
  nodes: 5,
  lastResort: false,
}, [
  ["n5 dies; the config without it is on n1's disk, which then hangs", (c) => {
    settle(c);
    c.kill("n5");
    const persisted = () => c.node("n1").stored.configs.at(-1)?.config.voters.length === 4;
    while (!persisted()) c.run(1);
    c.hangDisk("n1", 200);
  }],
  ["all have it, so it is committed; n4 dies before n1 may tell anyone", (c) => {
    c.run(5);
    c.node("n1").effects = [];
    c.kill("n4");
    c.run(100);
  }],
  ["the config without n4 does not say that the one before was skipped", (c) => {
    const before = c.node("n1").stored.configs.at(-1);
    const next = c.node("n1").effects.flatMap((effect) =>
      effect.kind === "persist" ? effect.entries : []
    ).find((entry) => entry.kind === "config");
    assert.ok(before !== undefined && next?.kind === "config");
    assert.equal(next.config.voters.length, 3);
    assert.equal(next.config.c0Index, before.index);
  }],
  ["writes go on", (c) => writes(c, "a", "n1", "n2", "n3")],
]);

scenario("two members die shortly after one another", { nodes: 5, lastResort: false }, [
  ["n4 dies, and n5 before the drop of n4 is committed", (c) => {
    settle(c);
    c.kill("n4");
    c.run(40);
    c.kill("n5");
  }],
  ["both are dropped and writes go on", (c) => {
    writes(c, "a", "n1", "n2", "n3");
    assert.deepEqual(c.voters(), ["n1", "n2", "n3"]);
  }],
]);

const pending = "a leader dies with a drop pending that lacks one who is back by now";
scenario(pending, { nodes: 5, lastResort: false }, [
  ["n2 dies, and n4 just before n1 drops them", (c) => {
    settle(c);
    c.kill("n2");
    c.kill("n4");
  }],
  ["n1 dies as soon as n3 has the config without them", (c) => {
    const voters = () => c.node("n3").core!.status().members.filter(({ voter }) => voter);
    while (voters().length === 5) c.run(1);
    c.kill("n1");
  }],
  ["n4 is back: three of five live, and two of the pending three", (c) => {
    c.start("n4");
    writes(c, "a", "n3", "n4", "n5");
    c.until(() => c.voters().join() === "n3,n4,n5");
  }],
]);

scenario("a drop that can commit no more is put out of the way", { nodes: 5, lastResort: false }, [
  ["n1 hears nothing of n3 and n4, and soon nothing of n5", (c) => {
    settle(c);
    c.partition(["n3", "n4"], ["n1"], true);
    c.run(150);
    c.partition(["n5"], ["n1"], true);
    c.run(2_000);
  }],
  ["n1 dies", (c) => c.kill("n1")],
  ["the other four go on", (c) => {
    c.heal();
    writes(c, "a", "n2", "n3", "n4", "n5");
  }],
]);

scenario("a leave does not outlive the process that asked", {}, [
  ["n2 is told to stop and asks to be dropped", (c) => {
    settle(c);
    c.feed("n2", { kind: "leave" });
  }],
  ["it dies before it hears that it may, and is back at once", (c) => {
    c.kill("n2");
    c.start("n2");
  }],
  ["n1 and n3 die when n2 is ready again: n2 has every write", (c) => {
    writes(c, "a", "n1");
    c.until(() => c.node("n2").core?.status().ready === true && c.applied("a", "n2"));
    writes(c, "b", "n1");
    settle(c);
    c.kill("n1");
    c.kill("n3");
  }],
  ["n2 goes on alone with them", (c) => {
    writes(c, "c", "n2");
    assert.ok(c.applied("b", "n2"));
  }],
]);

scenario("an orderly stop of all: the last one starts alone", {}, [
  ["n1, n2 and n3 are told to stop, one after the other", (c) => {
    settle(c);
    for (const id of ["n1", "n2"]) {
      c.feed(id, { kind: "leave" });
      c.until(() => c.node(id).left);
      c.kill(id);
      writes(c, `after ${id}`, "n3");
    }
    c.feed("n3", { kind: "leave" });
    c.until(() => c.node("n3").left);
    c.run(10);
    c.kill("n3");
  }],
  ["n1, which stopped first, waits when it starts alone", (c) => {
    c.start("n1");
    c.run(10_000);
    assert.equal(c.leads("n1"), false);
  }],
  ["n3, which stopped last, leads; n1 joins it", (c) => {
    c.start("n3");
    writes(c, "again", "n1", "n3");
    assert.ok(c.applied("after n2", "n1"));
  }],
]);

scenario("all are told to stop at once: each leaves in order, and the last one starts alone", {}, [
  ["n1, n2 and n3 get SIGTERM at one moment", (c) => {
    writes(c, "a", "n1", "n2", "n3");
    settle(c);
    for (const id of ["n1", "n2", "n3"]) c.feed(id, { kind: "leave" });
  }],
  ["within two seconds all have left", (c) => {
    const took = c.until(() => {
      for (const id of ["n1", "n2", "n3"]) {
        if (c.node(id).left && c.node(id).core !== null) c.kill(id);
      }
      return ["n1", "n2", "n3"].every((id) => c.node(id).left);
    });
    assert.ok(took < 2_000, `took ${took} ms`);
  }],
  ["the last view has one voter, which starts alone", (c) => {
    const last = ["n1", "n2", "n3"].find((id) =>
      c.node(id).stored.configs.at(-1)?.config.voters.every((voter) => voter.id === id) === true
    );
    assert.ok(last !== undefined);
    c.start(last);
    writes(c, "b", last);
    assert.ok(c.applied("a", last));
  }],
]);

scenario("who leaves stays until the config without it is committed", {
  nodes: 2,
  lastResort: false,
}, [
  ["n1 is told to stop, hands over to n2, and its disk is slow from now on", (c) => {
    settle(c);
    c.feed("n1", { kind: "leave" });
    c.until(() => c.leads("n2"));
    c.hangDisk("n1", 300);
  }],
  [
    "n1 ends only when n2 has committed the config without it, for which it needs n1's disk",
    (c) => {
      c.until(() => c.node("n1").left);
      c.kill("n1");
      assert.deepEqual(c.voters(), ["n2"]);
    },
  ],
  ["n2 goes on alone", (c) => writes(c, "a", "n2")],
]);

scenario("a leave that can commit no more is cancelled", { nodes: 4, lastResort: false }, [
  ["n3 is told to stop, and its disk hangs before it has the config without it", (c) => {
    settle(c);
    c.hangDisk("n3", 60_000);
    c.feed("n3", { kind: "leave" });
    const has = (id: string) => c.node(id).stored.configs.at(-1)?.config.leavers.length === 1;
    while (!has("n1") || !has("n2")) c.run(1);
  }],
  ["n3 and n4 die before that is committed", (c) => {
    c.kill("n3");
    c.kill("n4");
  }],
  ["n1 puts the leave out of the way, drops both and goes on with n2", (c) => {
    writes(c, "a", "n1", "n2");
    assert.deepEqual(c.voters(), ["n1", "n2"]);
  }],
]);

scenario("an operator removes a live member, and it stays out", {}, [
  ["n3 is removed", (c) => {
    settle(c);
    c.node("n1").effects = [];
    c.feed("n1", { kind: "remove", id: 7, peer: "n3" });
    c.until(() =>
      c.node("n1").effects.some((effect) =>
        effect.kind === "adminAnswer" && effect.id === 7 && effect.refusal === null
      )
    );
    assert.deepEqual(c.voters(), ["n1", "n2"]);
  }],
  ["n3 asks to be taken in again and is refused", (c) => {
    c.run(5_000);
    assert.deepEqual(c.voters(), ["n1", "n2"]);
  }],
  ["n1 and n2 write, then die: n3 does not lead", (c) => {
    writes(c, "a", "n1", "n2");
    c.kill("n1");
    c.kill("n2");
    c.run(30_000);
    assert.equal(c.leads("n3"), false);
  }],
]);

const voters = (c: TestCluster, id: string) =>
  c.node(id).core!.status().members.filter(({ voter }) => voter).map(({ member }) => member.id);

scenario("who is to leave and takes a newer config is not dropped by its old wish", {}, [
  ["n1 asks n3 to leave, and takes a joiner in before it drops it", (c) => {
    settle(c);
    const n4 = c.add(4);
    c.start("n4");
    c.feed("n1", { kind: "remove", id: 3, peer: "n3" });
    while (c.node("n3").core!.status().certain) c.run(1);
    c.run(1);
    c.feed("n1", { kind: "join", id: 1, member: n4.member });
  }],
  ["n3 is never certain while it is dropped", (c) => {
    while (voters(c, "n3").includes("n3")) {
      const dropped = !voters(c, "n1").includes("n3");
      assert.ok(!(dropped && c.node("n3").core!.status().certain), `at ${c.now} ms`);
      c.run(1);
    }
    writes(c, "a", "n1", "n2");
  }],
]);

scenario("a removal that is cut short by a change of leader leaves no trace", {}, [
  ["n1 asks n3 to leave, for an operator, and hands over before it drops it", (c) => {
    settle(c);
    c.node("n1").effects = [];
    c.feed("n1", { kind: "remove", id: 3, peer: "n3" });
    const asked = () =>
      c.node("n1").effects.some((effect) =>
        effect.kind === "send" && effect.message.kind === "askToLeave"
      );
    while (!asked()) c.run(1);
    c.run(1);
    assert.equal(c.node("n3").core?.status().certain, false);
    c.feed("n1", { kind: "transfer", id: 4, to: "n2" });
    c.until(() => c.leads("n2"));
  }],
  ["n3 is a voter still, and ready", (c) => {
    c.run(500);
    assert.deepEqual(c.voters(), ["n1", "n2", "n3"]);
    assert.equal(c.node("n3").core?.status().ready, true);
  }],
  ["n1 and n2 die: n3 goes on alone", (c) => {
    c.kill("n1");
    c.kill("n2");
    writes(c, "a", "n3");
  }],
]);

scenario("leadership is handed over, and the smallest may have it back", {}, [
  ["n1 hands over to n3", (c) => {
    settle(c);
    c.feed("n1", { kind: "transfer", id: 1, to: "n3" });
    const took = c.until(() => c.leads("n3"));
    assert.ok(took < 200, `took ${took} ms`);
    c.until(() => !c.leads("n1"));
    writes(c, "a", "n1", "n2", "n3");
  }],
  ["n3 hands over to n1", (c) => {
    c.feed("n3", { kind: "transfer", id: 2, to: "n1" });
    c.until(() => c.leads("n1") && !c.leads("n3"));
    writes(c, "b", "n1", "n2", "n3");
  }],
]);

scenario("leadership is handed to a node that dies", {}, [
  ["n1 hands over to n3, which is dead before it hears of it", (c) => {
    settle(c);
    c.kill("n3");
    c.feed("n1", { kind: "transfer", id: 1, to: "n3" });
  }],
  ["proposals stop for T at most; then somebody leads again", (c) => {
    const took = c.until(() => c.leader() !== undefined);
    assert.ok(took <= 1_600, `took ${took} ms`);
    writes(c, "a", "n1", "n2");
  }],
]);
