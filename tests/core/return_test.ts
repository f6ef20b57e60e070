/**
 * Scenarios about coming back: all, some, in every order, with one missing (§1, §7).
 *
 * @module
 */

import assert from "node:assert/strict";
import { compareTerms } from "../../src/raft/term.ts";
import { type TestCluster, testMember } from "./cluster.ts";
import { receives, sent } from "./messages.ts";
import { scenario, settle, writes } from "./scenario.ts";

const orders = [
  ["n1", "n2", "n3"],
  ["n1", "n3", "n2"],
  ["n2", "n1", "n3"],
  ["n2", "n3", "n1"],
  ["n3", "n1", "n2"],
  ["n3", "n2", "n1"],
] as const;

for (const lastResort of [true, false]) {
  for (const order of orders) {
    scenario(
      `all die and come back as ${order.join(", ")}, last resort ${lastResort ? "on" : "off"}`,
      { lastResort },
      [
        ["a write is on every disk, then all die at once", (c) => {
          writes(c, "a", "n1", "n2", "n3");
          settle(c);
          for (const id of ["n1", "n2", "n3"]) c.kill(id);
        }],
        ["the first comes back and leads nothing alone", (c) => {
          c.start(order[0]);
          c.run(10_000);
          assert.equal(c.leader(), undefined);
        }],
        ["with one still missing only quorums count", (c) => {
          c.start(order[1]);
          c.run(10_000);
          assert.equal(c.leader() === undefined, lastResort);
        }],
        ["when the last is back everything is there", (c) => {
          c.start(order[2]);
          writes(c, "b", "n1", "n2", "n3");
          assert.ok(c.applied("a", "n1", "n2", "n3"));
        }],
      ],
    );
  }
}

scenario("the fresher node has restarted and the other has not", {}, [
  ["n2 hears nothing while a write goes to n3", (c) => {
    settle(c);
    c.partition(["n1"], ["n2"], true);
    c.propose("on n1 and n3 only");
    c.run(20);
  }],
  ["n3 restarts at once; n1 dies before it accepts n3 again", (c) => {
    c.kill("n3");
    c.start("n3");
    c.run(10);
    c.kill("n1");
    c.heal();
  }],
  ["n2, certain but behind, gets the tail from n3, fresh but not certain: they go on", (c) => {
    writes(c, "b", "n2", "n3");
  }],
]);

scenario("the view shrank while a node was down, then all die", {}, [
  ["n3 dies and n1 and n2 go on", (c) => {
    settle(c);
    c.kill("n3");
    writes(c, "a", "n1", "n2");
  }],
  ["n1 and n2 die; n3 and n1 come back", (c) => {
    settle(c);
    c.kill("n1");
    c.kill("n2");
    c.start("n3");
    c.start("n1");
    c.run(10_000);
  }],
  ["nobody leads without the write", (c) => {
    const leader = c.leader();
    assert.ok(leader === undefined || c.applied("a", leader));
  }],
  ["n2 comes back: all go on", (c) => {
    c.start("n2");
    writes(c, "b", "n1", "n2", "n3");
    assert.ok(c.applied("a", "n3"));
  }],
]);

scenario("the last survivor restarts and goes on alone", {}, [
  ["n1 and n2 die", (c) => {
    settle(c);
    c.kill("n1");
    c.kill("n2");
    writes(c, "alone", "n3");
  }],
  ["n3 restarts: it is the only voter of its newest view", (c) => {
    c.kill("n3");
    c.start("n3");
    writes(c, "again", "n3");
  }],
]);

scenario("a dropped node knows only one member, and that one does not lead", {}, [
  ["n3 dies; n1 joins a view without it; n2 dies and the view is n1 alone", (c) => {
    settle(c);
    c.kill("n3");
    writes(c, "a", "n1", "n2");
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.leads("n2"));
  }],
  ["n3 comes back without a way to n2 but through n1's word", (c) => {
    c.start("n3");
    c.until(() => c.voters().length === 3, 20_000);
    assert.ok(c.applied("a", "n3"));
  }],
]);

scenario("who needs a snapshot says that it has promised a higher term than the leader's", {}, [
  ["n3 hears from the leader of an earlier term than its promise that it needs a snapshot", (c) => {
    settle(c);
    const { promised } = c.node("n3").stored;
    const term = { ...promised, number: promised.number - 1 };
    const message = {
      kind: "snapshotNeeded",
      term,
      from: "n1",
      baseIndex: 99,
      termStarts: [],
      mark: null,
    } as const;
    const { incarnation } = c.node("n1");
    const effects = c.feed("n3", { kind: "message", from: "n1", incarnation, message });
    assert.ok(effects.every(({ kind }) => kind !== "fetchSnapshot"));
    const reply = effects.find((effect) => effect.kind === "send")?.message;
    assert.ok(reply?.kind === "appendReply" && !reply.ok, "it answers as to an append");
    assert.deepEqual(reply.promised, promised);
  }],
]);

scenario("whom a dead leader named as suspect is granted leases again", { quorum: "majority" }, [
  ["n3 dies, and n1 says so to n2 until it dies itself", (c) => {
    settle(c);
    c.kill("n3");
    c.run(1_500);
    c.kill("n1");
  }],
  ["n3 comes back: n2 grants it leases, so that it does not suspect it once it leads", (c) => {
    c.start("n3");
    const { effects } = c.node("n2");
    const from = effects.length;
    c.until(() => {
      const sent = effects.slice(from).flatMap((one) => one.kind === "send" ? [one] : []);
      return sent.some(({ to, message }) =>
        to === "n3" && message.kind === "pong" && message.granted
      );
    }, 500);
  }],
  ["the two are enough to write", (c) => void writes(c, "a", "n2", "n3")],
]);

scenario("a dropped node knows only members that died since", { nodes: 2 }, [
  ["n1 dies; n2 goes on alone and takes n3 in", (c) => {
    settle(c);
    c.kill("n1");
    writes(c, "a", "n2");
    c.add(3);
    c.start("n3");
    c.join(3);
  }],
  ["n2 dies for good, and n3 goes on", (c) => {
    c.kill("n2");
    writes(c, "b", "n3");
  }],
  ["n1 comes back: n3, of which it never heard, remembers it", (c) => {
    c.start("n1");
    c.until(() => c.voters().includes("n1"), 5_000);
    writes(c, "c", "n1", "n3");
  }],
]);

scenario("a copy of the smaller of two is refused before it leads alone", {
  nodes: 2,
  lastResort: false,
}, [
  ["both die, and the smaller starts: half with the smallest address is a quorum", (c) => {
    settle(c);
    for (const id of ["n1", "n2"]) c.kill(id);
    c.start("n1");
  }],
  ["n2 could say only after T that an older start of n1 lives, so it claims nothing", (c) => {
    c.run(1_450);
    assert.equal(c.leader(), undefined);
  }],
  ["nobody says so, and it goes on", (c) => {
    c.until(() => c.leader() === "n1", 500);
    writes(c, "alone", "n1");
  }],
]);

scenario("a dropped node is called no more where a new one is in its place", {}, [
  ["n3 dies and is dropped: the leader still calls it", (c) => {
    settle(c);
    c.kill("n3");
    c.until(() => c.voters().length === 2);
    settle(c);
    assert.ok(called(c, "n1").includes("n3"));
  }],
  ["n4 joins at its address", (c) => {
    const { peerAddress } = c.node("n3").member;
    c.feed("n1", { kind: "join", id: 1, member: { ...testMember(4), peerAddress } });
    c.run(500);
    assert.deepEqual(called(c, "n1"), ["n2", "n4"]);
  }],
]);

/** Whom a node keeps links to. */
function called(c: TestCluster, id: string): readonly string[] {
  const told = c.node(id).effects.findLast((effect) => effect.kind === "peers");
  return told?.kind === "peers" ? told.members.map((member) => member.id).sort() : [];
}

scenario("who starts again is not certain by another's word before all know of its start", {}, [
  ["n1 dies and is back; n2 vouches for it; n3, which found it gone, does not hear it", (c) => {
    settle(c);
    c.kill("n1");
    c.run(50);
    c.partition(["n1"], ["n3"]);
    c.start("n1");
    c.run(500);
    assert.ok(!c.node("n1").core!.status().certain, "n3 may go on as if it was gone");
  }],
  ["they hear each other", (c) => {
    c.heal();
    c.until(() => c.node("n1").core!.status().ready);
  }],
]);

scenario(
  "a leader that slept and finds that another one needs its snapshot hears of the other's term",
  {
    quorum: "majority",
  },
  [
    ["n1 sleeps; n2 leads", (c) => {
      settle(c);
      c.pause("n1", 5_000);
      c.until(() => c.leads("n2") || c.leads("n3"));
    }],
    ["it is told that it needs a snapshot by the term before", (c) => {
      const leader = c.leads("n2") ? "n2" : "n3";
      const { term } = c.node("n1").stored.entries.at(-1)!;
      c.node(leader).effects = [];
      const place = { from: "n1", baseIndex: 99, termStarts: [], mark: null };
      receives(c, leader, "n1", { kind: "snapshotNeeded", term, ...place });
      const reply = sent(c.node(leader).effects, "appendReply");
      assert.ok(reply !== undefined && compareTerms(reply.promised, term) > 0);
    }],
  ],
);

scenario("a leader that slept is overtaken by a later one that it never followed", { nodes: 2 }, [
  ["n2 leads and sleeps; n1, the smaller, goes on by quorum and takes n3 in", (c) => {
    settle(c);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.leads("n2"));
    c.pause("n2", 5_000);
    c.until(() => c.leads("n1"));
    c.add(3);
    c.start("n3");
    c.until(() => {
      c.feed("n1", { kind: "join", id: 1, member: testMember(3) });
      return c.node("n3").core?.status().ready === true;
    }, 20_000);
  }],
  ["n1 leaves, and n3 goes on alone", (c) => {
    c.feed("n1", { kind: "leave" });
    c.until(() => c.node("n1").left);
    c.kill("n1");
    c.until(() => c.leads("n3"));
    assert.ok(c.node("n2").pausedUntil > c.now);
  }],
  ["n2 wakes up, leads no more, and is taken in", (c) => {
    c.until(
      () =>
        c.node("n3").core!.status().members.some(({ member, voter }) =>
          voter && member.id === "n2"
        ),
      15_000,
    );
    c.until(() => c.node("n2").core!.status().ready);
  }],
]);
