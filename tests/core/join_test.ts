/**
 * Scenarios about new nodes: learners, replacements, promotions (§6).
 *
 * @module
 */

import assert from "node:assert/strict";
import { ZERO_TERM } from "../../src/raft/term.ts";
import { testMember } from "./cluster.ts";
import { receives, sent } from "./messages.ts";
import { scenario, settle, writes } from "./scenario.ts";

scenario("a node joins while writes flow and the leader dies in the middle of the copy", {
  nodes: 2,
}, [
  ["3,000 entries are on the log", (c) => {
    settle(c);
    for (let n = 0; n < 3_000; n++) c.propose(`w${n}`);
    c.until(() => c.applied("w2999", "n1", "n2"));
  }],
  ["n3 asks to be taken in and has a part of the log", (c) => {
    const n3 = c.add(3);
    c.start("n3");
    for (let n = 0; n3.stored.entries.length === 0; n++) {
      c.propose(`flowing ${n}`);
      if (n === 20) c.feed("n1", { kind: "join", id: 1, member: n3.member });
      c.run(1);
    }
    assert.ok(n3.stored.entries.length < 3_000);
  }],
  ["n1 dies", (c) => c.kill("n1")],
  ["n2 goes on, and n3 gets the rest from it", (c) => {
    writes(c, "after", "n2");
    c.join(3);
    writes(c, "with n3", "n2", "n3");
    assert.deepEqual(c.commands("n3"), c.commands("n2"));
    assert.deepEqual(c.commands("n1"), c.commands("n2").slice(0, c.commands("n1").length));
    assert.ok(c.applied("flowing 10", "n1", "n2", "n3"));
  }],
]);

const promoted = "under majority a joiner dies as it is made a voter, while a voter is dead";
scenario(promoted, { quorum: "majority" }, [
  ["n3 dies, and n4 asks to join", (c) => {
    settle(c);
    c.kill("n3");
    const n4 = c.add(4);
    c.start("n4");
    c.feed("n1", { kind: "join", id: 1, member: n4.member });
  }],
  ["n4 dies before the config that makes it the fourth voter is on its disk", (c) => {
    const voters = () => c.node("n1").core!.status().members.filter(({ voter }) => voter);
    while (voters().length < 4) c.run(1);
    c.kill("n4");
  }],
  ["one of three voters is dead: the other two go on", (c) => {
    writes(c, "a", "n1", "n2");
    c.until(() => c.voters().join() === "n1,n2,n3");
    writes(c, "b", "n1", "n2");
  }],
  ["n4 is back, and a voter now", (c) => {
    c.start("n4");
    c.until(() => c.voters().includes("n4"));
    writes(c, "c", "n4");
  }],
]);

scenario("a learner counts in no quorum", { nodes: 2 }, [
  ["n3 joins and its disk hangs before it is a voter", (c) => {
    settle(c);
    const n3 = c.add(3);
    c.start("n3");
    c.hangDisk("n3", 60_000);
    c.feed("n1", { kind: "join", id: 1, member: n3.member });
  }],
  ["writes do not wait for it", (c) => {
    const took = writes(c, "a", "n1", "n2");
    assert.ok(took < 100, `took ${took} ms`);
  }],
]);

scenario("a joiner at the address of a dead member replaces it", {}, [
  ["n3 dies for good", (c) => {
    settle(c);
    c.kill("n3");
    c.run(300);
  }],
  ["a node with a new id at its address is taken in", (c) => {
    const heir = { ...c.node("n3").member, id: "n9" };
    const node = c.add(9);
    Object.assign(node, { member: heir });
    c.nodes.delete("n3");
    c.nodes.set("n9", node);
    c.start("n9");
    c.until(() => {
      c.feed("n1", { kind: "join", id: 1, member: heir });
      return node.core?.status().ready === true;
    }, 20_000);
    writes(c, "a", "n1", "n2", "n9");
  }],
]);

scenario("a voter just promoted is not doubted", { nodes: 1 }, [
  ["n2 joins n1", (c) => c.join(2)],
  ["n2 dies at once", (c) => c.kill("n2")],
  ["n1 goes on alone", (c) => writes(c, "a", "n1")],
]);

scenario("under majority a dead member stays a voter and its replacement is a learner first", {
  quorum: "majority",
}, [
  ["n3 dies for good", (c) => {
    settle(c);
    c.kill("n3");
    c.run(2_000);
    assert.deepEqual(c.voters(), ["n1", "n2", "n3"]);
  }],
  ["an operator removes it", (c) => {
    c.feed("n1", { kind: "remove", id: 3, peer: "n3" });
    c.until(() => c.voters().length === 2);
    writes(c, "a", "n1", "n2");
  }],
]);

scenario("who slept trusts a new voter no longer than the others", {}, [
  ["n2 leads and takes n4 in; n1 sleeps for 0.9 T, and n4's promotion waits for its disk", (c) => {
    settle(c);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.leads("n2"));
    settle(c);
    const n4 = c.add(4);
    c.start("n4");
    c.feed("n2", { kind: "join", id: 1, member: n4.member });
    c.until(() => c.node("n1").core!.status().members.length === 4);
    c.run(20);
    c.pause("n1", 900);
    c.run(899);
    assert.equal(c.voters().length, 4);
  }],
  ["n1 wakes and has the promotion, committed; then nothing that it sends arrives", (c) => {
    const status = () => c.node("n1").core!.status();
    const promoted = () => status().members.every(({ voter }) => voter);
    c.until(() => promoted() && status().commitIndex === status().lastIndex, 40);
    c.partition(["n1"], ["n2", "n3", "n4"], true);
  }],
  ["the others drop n1 as it has been silent for T, write and die", (c) => {
    c.until(() => c.voters().join() === "n2,n3,n4", 200);
    writes(c, "a", "n2", "n3", "n4");
    for (const id of ["n2", "n3", "n4"]) c.kill(id);
  }],
  ["n1 does not go on without that write", (c) => {
    c.heal();
    c.run(10_000);
    assert.equal(c.leads("n1"), false);
  }],
]);

scenario("a voter is promoted as one machine fails and then another, and the first is back", {}, [
  ["n4 is a learner, and n2's machine fails", (c) => {
    settle(c);
    const n4 = c.add(4);
    c.start("n4");
    c.feed("n1", { kind: "join", id: 1, member: n4.member });
    c.until(() => n4.stored.commitIndex > 0);
    c.partition(["n2"], ["n1", "n3", "n4"]);
    c.kill("n2");
  }],
  ["n3's machine fails with the config that makes n4 a voter on its disk", (c) => {
    const has = (id: string) => c.node(id).stored.configs.at(-1)?.config.voters.length === 4;
    while (!has("n1") || !has("n3") || !has("n4")) c.run(1);
    c.run(150);
    c.partition(["n3"], ["n1", "n4"]);
    c.kill("n3");
  }],
  ["n1 has just dropped n2, which nobody needs to wait for, as n2 is back", (c) => {
    c.until(() => !c.voters().includes("n2"));
    c.heal();
    c.partition(["n3"], ["n1", "n2", "n4"]);
    c.start("n2");
  }],
  ["n1 goes on with n2, which it needs, and with n4, which it grants", (c) => {
    writes(c, "a", "n1", "n2", "n4");
    assert.deepEqual(c.voters(), ["n1", "n2", "n4"]);
  }],
]);

scenario("a joiner's word that its leader is no voter is void once it is made one itself", {
  nodes: 1,
}, [
  ["n0 is taken in, and its answer to a ping is from before it had a config", (c) => {
    c.add(0);
    c.start("n0");
    c.node("n1").effects = [];
    c.feed("n1", { kind: "join", id: 1, member: testMember(0) });
    const pings = (id: string, to: string) =>
      sent(c.node(id).effects.filter((one) => "to" in one && one.to === to), "ping");
    for (let ms = 0; ms < 1_000 && pings("n0", "n1") === undefined; ms++) c.run(1);
    c.partition(["n0"], ["n1"]);
    const { nonce } = pings("n1", "n0")!;
    receives(c, "n1", "n0", {
      kind: "pong",
      nonce,
      promised: ZERO_TERM,
      config: { index: 0, term: ZERO_TERM },
      voter: false,
      certain: false,
      granted: false,
      leader: null,
    });
  }],
  [
    "it has the log, and dies as it is made a voter, of whom one is enough: its is the smallest",
    (c) => {
      const votes = () => c.node("n1").core!.status().members.filter(({ voter }) => voter);
      for (let ms = 0; ms < 1_000 && votes().length < 2; ms++) c.run(1);
      assert.equal(votes().length, 2);
      c.kill("n0");
      c.heal();
    },
  ],
  ["n1 goes on alone", (c) => void writes(c, "alone", "n1")],
]);
