/**
 * Scenarios about the two sides of a partition that both went on, and meet again (§9).
 *
 * @module
 */

import assert from "node:assert/strict";
import { outranks } from "../../src/raft/side.ts";
import type { Side } from "../../src/raft/types.ts";
import type { TestCluster } from "./cluster.ts";
import { scenario, settle, writes } from "./scenario.ts";

/** Everybody follows one leader, has the same commands, and each of these once. */
function meets(c: TestCluster, ids: readonly string[], texts: readonly string[]): void {
  const same = () => {
    const logs = ids.map((id) => c.node(id).stored.entries.at(-1)?.checksum);
    return new Set(logs).size === 1 && c.voters().join() === ids.join() &&
      ids.every((id) => c.node(id).core?.status().ready === true);
  };
  c.until(same, 30_000);
  for (const id of ids) {
    assert.deepEqual(c.commands(id), c.commands(ids[0]!), `${id} has what ${ids[0]} has`);
  }
  for (const text of texts) {
    const count = c.commands(ids[0]!).filter((other) => other === text).length;
    assert.equal(count, 1, `${text} is there ${count} times`);
  }
}

/** Whoever leads on this side of the partition, as soon as it does, has this applied. */
function goesOn(c: TestCluster, side: readonly string[], text: string): string {
  let leader: string | undefined;
  c.until(() => (leader = side.find((id) => c.leads(id))) !== undefined, 20_000);
  c.proposeAt(leader!, text);
  c.until(() => c.applied(text, ...side));
  return leader!;
}

scenario("one of three goes on alone, and gives in to the side of the quorum", {}, [
  ["n3 is cut off; n1 and n2 go on, and so does n3 by last resort", (c) => {
    settle(c);
    c.partition(["n3"], ["n1", "n2"]);
    goesOn(c, ["n1", "n2"], "by the two");
    goesOn(c, ["n3"], "by the one");
    assert.equal(c.node("n3").core?.status().livesByLastResort, true);
  }],
  ["they meet: n3 hands over what it accepted, and follows", (c) => {
    c.heal();
    meets(c, ["n1", "n2", "n3"], ["by the two", "by the one"]);
    assert.equal(c.node("n1").core?.status().livesByLastResort, false);
  }],
  ["all goes on", (c) => void writes(c, "together", "n1", "n2", "n3")],
]);

scenario("three sides without a quorum meet, and the largest with the smallest address stays", {
  nodes: 5,
}, [
  ["two, two and one go on by last resort", (c) => {
    settle(c);
    c.partition(["n1", "n4"], ["n2", "n3", "n5"]);
    c.partition(["n2", "n3"], ["n5"]);
    goesOn(c, ["n1", "n4"], "by n1 and n4");
    goesOn(c, ["n2", "n3"], "by n2 and n3");
    goesOn(c, ["n5"], "by n5");
  }],
  ["they meet", (c) => {
    c.heal();
    const texts = ["by n1 and n4", "by n2 and n3", "by n5"];
    meets(c, ["n1", "n2", "n3", "n4", "n5"], texts);
    const first = c.commands("n1").filter((text) => texts.includes(text))[0];
    assert.equal(first, "by n1 and n4");
  }],
  ["the mark goes once all have met", (c) => {
    c.until(() => c.node("n1").core?.status().livesByLastResort === false);
  }],
]);

scenario("two sides meet while the third is away, and that one later", { nodes: 5 }, [
  ["all three go on", (c) => {
    settle(c);
    c.partition(["n1", "n4"], ["n2", "n3", "n5"]);
    c.partition(["n2", "n3"], ["n5"]);
    goesOn(c, ["n1", "n4"], "a");
    goesOn(c, ["n2", "n3"], "b");
    goesOn(c, ["n5"], "c");
  }],
  ["n5 meets n2 and n3", (c) => {
    c.cut.clear();
    c.partition(["n1", "n4"], ["n2", "n3", "n5"]);
    c.until(() => c.applied("c", "n2", "n3", "n5"), 20_000);
    assert.equal(c.leads("n2") || c.leads("n3"), true);
  }],
  ["and then n1 and n4", (c) => {
    c.heal();
    meets(c, ["n1", "n2", "n3", "n4", "n5"], ["a", "b", "c"]);
  }],
]);

for (const victim of ["n1", "n3"] as const) {
  const name = victim === "n3" ? "who gives in" : "the leader of the side that stays";
  for (const after of [1, 2, 3, 5, 8, 20, 130]) {
    scenario(`${name} crashes ${after} ms into a hand-over`, {}, [
      ["n3 went on alone", (c) => {
        settle(c);
        c.partition(["n3"], ["n1", "n2"]);
        goesOn(c, ["n1", "n2"], "a");
        goesOn(c, ["n3"], "b");
        c.node("n3").effects = [];
      }],
      ["they meet, and it crashes in the middle", (c) => {
        c.heal();
        const hands = () => c.node("n3").effects.some((effect) => effect.kind === "handOver");
        for (let ms = 0; !hands() && ms < 10_000; ms++) c.run(1);
        assert.ok(hands());
        c.run(after);
        c.kill(victim);
      }],
      ["it comes back, and nothing is lost or there twice", (c) => {
        c.run(2_000);
        c.start(victim);
        meets(c, ["n1", "n2", "n3"], ["a", "b"]);
      }],
    ]);
  }
}

scenario("who accepted something that was not committed hands that over as well", { nodes: 2 }, [
  ["n1 stalls with a write on its disk alone; n2 goes on by last resort", (c) => {
    settle(c);
    c.partition(["n1"], ["n2"]);
    c.proposeAt("n1", "on one disk");
    c.pause("n1", 6_000);
    goesOn(c, ["n2"], "a");
    c.until(() => c.now >= c.node("n1").pausedUntil);
  }],
  ["n1 wakes, finds n2's side, and has no leader of its own for T + G", (c) => {
    c.heal();
    meets(c, ["n1", "n2"], ["on one disk", "a"]);
  }],
]);

scenario("who is cut off only for a moment gives in to nobody", {}, [
  ["n3 went on alone, and meets the others just as their leader dies", (c) => {
    settle(c);
    c.partition(["n3"], ["n1", "n2"]);
    goesOn(c, ["n1", "n2"], "a");
    goesOn(c, ["n3"], "b");
    c.kill("n1");
    c.heal();
  }],
  ["n2, which has the other's writes as well before long, leads", (c) => {
    c.run(1_000);
    c.start("n1");
    meets(c, ["n1", "n2", "n3"], ["a", "b"]);
  }],
]);

Deno.test("sides: which one gives in", () => {
  const term = (epoch: number) => ({ epoch, number: 1, nodeId: "n" });
  const side = (change: Partial<Exclude<Side, "unmarked">>): Side => ({
    forced: false,
    term: term(1),
    size: 1,
    smallest: "10.0.0.2:1",
    ...change,
  });
  const order: readonly Side[] = [
    side({ forced: true, size: 2 }),
    side({ forced: true }),
    "unmarked",
    side({ size: 3 }),
    side({ size: 2, smallest: "10.0.0.9:1" }),
    side({ size: 2, smallest: "10.0.0.10:1", term: term(2) }),
    side({ size: 2, smallest: "10.0.0.10:1" }),
  ];
  order.forEach((left, i) =>
    order.forEach((right, j) => assert.equal(outranks(left, right), i < j, `${i} and ${j}`))
  );
});
