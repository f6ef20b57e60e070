/**
 * Scenarios about nodes that wait to be told that they may go (§6 "Leaving"): somebody tells them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { scenario, settle, type Step } from "./scenario.ts";

const n3StopsAtOnce: Step = ["n3 is told to stop: it does at once", (c) => {
  c.feed("n3", { kind: "leave" });
  c.until(() => c.node("n3").left, 100);
  assert.ok(!c.leads("n3"));
}];

scenario("the last one to stop tells who left before that it may go", { nodes: 2 }, [
  ["n1 is told to stop, and n2 just as the config without n1 is committed", (c) => {
    settle(c);
    c.feed("n1", { kind: "leave" });
    const { stored } = c.node("n2");
    while (stored.configs.at(-1)!.config.voters.length === 2) c.run(1);
    while (stored.commitIndex < stored.configs.at(-1)!.index) c.run(1);
    c.run(1);
    c.feed("n2", { kind: "leave" });
    c.until(() => c.node("n2").left);
    c.kill("n2");
  }],
  ["n1 goes", (c) => {
    c.until(() => c.node("n1").left, 500);
  }],
]);

for (const lastResort of [true, false]) {
  scenario(`the next leader tells who left before it led (last resort ${lastResort})`, {
    nodes: 4,
    lastResort,
  }, [
    ["n4 is told to stop, and n1 dies soon; what n2 says is lost to n4 for a while", (c) => {
      settle(c);
      c.feed("n4", { kind: "leave" });
      c.run(25);
      c.kill("n1");
      c.cut.add("n2>n4");
      c.run(250);
      assert.ok(c.leads("n2"));
      assert.equal(c.node("n4").left, false);
      c.heal();
    }],
    ["n4 is told that it may go", (c) => {
      c.until(() => c.node("n4").left, 1_000);
    }],
  ]);
}

scenario("who was removed and goes on running needs no word to stop", {}, [
  ["n3 is removed; n1, which told it so, dies, and n2 as well", (c) => {
    settle(c);
    c.feed("n1", { kind: "remove", id: 3, peer: "n3" });
    c.run(500);
    c.kill("n1");
    c.kill("n2");
    c.run(500);
  }],
  n3StopsAtOnce,
]);

scenario("who left and was started again, alone, needs no word to stop", {}, [
  ["n3 leaves, all end, and n3 is started", (c) => {
    settle(c);
    c.feed("n3", { kind: "leave" });
    c.until(() => c.node("n3").left);
    for (const id of ["n1", "n2", "n3"]) c.kill(id);
    c.start("n3");
    c.run(3_000);
  }],
  n3StopsAtOnce,
]);

scenario("who left by an earlier config than the newest one is told as well", {}, [
  [
    "n3 is told to stop; n2 has the config without it, and dies before it knows that to be committed",
    (
      c,
    ) => {
      settle(c);
      c.feed("n3", { kind: "leave" });
      while (c.node("n2").stored.configs.at(-1)!.config.voters.length === 3) c.run(1);
      c.cut.add("n1>n2");
      const { stored } = c.node("n1");
      while (stored.commitIndex < stored.configs.at(-1)!.index) c.run(1);
      c.kill("n2");
      c.heal();
      assert.equal(c.node("n3").left, false);
    },
  ],
  ["n1 is told to stop, and goes as soon as it is alone: n3 goes, too", (c) => {
    c.feed("n1", { kind: "leave" });
    c.until(() => c.node("n1").left);
    c.kill("n1");
    assert.deepEqual(c.node("n1").stored.configs.at(-1)!.config.leavers, []);
    c.until(() => c.node("n3").left, 100);
  }],
]);
