/**
 * Scenarios about the two sides of a partition that both went on, and meet again (§9).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Effect } from "../../src/raft/io.ts";
import type { TermStart } from "../../src/raft/types.ts";
import type { TestCluster } from "./cluster.ts";
import { lastOf, receives } from "./messages.ts";
import { goesOn, meets, n3Parts, scenario, settle, writes } from "./scenario.ts";

/** They meet; to the ms at which n3 begins to hand over. */
function meetsUntilN3HandsOver(c: TestCluster): void {
  c.heal();
  const hands = () => c.node("n3").effects.some((effect) => effect.kind === "handOver");
  for (let ms = 0; !hands() && ms < 10_000; ms++) c.run(1);
  assert.ok(hands());
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
      ["n3 went on alone", n3Parts],
      ["they meet, and it crashes in the middle", (c) => {
        meetsUntilN3HandsOver(c);
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

scenario("what only a dead leader knew to be committed is handed over as well", { nodes: 5 }, [
  ["n4 and n5 go on by last resort", (c) => {
    settle(c);
    c.partition(["n4", "n5"], ["n1", "n2", "n3"]);
    goesOn(c, ["n1", "n2", "n3"], "a");
    goesOn(c, ["n4", "n5"], "b");
  }],
  ["n4 acknowledges one more and dies before n5 hears that it is committed", (c) => {
    c.proposeAt("n4", "c");
    while (!c.applied("c", "n4")) c.run(1);
    c.kill("n4");
    assert.ok(!c.applied("c", "n5"));
  }],
  ["n5 meets the others, and all have it", (c) => {
    c.heal();
    c.until(() => c.applied("c", "n1", "n2", "n3", "n5"), 20_000);
    c.start("n4");
    meets(c, ["n1", "n2", "n3", "n4", "n5"], ["a", "b", "c"]);
  }],
]);

scenario("what a voter lacks that it would have needed was never done, and is dropped", {
  nodes: 2,
}, [
  [
    "n1 stalls, n2 crashes as its last resort is on its disk, and n1 has a write on its disk alone",
    (c) => {
      settle(c);
      c.partition(["n1"], ["n2"]);
      c.pause("n1", 4_600);
      c.until(() => {
        const marked = c.node("n2").stored.configs.at(-1)?.config.mark != null;
        if (marked) c.kill("n2");
        return marked;
      }, 6_000);
      c.run(1_000);
      c.proposeAt("n1", "on one disk");
      c.run(50);
      assert.ok(!c.applied("on one disk", "n1"));
    },
  ],
  ["n2 comes back: it needs n1 to go on, and n1 follows", (c) => {
    c.start("n2");
    c.heal();
    c.until(() => c.leads("n2") && !c.leads("n1"));
    writes(c, "together", "n1", "n2");
    assert.ok(!c.applied("on one disk", "n2"));
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

scenario("a leader that died and comes back is no other side to who went on without it", {
  nodes: 2,
}, [
  ["n1 dies; n2 goes on by last resort at once", (c) => {
    settle(c);
    c.kill("n1");
    goesOn(c, ["n2"], "a");
  }],
  ["n1 comes back, and is heard of before it says that it leads no more: n2 leads", (c) => {
    c.start("n1");
    const term = { epoch: 0, number: 1, nodeId: "n1" };
    receives(c, "n2", "n1", {
      kind: "pong",
      nonce: 0,
      promised: term,
      config: { index: 1, term },
      voter: true,
      certain: false,
      granted: false,
      leader: null,
    });
    for (let ms = 0; ms < 1_500; ms++) {
      c.run(1);
      assert.ok(c.leads("n2"), "n2 gave in to a leader that was dead");
    }
    meets(c, ["n1", "n2"], ["a"]);
  }],
]);

scenario("who gave in to a side that went away again was gone on without", { nodes: 5 }, [
  ["n4 and n5 go on by last resort", (c) => {
    settle(c);
    c.partition(["n4", "n5"], ["n1", "n2", "n3"]);
    goesOn(c, ["n1", "n2", "n3"], "a");
    goesOn(c, ["n4", "n5"], "b");
  }],
  ["n5 alone meets the others, gives in, and is parted from them before it is taken in", (c) => {
    c.heal();
    c.partition(["n4"], ["n1", "n2", "n3"]);
    const given = () => c.node("n5").core?.status().ready === false;
    for (let ms = 0; !given() && ms < 2_000; ms++) c.run(1);
    assert.ok(given());
    c.partition(["n4", "n5"], ["n1", "n2", "n3"]);
  }],
  ["n4 goes on without it, acknowledges a write and dies", (c) => {
    const voters = () => c.node("n4").core?.status().members.filter(({ voter }) => voter);
    c.until(() => voters()?.length === 1 && c.leads("n4"));
    goesOn(c, ["n4"], "c");
    c.kill("n4");
  }],
  ["n5 does not lead, as it lacks that", (c) => {
    for (let ms = 0; ms < 10_000; ms += 5) {
      c.run(5);
      assert.ok(!c.leads("n5"), "n5 led without what n4 had acknowledged");
    }
  }],
  ["all is there once n4 is back and they have met", (c) => {
    c.start("n4");
    c.heal();
    meets(c, ["n1", "n2", "n3", "n4", "n5"], ["a", "b", "c"]);
  }],
]);

scenario(
  "who is refused a snapshot after a hand-over asks again, and hands over nothing twice",
  {},
  [
    ["n3 went on alone", (c) => {
      settle(c);
      c.partition(["n3"], ["n1", "n2"]);
      goesOn(c, ["n1", "n2"], "a");
      goesOn(c, ["n3"], "b");
      c.node("n3").effects = [];
    }],
    ["they meet, and the first two snapshots are refused", (c) => {
      c.snapshotsRefused = 2;
      c.heal();
      meets(c, ["n1", "n2", "n3"], ["a", "b"]);
      const count = (kind: string) =>
        c.node("n3").effects.filter((effect) => effect.kind === kind).length;
      assert.equal(count("handOver"), 1);
      assert.equal(count("fetchSnapshot"), 3);
    }],
  ],
);

scenario("a leader that slept long follows who went on without it, as soon as it knows", {
  nodes: 2,
}, [
  ["n1 sleeps; n2 goes on by last resort", (c) => {
    settle(c);
    c.pause("n1", 6_000);
    goesOn(c, ["n2"], "a");
    c.until(() => c.node("n1").pausedUntil <= c.now);
  }],
  ["n1 wakes up: it has nothing to hand over, and need not wait for T + G", (c) => {
    const { failureTimeoutMs, isolationGraceMs } = c.policy;
    const took = c.until(() => c.voters().length === 2 && c.leads("n2"));
    assert.ok(took < failureTimeoutMs + isolationGraceMs, `It took ${took} ms`);
    meets(c, ["n1", "n2"], ["a"]);
    const warned = c.node("n1").effects.some((effect) =>
      effect.kind === "notice" && effect.text.startsWith("Meets the other side")
    );
    assert.ok(!warned, "Nobody was on another side");
  }],
]);

/** What n2 makes of a leader's word that it needs a snapshot, of a log with these terms. */
function hearsOfSnapshot(c: TestCluster, before: readonly TermStart[]): readonly Effect["kind"][] {
  const term = { epoch: 1, number: 9, nodeId: "n1" };
  const { index } = lastOf(c, "n2");
  const termStarts = [...before, { term, index: before.length === 0 ? 1 : index + 1 }];
  const place = { from: "n1", baseIndex: index + 9, termStarts };
  c.node("n2").effects = [];
  receives(c, "n2", "n1", { kind: "snapshotNeeded", term, mark: term, ...place });
  return c.node("n2").effects.map(({ kind }) => kind);
}

scenario("who was only away while others parted fetches their snapshot at once", {}, [
  ["all have a write, and n2 hears of n1 no more", (c) => {
    settle(c);
    writes(c, "a", "n1", "n2", "n3");
    c.partition(["n1"], ["n2"]);
    c.run(2_000);
  }],
  ["a leader whose history is another one has to wait", (c) => {
    const kinds = hearsOfSnapshot(c, []);
    assert.ok(kinds.includes("notice") && !kinds.includes("fetchSnapshot"));
  }],
  ["a leader whose history goes on from its own has not", (c) => {
    const kinds = hearsOfSnapshot(c, c.node("n2").stored.termStarts);
    assert.ok(!kinds.includes("notice") && kinds.includes("fetchSnapshot"));
  }],
]);

scenario("two sides whose leaders have not served yet as they meet do not outbid each other", {
  nodes: 5,
}, [
  ["n2 and n5 are cut off; n3 dies; n1 and n4 go on by last resort", (c) => {
    c.run(50);
    c.partition(["n1", "n3", "n4"], ["n2", "n5"]);
    c.run(180);
    c.kill("n3");
    c.run(3_870);
    assert.ok(c.leads("n1") && c.voters().join() === "n1,n4");
  }],
  ["n2 asks for votes to do so, too, as they meet the others and n3 comes back", (c) => {
    assert.equal(c.node("n2").core?.status().role, "candidate");
    c.heal();
    c.start("n3");
  }],
  ["the terms do not run away", (c) => {
    meets(c, ["n1", "n2", "n3", "n4", "n5"], []);
    const { number } = c.node("n1").core!.status().term;
    assert.ok(number < 12, `It took up to term ${number}`);
  }],
]);

scenario("who is parted again in the middle of a hand-over goes on as it was", {}, [
  ["n3 went on alone", n3Parts],
  ["they meet, and are parted as n3 begins to hand over", (c) => {
    meetsUntilN3HandsOver(c);
    c.partition(["n3"], ["n1", "n2"]);
    // A host that waits before it tries again does not hold the node up.
    c.node("n3").handOver = null;
    c.node("n3").effects = [];
  }],
  ["n3 serves again", (c) => {
    const { failureTimeoutMs } = c.policy;
    const took = c.until(() => c.leads("n3"));
    assert.ok(took < 3 * failureTimeoutMs, `It took ${took} ms`);
    assert.ok(c.node("n3").effects.some(({ kind }) => kind === "handOverEnded"), "the host knows");
    goesOn(c, ["n3"], "c");
  }],
  ["they meet for good", (c) => {
    c.heal();
    meets(c, ["n1", "n2", "n3"], ["a", "b", "c"]);
  }],
]);
