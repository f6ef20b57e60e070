/**
 * Scenarios about configurations: pending, dropped, left, removed, handed over (§4, §6, §7).
 *
 * @module
 */

import assert from "node:assert/strict";
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
