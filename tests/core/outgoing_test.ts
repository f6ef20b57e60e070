/**
 * Scenarios about a node on its way out by a config that one disk alone has (§6, §7).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestCluster } from "./cluster.ts";
import { scenario, settle, type Step, writes } from "./scenario.ts";

/** How the last node gets on its way out, and how many there are. */
interface Way {
  readonly words: string;
  readonly nodes: number;
  readonly begin: (c: TestCluster, id: string) => void;
}

const asks: Way["begin"] = (c, id) => c.feed(id, { kind: "leave" });
const isRemoved: Way["begin"] = (c, peer) => c.feed("n1", { kind: "remove", id: 3, peer });

const WAYS: readonly Way[] = [
  { words: "asks to leave", nodes: 3, begin: asks },
  { words: "asks to leave", nodes: 4, begin: asks },
  { words: "is removed by an operator", nodes: 3, begin: isRemoved },
  { words: "is removed by an operator", nodes: 4, begin: isRemoved },
];

function newestVoters(c: TestCluster, id: string): readonly string[] {
  return c.node(id).stored.configs.at(-1)!.config.voters.map((voter) => voter.id);
}

for (const { words, nodes, begin } of WAYS) {
  const out = `n${nodes}`;
  const others = ["n1", "n2", "n3", "n4"].filter((id) => id < out);
  const rest = others.slice(1);
  const name = (start: string) =>
    `${start} (${nodes} nodes, one of which ${words}, as one disk alone has)`;

  const dropsIt: Step = [
    `${out} ${words}; n1 has it on disk, and nobody else, as both die`,
    (c) => {
      settle(c);
      begin(c, out);
      const voters = () => c.node("n1").core!.status().members.filter((row) => row.voter);
      while (voters().length === nodes) c.run(1);
      c.partition(["n1"], [...rest, out]);
      while (newestVoters(c, "n1").includes(out)) c.run(1);
      c.kill("n1");
      c.kill(out);
      c.heal();
      for (const id of [...rest, out]) assert.equal(newestVoters(c, id).length, nodes);
    },
  ];

  scenario(name("whoever grants a last resort goes on with it"), { nodes }, [
    dropsIt,
    [`${out} is back, and certain by the word of the others; these die`, (c) => {
      c.start(out);
      c.until(() => c.node(out).core!.status().certain, 800);
      for (const id of rest) c.kill(id);
    }],
    [`n1 is back and goes on, with ${out}`, (c) => {
      c.start("n1");
      writes(c, "a", "n1", out);
      assert.deepEqual(c.voters(), ["n1", out]);
      c.until(() => c.node(out).core!.status().ready);
    }],
    [`n1 dies: ${out} goes on alone, with what was acknowledged`, (c) => {
      c.kill("n1");
      writes(c, "b", out);
      assert.deepEqual(c.commands(out), ["a", "b"]);
    }],
  ]);

  // Of four, those who stay are half with the smallest address: they need nobody else.
  if (nodes % 2 === 0) continue;
  scenario(name("a quorum goes on with whom it was to drop"), { nodes, lastResort: false }, [
    dropsIt,
    [`n2 dies; n1 and ${out} are back, two of three: they go on`, (c) => {
      c.kill("n2");
      c.start("n1");
      c.start(out);
      writes(c, "a", "n1", out);
    }],
  ]);
}

// Its write is on disk a tick later, or two.
for (const ms of [10, 15, 40]) {
  scenario(`who is taken back by a last resort is not dropped at once (a disk of ${ms} ms)`, {
    nodes: 4,
  }, [
    ["n4 asks to leave; n1 has that on its disk alone, as both die", (c) => {
      settle(c);
      c.feed("n4", { kind: "leave" });
      const voters = () => c.node("n1").core!.status().members.filter((row) => row.voter);
      while (voters().length === 4) c.run(1);
      c.partition(["n1"], ["n2", "n3", "n4"]);
      while (newestVoters(c, "n1").includes("n4")) c.run(1);
      c.kill("n1");
      c.kill("n4");
      c.heal();
    }],
    ["n4 is back, and certain by the word of n2 and n3, which die", (c) => {
      c.start("n4");
      c.until(() => c.node("n4").core!.status().certain, 800);
      c.kill("n2");
      c.kill("n3");
    }],
    ["n1 is back, wins and goes on with n4", (c) => {
      c.start("n1");
      for (let waited = 0; c.node("n1").core!.status().role !== "leader"; waited++) {
        assert.ok(waited < 3_000, "n1 wins");
        c.run(1);
      }
      c.hangDisk("n1", ms);
      writes(c, "a", "n1", "n4");
      assert.deepEqual(c.voters(), ["n1", "n4"]);
      c.until(() => c.node("n4").core!.status().ready, 200);
    }],
    ["n1 dies: n4 goes on with what was acknowledged", (c) => {
      c.kill("n1");
      writes(c, "b", "n4");
      assert.deepEqual(c.commands("n4"), ["a", "b"]);
    }],
  ]);
}

scenario("who may go on by last resort knows of a removal before the operator does", { nodes: 4 }, [
  ["n4 is to be removed: n3 has not heard that this is committed", (c) => {
    settle(c);
    isRemoved(c, "n4");
    while (newestVoters(c, "n3").length === 4) c.run(1);
    c.cut.add("n1>n3");
    const { stored } = c.node("n2");
    while (stored.commitIndex < stored.configs.at(-1)!.index) c.run(1);
    c.run(20);
    assert.ok(!c.node("n1").effects.some((effect) => effect.kind === "adminAnswer"));
    c.heal();
  }],
  ["it has: the operator is told", (c) => {
    c.until(() => c.node("n1").effects.some((effect) => effect.kind === "adminAnswer"));
  }],
  ["n1 and n2 die: n3 goes on, without n4", (c) => {
    c.kill("n1");
    c.kill("n2");
    writes(c, "a", "n3");
    c.run(3_000);
    assert.deepEqual(c.voters(), ["n3"]);
  }],
]);
