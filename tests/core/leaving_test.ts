/**
 * Scenarios about going on purpose: leaving, removal, handing over (§6, §7).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestCluster } from "./cluster.ts";
import { receives, sent } from "./messages.ts";
import { scenario, settle, writes } from "./scenario.ts";

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

scenario("who was removed under majority is not ready, though it may not hear that for certain", {
  quorum: "majority",
}, [
  ["n3 is removed", (c) => {
    settle(c);
    c.feed("n1", { kind: "remove", id: 7, peer: "n3" });
    c.until(() => !c.voters().includes("n3"));
    settle(c);
  }],
  ["n3 lives and is not ready", (c) => {
    assert.equal(c.node("n3").core?.status().role, "joiner");
    assert.equal(c.node("n3").core?.status().ready, false);
  }],
]);

scenario("a removed node that was not told so sees no leader, though the leader answers it", {
  lastResort: false,
}, [
  ["n3 is cut off while an operator removes it", (c) => {
    settle(c);
    c.partition(["n1", "n2"], ["n3"]);
    c.feed("n1", { kind: "remove", id: 1, peer: "n3" });
    c.until(() => c.voters().join() === "n1,n2");
    c.heal();
  }],
  ["the leader answers its pings, but sends it no more appends, so it follows nobody", (c) => {
    c.run(4_000);
    const status = c.node("n3").core!.status();
    assert.ok(status.members.some(({ member, voter }) => voter && member.id === "n3"));
    assert.equal(status.leader, null);
  }],
]);

scenario("a leave is held back by who has not heard of the start that asked", {}, [
  ["n3 asks to be dropped, and n1's disk takes a while over the config without it", (c) => {
    settle(c);
    c.hangDisk("n1", 150);
    c.feed("n3", { kind: "leave" });
    c.until(() => !voters(c, "n1").includes("n3"), 200);
  }],
  ["n3 dies and is back; n2 grants it leases; what n1 sends it is slow", (c) => {
    c.kill("n3");
    c.start("n3");
    c.partition(["n1"], ["n3"], true);
    c.run(50);
  }],
  ["n2 restarts and hears of the leave before it hears of n3", (c) => {
    c.kill("n2");
    c.start("n2");
    c.partition(["n3"], ["n2"], true);
    for (let ms = 0; ms < 250; ms++) {
      c.run(1);
      if (c.leads("n1") && !c.applied("a", "n1")) c.propose("a");
    }
  }],
  ["nothing was acknowledged without n3, which both have heard of by now", (c) => {
    assert.ok(!c.applied("a", "n1"));
    c.heal();
    c.until(() => c.node("n3").core!.status().ready);
    writes(c, "b", "n1", "n2", "n3");
  }],
]);

scenario("a wish to leave that comes in a later term of the leader is void", {}, [
  ["n1 asks n3 to leave; the answer is on its way for long", (c) => {
    settle(c);
    c.partition(["n3"], ["n1"], true);
    c.feed("n1", { kind: "remove", id: 3, peer: "n3" });
    c.node("n3").effects = [];
    c.until(() => sent(c.node("n3").effects, "leaveRequest") !== undefined);
  }],
  ["n1 hands over to n2, where n3's wish ends, and has it back", (c) => {
    const wish = sent(c.node("n3").effects, "leaveRequest");
    assert.ok(wish !== undefined);
    c.feed("n1", { kind: "transfer", id: 4, to: "n2" });
    c.until(() => c.leads("n2"));
    c.until(() => c.node("n3").core!.status().certain);
    c.feed("n2", { kind: "transfer", id: 5, to: "n1" });
    c.until(() => c.node("n1").core!.status().role === "leader");
    receives(c, "n1", "n3", wish);
    c.heal();
  }],
  ["n3, which is certain, is not dropped", (c) => {
    for (let ms = 0; ms < 500; ms++) {
      c.run(1);
      const dropped = !voters(c, "n1").includes("n3");
      assert.ok(!(dropped && c.node("n3").core!.status().certain), `at ${c.now} ms`);
    }
    writes(c, "a", "n1", "n2", "n3");
  }],
]);

for (const told of [false, true]) {
  scenario(`the target of a transfer leaves, ${told ? "told" : "not told"} to campaign`, {}, [
    ["n1 hands over to n2, which asks to leave before it has heard of that", (c) => {
      settle(c);
      if (told) c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
      else c.propose("not on n2's disk yet");
      c.feed("n2", { kind: "leave" });
      c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
      c.node("n1").effects = [];
      if (told) c.feed("n1", { kind: "tick", random: 0.5 });
      c.run(2);
      assert.equal(sent(c.node("n1").effects, "transferNow") !== undefined, told);
    }],
    ["n2 leaves; n1 leads, writes and reads", (c) => {
      c.until(() => c.node("n2").left);
      c.kill("n2");
      writes(c, "a", "n1", "n3");
      c.until(() => c.node("n1").core!.canRead({ mono: c.now, fast: c.now }), 500);
    }],
  ]);
}

scenario("under majority nobody is removed whom the majority needs", { quorum: "majority" }, [
  ["n2 is dead, and n3 is to be removed", (c) => {
    settle(c);
    c.kill("n2");
    c.run(1_500);
    c.feed("n1", { kind: "remove", id: 7, peer: "n3" });
  }],
  ["n1 and n3 go on, and the log does not grow by itself", (c) => {
    writes(c, "a", "n1", "n3");
    const { lastIndex } = c.node("n1").core!.status();
    c.run(2_000);
    assert.equal(c.node("n1").core!.status().lastIndex, lastIndex);
    assert.deepEqual(c.voters(), ["n1", "n2", "n3"]);
  }],
  ["n2 is back: n3 is removed", (c) => {
    c.start("n2");
    c.until(() => c.voters().join() === "n1,n2");
    writes(c, "b", "n1", "n2");
  }],
]);

scenario("a leader dies as its removal of the smallest is on its own disk alone, and comes back", {
  nodes: 2,
  lastResort: false,
}, [
  ["n2 leads, and removes n1 for an operator", (c) => {
    settle(c);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.leads("n2") && !c.leads("n1"));
    c.run(500);
    c.feed("n2", { kind: "remove", id: 2, peer: "n1" });
  }],
  ["n2 dies as the config without n1 is on its disk, and not on n1's, whose disk it needs", (c) => {
    const has = (id: string) => c.node(id).stored.configs.at(-1)?.config.voters.length === 1;
    while (!has("n2")) c.run(1);
    c.kill("n2");
    assert.ok(!has("n1"));
  }],
  ["n2 comes back, asks n1 for its disk once more, and goes on without it", (c) => {
    c.run(3_000);
    c.start("n2");
    writes(c, "a", "n2");
    assert.deepEqual(c.voters(), ["n2"]);
  }],
]);
