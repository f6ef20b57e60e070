/**
 * Scenarios about configurations: pending, dropped, withdrawn (§4, §6).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestCluster } from "./cluster.ts";
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
    c.run(10);
    const seen = c.node("n2").stored.configs.at(-1)?.config.voters;
    assert.deepEqual(seen?.map((voter) => voter.id), ["n1"]);
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

scenario("that a config is committed is on the disk before anyone is told", {}, [
  ["n3 dies and comes back; n1 hands over to n2; n2 dies and comes back", (c) => {
    const checked = (ms: number) => {
      for (const end = c.now + ms; c.now < end;) {
        c.run(1);
        for (const [id, { core, stored, applied }] of c.nodes) {
          const told = stored.configs.findLast((entry) => entry.index <= applied.index);
          if (core === null || told === undefined) continue;
          assert.ok(stored.commitIndex >= told.index, `${id} told of ${told.index}`);
        }
      }
    };
    c.kill("n3");
    checked(500);
    c.start("n3");
    checked(2_500);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    checked(500);
    c.kill("n2");
    checked(500);
    c.start("n2");
    checked(2_500);
    assert.equal(c.voters().length, 3);
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

scenario("a config that is appended while a commit is on its way to the disk counts that", {
  nodes: 5,
  lastResort: false,
}, [
  ["n5 dies; the config without it is on n1's disk, which then hangs", (c) => {
    dropOnHangingDisk(c);
  }],
  ["all have it, so it is committed; n4 dies before n1 may tell anyone", (c) => {
    c.run(5);
    c.node("n1").effects = [];
    c.kill("n4");
    c.run(100);
  }],
  ["the config without n4 does not say that the one before was skipped", (c) => {
    const before = c.node("n1").stored.configs.at(-1);
    const next = c.node("n1").effects.flatMap((effect) =>
      effect.kind === "persist" ? effect.entries : []
    ).find((entry) => entry.kind === "config");
    assert.ok(before !== undefined && next?.kind === "config");
    assert.equal(next.config.voters.length, 3);
    assert.equal(next.config.c0Index, before.index);
  }],
  ["writes go on", (c) => writes(c, "a", "n1", "n2", "n3")],
]);

scenario("who gives up while a commit is on its way to the disk goes back no further than that", {
  nodes: 5,
  lastResort: false,
}, [
  ["n5 dies; the config without it is on n1's disk, which then hangs, and is committed", (c) => {
    dropOnHangingDisk(c);
    c.run(5);
  }],
  ["n4 dies, and n1 appends the config without it", (c) => {
    c.kill("n4");
    const { members } = c.node("n1").core!.status();
    assert.equal(members.length, 4);
    c.run(100);
    assert.equal(c.node("n1").core!.status().members.length, 3);
  }],
  ["n1 hears of a higher term, and puts the one without n5 behind that", (c) => {
    const committed = c.node("n1").stored.configs.at(-1);
    const { term } = c.node("n1").core!.status();
    const promised = { ...term, number: term.number + 1, nodeId: "n2" };
    const applied = null;
    const effects = c.feed("n1", {
      kind: "message",
      from: "n2",
      incarnation: c.node("n2").incarnation,
      message: {
        kind: "appendReply",
        term,
        promised,
        ok: false,
        matchIndex: 0,
        commitIndex: 0,
        applied,
        snapshotIndex: 0,
      },
    });
    const last = effects.flatMap((effect) => effect.kind === "persist" ? effect.entries : []).at(
      -1,
    );
    assert.ok(committed !== undefined && last?.kind === "config");
    assert.equal(last.config.c0Index, committed.index);
    assert.deepEqual(last.config.voters, committed.config.voters);
  }],
  ["writes go on", (c) => writes(c, "a", "n1", "n2", "n3")],
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

const pending = "a leader dies with a drop pending that lacks one who is back by now";
scenario(pending, { nodes: 5, lastResort: false }, [
  ["n2 dies, and n4 just before n1 drops them", (c) => {
    settle(c);
    c.kill("n2");
    c.kill("n4");
  }],
  ["n1 dies as soon as n3 has the config without them", (c) => {
    const voters = () => c.node("n3").core!.status().members.filter(({ voter }) => voter);
    while (voters().length === 5) c.run(1);
    c.kill("n1");
  }],
  ["n4 is back: three of five live, and two of the pending three", (c) => {
    c.start("n4");
    writes(c, "a", "n3", "n4", "n5");
    c.until(() => c.voters().join() === "n3,n4,n5");
  }],
]);

scenario("the survivor dies as it goes on alone, and both come back", { nodes: 2 }, [
  ["n1 dies, and n2 goes on by last resort", (c) => {
    settle(c);
    c.kill("n1");
    while (c.node("n2").core!.status().members.filter(({ voter }) => voter).length === 2) c.run(1);
  }],
  ["n2 dies when the config that it would live by is on its disk, not committed yet", (c) => {
    c.run(1);
    c.kill("n2");
    const { entries } = c.node("n2").stored;
    assert.equal(entries.findLast(({ kind }) => kind === "config")?.index, entries.at(-1)?.index);
  }],
  ["both come back: all of the pending config is there, and all of the one before", (c) => {
    c.start("n1");
    c.start("n2");
    writes(c, "a", "n1", "n2");
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

/** n5 dies; the config without it is on n1's disk, which then hangs. */
function dropOnHangingDisk(c: TestCluster): void {
  settle(c);
  c.kill("n5");
  const persisted = () => c.node("n1").stored.configs.at(-1)?.config.voters.length === 4;
  while (!persisted()) c.run(1);
  c.hangDisk("n1", 200);
}
