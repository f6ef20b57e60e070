/**
 * Scenarios about marks: what a side is called once nobody is missing on it any more, and how that
 * comes about (§7, §9).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestCluster } from "./cluster.ts";
import { testMember } from "./cluster.ts";
import { goesOn, meets, scenario, settle, writes } from "./scenario.ts";

function isMarked(c: TestCluster, id: string): boolean {
  return c.node(id).core?.status().livesByLastResort === true;
}

scenario("a side is known by its name when nobody is missing on it any more", {}, [
  ["n3 is cut off and goes on by last resort", (c) => {
    settle(c);
    c.partition(["n3"], ["n0", "n1", "n2"]);
    goesOn(c, ["n1", "n2"], "by n1 and n2");
    goesOn(c, ["n3"], "by n3");
  }],
  ["n1 and n2 take n0 in, n2 and n1 die one after the other, and n0 goes on", (c) => {
    c.add(0);
    c.start("n0");
    c.until(() => {
      for (const id of ["n1", "n2"]) {
        if (c.leads(id)) c.feed(id, { kind: "join", id: 1, member: testMember(0) });
      }
      return c.node("n0").core?.status().ready === true;
    }, 20_000);
    for (const id of ["n2", "n1"]) {
      c.kill(id);
      c.run(3_000);
    }
    goesOn(c, ["n0"], "by n0");
    assert.ok(!isMarked(c, "n0"), "n0 had the quorum: it is the smallest of two");
  }],
  ["n1 and n2 come back where they hear n3 alone: all that it went on without is there", (c) => {
    c.cut.clear();
    c.partition(["n0"], ["n1", "n2", "n3"]);
    c.start("n1");
    c.start("n2");
    c.until(() => c.applied("by n1 and n2", "n1", "n2", "n3"), 30_000);
    c.until(() => !isMarked(c, "n1") && !isMarked(c, "n2") && !isMarked(c, "n3"), 30_000);
  }],
  ["they meet n0, and what each of them had accepted is there once", (c) => {
    c.heal();
    meets(c, ["n0", "n1", "n2", "n3"], ["by n1 and n2", "by n3", "by n0"]);
  }],
]);

scenario("who is missing and gone for good can be removed, and the mark is closed", { nodes: 2 }, [
  ["n1 dies, and n2 goes on by last resort", (c) => {
    settle(c);
    c.kill("n1");
    goesOn(c, ["n2"], "a");
    c.run(5_000);
    assert.ok(isMarked(c, "n2"));
  }],
  ["an operator removes n1", (c) => {
    c.node("n2").effects = [];
    c.feed("n2", { kind: "remove", id: 7, peer: "n1" });
    c.until(() => !isMarked(c, "n2"));
    const answers = c.node("n2").effects.filter((effect) => effect.kind === "adminAnswer");
    assert.deepEqual(answers, [{ kind: "adminAnswer", id: 7, refusal: null }]);
    writes(c, "b", "n2");
  }],
  ["a second time there is no such member", (c) => {
    c.feed("n2", { kind: "remove", id: 8, peer: "n1" });
    const answer = c.node("n2").effects.find((effect) =>
      effect.kind === "adminAnswer" && effect.id === 8
    );
    assert.match(JSON.stringify(answer), /not a member/);
  }],
]);

scenario("a new node at the address of one that is missing takes its place", { nodes: 2 }, [
  ["n1 dies, and n2 goes on by last resort", (c) => {
    settle(c);
    c.kill("n1");
    goesOn(c, ["n2"], "a");
    c.run(5_000);
  }],
  ["n3 joins at its address", (c) => {
    const { peerAddress, clientAddress } = testMember(1);
    const member = { id: "n3", peerAddress, clientAddress };
    c.feed("n2", { kind: "join", id: 1, member });
    c.until(() => !isMarked(c, "n2"));
  }],
]);

scenario("a mark stays open for one whom only a later parting left behind", {}, [
  ["n2 and n3 die; n1 goes on by last resort and takes n0 in", (c) => {
    settle(c);
    c.kill("n2");
    c.kill("n3");
    goesOn(c, ["n1"], "a");
    c.add(0);
    c.start("n0");
    c.until(() => {
      if (c.leads("n1")) c.feed("n1", { kind: "join", id: 1, member: testMember(0) });
      return c.node("n0").core?.status().ready === true;
    }, 20_000);
  }],
  ["n0 and n1 are parted, and both go on", (c) => {
    c.partition(["n0"], ["n1", "n2", "n3"]);
    goesOn(c, ["n0"], "by n0");
    goesOn(c, ["n1"], "by n1");
  }],
  ["n2 and n3 come back to n1, which misses n0 still", (c) => {
    c.start("n2");
    c.start("n3");
    c.until(() => c.applied("by n1", "n1", "n2", "n3") && c.voters().join() === "n1,n2,n3", 30_000);
    c.run(5_000);
    assert.ok(isMarked(c, "n1"));
  }],
  ["n0 meets them", (c) => {
    c.heal();
    meets(c, ["n0", "n1", "n2", "n3"], ["a", "by n0", "by n1"]);
  }],
]);
