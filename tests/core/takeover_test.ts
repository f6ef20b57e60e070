/**
 * Scenarios about leaders that die and who goes on, up to the last one (§7).
 *
 * @module
 */

import assert from "node:assert/strict";
import { receives } from "./messages.ts";
import { scenario, settle, writes } from "./scenario.ts";

scenario("the smallest address takes over", {}, [
  ["n1 leads and a write is on every disk", (c) => writes(c, "a", "n1", "n2", "n3")],
  ["n1 dies", (c) => c.kill("n1")],
  ["n2, the smallest alive, leads within half a second", (c) => {
    const took = c.until(() => c.leader() !== undefined);
    assert.equal(c.leader(), "n2");
    assert.ok(took < 500, `took ${took} ms`);
  }],
  ["writes go on", (c) => writes(c, "b", "n2", "n3")],
]);

scenario("the smallest dies in the middle of taking over", { nodes: 4 }, [
  ["n1 dies", (c) => c.kill("n1")],
  ["n2 has asked for votes", (c) => {
    const asks = () =>
      c.node("n2").effects.some((effect) =>
        effect.kind === "send" && effect.message.kind === "voteRequest" && !effect.message.pre
      );
    c.until(asks);
  }],
  ["n2 dies before it leads", (c) => {
    assert.notEqual(c.leader(), "n2");
    c.kill("n2");
  }],
  ["n3 takes over", (c) => {
    c.until(() => c.leader() !== undefined);
    assert.equal(c.leader(), "n3");
  }],
  ["writes go on", (c) => writes(c, "a", "n3", "n4")],
]);

scenario("a stale smaller address must not win", {}, [
  ["n1 dies, n2 leads", (c) => {
    c.kill("n1");
    c.until(() => c.leader() === "n2");
  }],
  ["a write is acknowledged without n1", (c) => writes(c, "a", "n2", "n3")],
  ["n2 and n3 die; n1 comes back alone, with its old log", (c) => {
    settle(c);
    c.kill("n2");
    c.kill("n3");
    c.start("n1");
  }],
  ["n1 never leads, however long it is alone", (c) => {
    c.run(60_000);
    assert.equal(c.leads("n1"), false);
  }],
  ["n3 comes back: now somebody leads, with the write", (c) => {
    c.start("n3");
    c.start("n2");
    writes(c, "b", "n1", "n2", "n3");
    assert.ok(c.applied("a", "n1", "n2", "n3"));
  }],
]);

scenario("a smaller address gets the newer entries before it leads", { quorum: "majority" }, [
  ["n1 is dead while a write is committed by n2 and n3; n2 dies, n1 comes back", (c) => {
    settle(c);
    c.kill("n1");
    writes(c, "a", "n2", "n3");
    c.kill("n2");
    c.start("n1");
  }],
  ["whoever leads, the write is there", (c) => {
    writes(c, "b", "n1", "n3");
    assert.ok(c.applied("a", "n1", "n3"));
  }],
]);

scenario("N of N + 1 die one after the other and the last goes on", { nodes: 5 }, [
  ["n2, n1, n5 and n3 die, each after a write without the one before", (c) => {
    for (const id of ["n2", "n1", "n5", "n3"]) {
      writes(c, `before ${id}`, "n4");
      settle(c);
      c.kill(id);
    }
  }],
  ["n4 goes on alone", (c) => {
    writes(c, "alone", "n4");
    assert.equal(c.leader(), "n4");
    assert.equal(c.commands("n4").length, 5);
  }],
]);

scenario("N of N + 1 die at once and the last goes on", { nodes: 5 }, [
  ["a write is on every disk", (c) => writes(c, "a", "n5")],
  ["four of five die at one moment, the leader among them", (c) => {
    settle(c);
    for (const id of ["n1", "n2", "n3", "n4"]) c.kill(id);
  }],
  ["n5 goes on by last resort within a second: all were refused", (c) => {
    const took = c.until(() => c.leader() === "n5");
    assert.ok(took < 1_000, `took ${took} ms`);
    writes(c, "b", "n5");
    assert.ok(c.applied("a", "n5"));
  }],
  ["the status says that it lives by last resort", (c) => {
    assert.equal(c.node("n5").core?.status().livesByLastResort, true);
  }],
  ["the others come back and the mark is cleared", (c) => {
    for (const id of ["n1", "n2", "n3", "n4"]) c.start(id);
    c.until(() => c.voters().length === 5, 20_000);
    writes(c, "c", "n1", "n2", "n3", "n4", "n5");
    c.until(() => c.node("n5").core?.status().livesByLastResort === false);
  }],
]);

scenario("the leader is the survivor of N deaths at once", {}, [
  ["n2 and n3 die at once", (c) => {
    settle(c);
    c.kill("n2");
    c.kill("n3");
  }],
  ["n1, which leads, has no quorum, steps down, and goes on by last resort", (c) => {
    c.run(200);
    writes(c, "alone", "n1");
    assert.equal(c.node("n1").core?.status().livesByLastResort, true);
  }],
]);

scenario("a last-resort winner keeps leading while its own config is pending", { nodes: 2 }, [
  ["n1 dies", (c) => {
    settle(c);
    c.kill("n1");
  }],
  ["n2 wins by last resort once, not again and again", (c) => {
    c.until(() => c.leader() === "n2");
    writes(c, "a", "n2");
    assert.equal(c.node("n2").core?.status().term.epoch, 1);
  }],
]);

scenario("a follower is dropped soon after it dies", {}, [
  ["n3 dies while a write is under way", (c) => {
    settle(c);
    c.propose("a");
    c.kill("n3");
  }],
  ["the write is acknowledged within 200 ms, without n3", (c) => {
    const took = c.until(() => c.applied("a", "n1", "n2"));
    assert.ok(took <= 200, `took ${took} ms`);
    assert.deepEqual(c.voters(), ["n1", "n2"]);
  }],
]);

scenario("a voter dies between the election and the noop's commit", {
  nodes: 5,
  lastResort: false,
}, [
  ["n1 dies; n2 is about to lead", (c) => {
    settle(c);
    c.kill("n1");
    c.until(() => c.node("n2").core?.status().role === "leader");
  }],
  ["n3 dies before the noop of n2 has committed", (c) => c.kill("n3")],
  ["n2 drops both and writes go on", (c) => {
    writes(c, "a", "n2", "n4", "n5");
    assert.deepEqual(c.voters(), ["n2", "n4", "n5"]);
  }],
]);

scenario("who could win by quorum but not serve leaves it to the last resort", { nodes: 4 }, [
  [
    "n4's disk hangs; the config without it is on n2 and n3, and n1 dies before it says more",
    (c) => {
      settle(c);
      c.hangDisk("n4", 2_500);
      c.propose("a");
      const has = (id: string) => c.node(id).stored.configs.at(-1)?.config.voters.length === 3;
      while (!has("n2") || !has("n3")) c.run(1);
      c.kill("n1");
    },
  ],
  ["n4 is back and would vote, but it is in no newest config: n2 and n3 go on without n1", (c) => {
    const took = writes(c, "b", "n2", "n3");
    assert.ok(took < 1_000, `took ${took} ms`);
    assert.ok(c.applied("a", "n2", "n3"));
    c.until(() => c.applied("b", "n4"), 20_000);
  }],
]);

scenario("an entry of an earlier term does not commit by itself", { quorum: "majority" }, [
  ["n1 sends a write to n2 only, and dies", (c) => {
    settle(c);
    c.partition(["n1"], ["n3"]);
    c.partition(["n2"], ["n1"], true);
    c.propose("old");
    c.run(10);
    c.kill("n1");
  }],
  ["n2 is elected by n3, which gets nothing of it then", (c) => {
    while (c.node("n2").core?.status().role !== "leader") c.run(1);
    c.partition(["n2"], ["n3"], true);
    c.node("n3").inbox = [];
  }],
  ["n3 says that it has the write, but not that it has the noop after it", (c) => {
    const old = c.node("n2").stored.entries.find((entry) => entry.kind === "command");
    const term = c.node("n2").core?.status().term;
    assert.ok(old !== undefined && term !== undefined);
    receives(c, "n2", "n3", {
      kind: "appendReply",
      term,
      promised: term,
      ok: true,
      matchIndex: old.index,
      commitIndex: 0,
      applied: null,
      snapshotIndex: 0,
    });
    c.run(10);
    assert.equal(c.applied("old", "n2"), false);
  }],
]);

scenario("the last one goes on as soon as it may, whenever its next try was due", {}, [
  ["n1 hears nobody any more, and tries in vain", (c) => {
    settle(c);
    c.partition(["n1"], ["n2", "n3"]);
    c.run(3_900);
    assert.notEqual(c.node("n1").core?.status().role, "leader");
  }],
  ["it leads alone once they have been silent for T + G", (c) => {
    const took = c.until(() => c.node("n1").core?.status().role === "leader");
    assert.ok(took <= 200, `took ${took} ms`);
    assert.equal(c.node("n1").core?.status().term.epoch, 1);
  }],
]);

scenario("the last two go on as soon as they may, the smaller address first", { nodes: 5 }, [
  ["n4 and n5 hear nobody else any more, and try in vain", (c) => {
    settle(c);
    c.partition(["n4", "n5"], ["n1", "n2", "n3"]);
    for (const id of ["n1", "n2", "n3"]) c.kill(id);
    c.run(3_900);
    assert.equal(c.leader(), undefined);
  }],
  ["n4 leads both once the others have been silent for T + G", (c) => {
    const took = c.until(() => c.leads("n4"));
    assert.ok(took <= 400, `took ${took} ms`);
    writes(c, "a", "n4", "n5");
  }],
]);
