/**
 * Scenarios about changes of members that a death cuts short where quorums alone decide: fewer than
 * half are dead, so the others go on (§5, §6).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestCluster } from "./cluster.ts";
import { scenario, settle, type Step, writes } from "./scenario.ts";

function voters(c: TestCluster, id: string): number {
  return c.node(id).stored.configs.at(-1)!.config.voters.length;
}

scenario("the smallest of two, asked to leave by one that dies, goes on", {
  nodes: 2,
  lastResort: false,
}, [
  ["n2 leads and asks n1 to leave, for an operator", (c) => {
    settle(c);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.leads("n2"));
    settle(c);
    c.feed("n2", { kind: "remove", id: 3, peer: "n1" });
    const asked = () =>
      c.node("n1").inbox.some(({ input }) =>
        input.kind === "message" && input.message.kind === "askToLeave"
      );
    while (!asked()) c.run(1);
    c.run(1);
  }],
  ["n2 dies before it has a config without n1: n1 is a quorum", (c) => {
    c.kill("n2");
    writes(c, "a", "n1");
  }],
]);

/** n1 has a config with so many voters on its disk alone; it dies, and is back and ready soon. */
function restartsWith(c: TestCluster, count: number): void {
  const now = () => c.node("n1").core!.status().members.filter((row) => row.voter);
  while (now().length !== count) c.run(1);
  c.partition(["n1"], [...c.nodes.keys()].filter((id) => id !== "n1"));
  while (voters(c, "n1") !== count) c.run(1);
  c.kill("n1");
  c.heal();
  c.run(30);
  c.start("n1");
  c.until(() => c.node("n1").core!.status().ready, 100);
}

for (const nodes of [3, 5]) {
  const ids = ["n1", "n2", "n3", "n4", "n5"].slice(0, nodes);
  const out = ids.at(-1)!;
  const dead = ids.slice(1, 1 + (nodes - 1) / 2);
  const removes: Step = [`n1 removes ${out}, has that on disk alone, and starts anew`, (c) => {
    settle(c);
    c.feed("n1", { kind: "remove", id: 3, peer: out });
    restartsWith(c, nodes - 1);
  }];
  scenario(`under majority a removal on one disk does not stop those who live (${nodes} nodes)`, {
    nodes,
    quorum: "majority",
  }, [
    removes,
    [`${dead.join(" and ")} die, fewer than half: the others go on`, (c) => {
      for (const id of dead) c.kill(id);
      writes(c, "a", ...ids.filter((id) => !dead.includes(id) && id !== out));
    }],
  ]);
}

scenario("under majority a promotion on one disk does not stop those who live", {
  quorum: "majority",
}, [
  ["n1 makes n4 a voter, has that on disk alone, and starts anew; n4 dies", (c) => {
    settle(c);
    c.add(4);
    c.start("n4");
    c.feed("n1", { kind: "join", id: 1, member: c.node("n4").member });
    restartsWith(c, 4);
    c.kill("n4");
  }],
  ["n3 dies: n1 and n2 go on, two of three", (c) => {
    c.kill("n3");
    writes(c, "a", "n1", "n2");
  }],
]);

scenario("under majority one that was dead as it was removed is back as others die", {
  nodes: 4,
  quorum: "majority",
}, [
  ["n3 is dead and removed; n1 dies before it tells n2 and n4 that this is committed", (c) => {
    settle(c);
    c.kill("n3");
    c.run(100);
    c.feed("n1", { kind: "remove", id: 3, peer: "n3" });
    while (voters(c, "n2") !== 3 || voters(c, "n4") !== 3) c.run(1);
    c.kill("n1");
  }],
  ["n3 is back: three of four live, two of those who stay", (c) => {
    c.start("n3");
    writes(c, "a", "n2", "n4");
  }],
]);

scenario("under majority a config is withdrawn to one that could commit, once", {
  quorum: "majority",
}, [
  ["n2 is down as n4 becomes a voter; it is back, and what n1 sends it takes a while", (c) => {
    settle(c);
    c.add(4);
    c.start("n4");
    c.feed("n1", { kind: "join", id: 1, member: c.node("n4").member });
    c.run(20);
    c.kill("n2");
    c.until(() => c.node("n4").core!.status().ready);
    c.run(300);
    c.cut.add("n1>n2");
    c.start("n2");
    c.run(400);
  }],
  ["n3 dies and is removed, as n4 has on disk; n3 is back, n1 dies", (c) => {
    c.kill("n3");
    c.run(100);
    c.feed("n1", { kind: "remove", id: 3, peer: "n3" });
    while (voters(c, "n4") !== 3 || voters(c, "n1") !== 3) c.run(1);
    c.start("n3");
    c.kill("n1");
    c.heal();
  }],
  ["n2, n3 and n4 go on, and their logs do not grow by that", (c) => {
    writes(c, "a", "n2", "n4");
    c.run(5_000);
    assert.ok(c.node("n2").stored.entries.length < 60);
  }],
]);

/** From when the others have the config without n4 on disk, n1's messages to them are lost. */
function onlyN1KnowsThatN4IsOut(c: TestCluster): void {
  const others = ["n2", "n3"];
  while (others.some((id) => c.node(id).stored.configs.at(-1)!.config.voters.length === 4)) {
    c.run(1);
  }
  for (const id of others) c.cut.add(`n1>${id}`);
  const { stored } = c.node("n1");
  while (stored.commitIndex < stored.configs.at(-1)!.index) c.run(1);
  c.run(20);
}

const n1DiesAndTheyGoOn: Step = ["n1 dies: n2, n3 and n4 go on", (c) => {
  c.kill("n1");
  c.heal();
  writes(c, "a", "n2", "n3");
}];

scenario("who leaves stays until the others know that it is out", { nodes: 4, lastResort: false }, [
  ["n4 is told to stop: of those who stay, n1 alone knows that it is out", (c) => {
    settle(c);
    c.feed("n4", { kind: "leave" });
    onlyN1KnowsThatN4IsOut(c);
    assert.equal(c.node("n4").left, false);
  }],
  n1DiesAndTheyGoOn,
  ["n4 is told that it may go", (c) => {
    c.until(() => c.node("n4").left);
  }],
]);

for (const quorum of ["all", "majority"] as const) {
  scenario(`an operator is told of a removal once it stays so (${quorum})`, {
    nodes: 4,
    quorum,
    lastResort: false,
  }, [
    ["n4 is to be removed: of those who stay, n1 alone knows that it is out", (c) => {
      settle(c);
      c.feed("n1", { kind: "remove", id: 3, peer: "n4" });
      onlyN1KnowsThatN4IsOut(c);
      const isTold = c.node("n1").effects.some((effect) => effect.kind === "adminAnswer");
      assert.equal(isTold, false);
    }],
    n1DiesAndTheyGoOn,
  ]);
}
