/**
 * Scenarios about networks that part, and what each side may do (§1).
 *
 * @module
 */

import assert from "node:assert/strict";
import { TestCluster } from "./cluster.ts";
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

/** Every way to part so many nodes in two: n1 with some of the others, or alone. */
function splits(nodes: number): [string[], string[]][] {
  const sides: [string[], string[]][] = [];
  for (let bits = 0; bits < 2 ** (nodes - 1) - 1; bits++) {
    const left = ["n1"];
    const right: string[] = [];
    for (let n = 2; n <= nodes; n++) (bits >> (n - 2) & 1 ? left : right).push(`n${n}`);
    sides.push([left, right]);
  }
  return sides;
}

const shapes = [2, 3, 4, 5].flatMap((nodes) =>
  splits(nodes).map((sides) => ({
    nodes,
    sides,
    name: sides.map((side) => side.join(" ")).join(" and "),
  }))
);

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

for (const lastResort of [true, false]) {
  scenario(
    `a node that hears nothing of the leader, which hears it, is dropped too, last resort ${
      lastResort ? "on" : "off"
    }`,
    { lastResort },
    [
      ["nothing gets from n1 to n3; n3's pings arrive, and it answers none", (c) => {
        settle(c);
        c.partition(["n1"], ["n3"], true);
      }],
      ["n1 grants it no more, n2 hears of that, and it is dropped", (c) => {
        const took = c.until(() => c.voters().length === 2);
        assert.ok(took < 3_300, `took ${took} ms`);
        writes(c, "a", "n1", "n2");
      }],
      ["n3 restarts and asks to be taken in, and is no voter before it answers", (c) => {
        c.kill("n3");
        c.run(100);
        c.start("n3");
        for (let ms = 0; ms < 10_000; ms += 5) {
          c.run(5);
          assert.deepEqual(c.voters(), ["n1", "n2"]);
        }
      }],
      ["the way is open again and n3 is back", (c) => {
        c.heal();
        c.until(() => c.voters().length === 3, 20_000);
        writes(c, "b", "n1", "n2", "n3");
      }],
    ],
  );
}

const ways = ["n1>n2", "n2>n1", "n1>n3", "n3>n1", "n2>n3", "n3>n2"];

/** Whether two of the three nodes hear each other. */
function somePairIsWhole(lost: readonly string[]): boolean {
  return [0, 2, 4].some((at) => ![ways[at], ways[at + 1]].some((way) => lost.includes(way ?? "")));
}

for (const quorum of ["all", "majority"] as const) {
  for (const leader of ["n1", "n2"]) {
    scenario(`${quorum}, last resort off, ${leader} leads: every set of lost ways of three nodes`, {
      quorum,
      lastResort: false,
    }, [
      ["each set for a while: one history, and writes if two nodes hear each other", () => {
        for (let bits = 1; bits < 2 ** ways.length; bits++) {
          const lost = ways.filter((_way, at) => bits >> at & 1);
          liveThrough({ quorum, leader, lost });
        }
      }],
    ]);
  }
}

/** A cluster of its own that loses these ways, writes all the time, and gets them back. */
function liveThrough(
  { quorum, leader, lost }: {
    readonly quorum: "all" | "majority";
    readonly leader: string;
    readonly lost: readonly string[];
  },
): void {
  const ids = ["n1", "n2", "n3"];
  const c = TestCluster.of(3, { quorum, lastResort: false });
  settle(c);
  if (leader !== "n1") {
    c.feed("n1", { kind: "transfer", id: 1, to: leader });
    c.until(() => c.leads(leader) && !c.leads("n1"));
    settle(c);
  }
  for (const way of lost) c.cut.add(way);
  for (let ms = 0; ms < 8_000; ms += 200) {
    for (const id of ids) if (c.leads(id)) c.proposeAt(id, `${id} after ${ms} ms`);
    c.run(200);
  }
  const [longest = []] = ids.map((id) => c.commands(id)).sort((a, b) => b.length - a.length);
  for (const id of ids) {
    const own = c.commands(id);
    assert.deepEqual(own, longest.slice(0, own.length), `${id} differs without ${lost}`);
  }
  const late = longest.some((text) => Number(text.split(" ")[2]) >= 5_000);
  assert.ok(late || !somePairIsWhole(lost), `nothing was written without ${lost}`);
  c.heal();
  c.until(() => c.leader() !== undefined && c.voters().length === 3, 20_000);
  writes(c, "healed", ...ids);
}

for (
  const policy of [
    { quorum: "all", lastResort: true },
    { quorum: "all", lastResort: false },
    { quorum: "majority", lastResort: false },
  ] as const
) {
  scenario(
    `nobody reads from a leader that is cut off once another may lead: ${policy.quorum}${
      policy.lastResort ? ", last resort on" : ""
    }`,
    policy,
    [
      ["n1 is cut off", (c) => {
        settle(c);
        assert.equal(c.node("n1").core?.canRead({ mono: c.now, fast: c.now }), true);
        c.partition(["n1"], ["n2", "n3"]);
      }],
      ["no sooner does another one lead than n1 has read for the last time in its term", (c) => {
        const term = c.node("n1").core?.status().term;
        for (let ms = 0; ms < 5_000; ms++) {
          c.run(1);
          const elected = ["n2", "n3"].some((id) => c.node(id).core?.status().role === "leader");
          const { core } = c.node("n1");
          // By last resort it goes on in a term of its own: each side is linearizable in itself.
          if (JSON.stringify(core?.status().term) !== JSON.stringify(term)) break;
          const reads = core?.canRead({ mono: c.now, fast: c.now }) === true;
          assert.ok(!(elected && reads), `at ${ms} ms both`);
        }
        assert.ok(c.leads("n2") || c.leads("n3"));
      }],
    ],
  );
}

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
    ["they meet: what either acknowledged ends at all", (c) => {
      c.heal();
      c.run(10_000);
      assert.ok(c.applied("quorum", "n1", "n2", "n3"));
      assert.ok(c.applied("alone", "n1", "n2", "n3"));
    }],
  ],
);
