/**
 * Scenarios about networks that part, and what each side may do (§1).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestCluster } from "./cluster.ts";
import { scenario, settle, writes } from "./scenario.ts";

/** Both sides of a partition are asked to write; at most one may have acknowledged. */
function sidesThatWrote(c: TestCluster, sides: readonly (readonly string[])[]): number {
  let wrote = 0;
  sides.forEach((side, at) => {
    const text = `side ${at} at ${c.now}`;
    for (const id of side) if (c.leads(id)) c.proposeAt(id, text);
    c.run(500);
    if (side.some((id) => c.applied(text, id))) wrote++;
  });
  return wrote;
}

const shapes: readonly {
  readonly name: string;
  readonly nodes: number;
  readonly sides: readonly [readonly string[], readonly string[]];
  readonly goesOn: boolean;
}[] = [
  { name: "the leader alone", nodes: 3, sides: [["n1"], ["n2", "n3"]], goesOn: true },
  { name: "a follower alone", nodes: 3, sides: [["n3"], ["n1", "n2"]], goesOn: true },
  { name: "two halves", nodes: 4, sides: [["n1", "n4"], ["n2", "n3"]], goesOn: true },
  { name: "one of two", nodes: 2, sides: [["n1"], ["n2"]], goesOn: true },
  { name: "two of five", nodes: 5, sides: [["n1", "n2"], ["n3", "n4", "n5"]], goesOn: true },
];

for (const quorum of ["all", "majority"] as const) {
  for (const { name, nodes, sides } of shapes) {
    scenario(`${quorum}, last resort off, partition: ${name}`, {
      nodes,
      quorum,
      lastResort: false,
    }, [
      ["a write is everywhere", (c) => writes(c, "a", ...sides.flat())],
      ["the network parts", (c) => {
        settle(c);
        c.partition(...sides);
        c.run(6_000);
      }],
      ["at most one side writes; under all, the one with a quorum does", (c) => {
        const wrote = sidesThatWrote(c, sides);
        assert.ok(wrote <= 1, "both sides wrote");
        if (quorum === "all") assert.equal(wrote, 1, "nobody wrote");
      }],
      ["the sides meet, and join in again without an operator", (c) => {
        c.heal();
        c.run(2_000);
        c.until(() => c.voters().length === nodes, 20_000);
        writes(c, "b", ...sides.flat());
        assert.ok(c.applied("a", ...sides.flat()));
        const first = c.commands("n1").join();
        for (const id of sides.flat()) assert.equal(c.commands(id).join(), first);
      }],
    ]);
  }
}

scenario("a node that only the leader cannot reach is dropped too", {}, [
  ["nothing gets from n3 to n1, or back", (c) => {
    settle(c);
    c.partition(["n1"], ["n3"]);
  }],
  ["n1 names n3 as a suspect, n2 grants it no more, and it is dropped", (c) => {
    const took = writes(c, "a", "n1", "n2");
    assert.ok(took < 3_000, `took ${took} ms`);
  }],
]);

scenario("one-way: the leader is heard but hears nobody", { nodes: 5, lastResort: false }, [
  ["nothing gets to n1", (c) => {
    settle(c);
    c.partition(["n2", "n3", "n4", "n5"], ["n1"], true);
  }],
  ["the others go on, or n1 gives up: writes are accepted again", (c) => {
    c.run(8_000);
    c.heal();
    writes(c, "a", "n1", "n2", "n3", "n4", "n5");
  }],
]);

scenario(
  "a partition with the last resort on: each side may go on, nobody cuts what it knows",
  {},
  [
    ["n3 is alone", (c) => {
      settle(c);
      c.partition(["n3"], ["n1", "n2"]);
    }],
    ["n1 and n2 go on by quorum", (c) => {
      c.run(1_500);
      writes(c, "quorum", "n1", "n2");
    }],
    ["n3 goes on by last resort after T + G", (c) => {
      c.until(() => c.leads("n3"), 10_000);
      c.proposeAt("n3", "alone");
      c.until(() => c.applied("alone", "n3"));
    }],
    ["they meet: nothing that either acknowledged is cut", (c) => {
      c.heal();
      c.run(10_000);
      assert.ok(c.applied("quorum", "n1", "n2"));
      assert.ok(c.applied("alone", "n3"));
      const texts = (id: string) =>
        c.node(id).stored.entries.flatMap((entry) =>
          entry.kind === "command" ? [new TextDecoder().decode(entry.data)] : []
        );
      assert.ok(texts("n1").includes("quorum"));
      assert.ok(texts("n3").includes("alone"));
    }],
  ],
);
