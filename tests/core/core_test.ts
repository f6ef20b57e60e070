/**
 * What the core does when little goes wrong: the first thing to run after a change.
 *
 * @module
 */

import assert from "node:assert/strict";
import { possibleViews } from "../../src/raft/anchors.ts";
import { RULES } from "../../src/raft/rules.ts";
import { CoreState } from "../../src/raft/state.ts";
import { testChain, TestCluster } from "./cluster.ts";
import { writes } from "./scenario.ts";

Deno.test("core: a founder leads alone and commits by its own disk", () => {
  const cluster = TestCluster.of(1);
  cluster.propose("a");
  cluster.until(() => cluster.commands("n1").includes("a"));
  assert.equal(cluster.leader(), "n1");
});

Deno.test("core: three nodes commit on every disk", () => {
  const cluster = TestCluster.of(3);
  cluster.propose("a");
  cluster.until(() => ["n1", "n2", "n3"].every((id) => cluster.commands(id).includes("a")));
});

Deno.test("core: the smallest address takes over", () => {
  const cluster = TestCluster.of(3);
  const killed = cluster.leader() ?? "";
  cluster.kill(killed);
  const took = cluster.until(() => cluster.leader() !== undefined);
  assert.equal(cluster.leader(), "n2");
  assert.ok(took < 500, `took ${took} ms`);
  cluster.propose("after");
  cluster.until(() => cluster.commands("n3").includes("after"));
});

Deno.test("core: N of N + 1 die one after the other and the last goes on", () => {
  const cluster = TestCluster.of(4);
  for (const id of ["n1", "n3", "n2"]) {
    cluster.kill(id);
    cluster.until(() => cluster.leader() !== undefined);
    cluster.run(100);
    cluster.propose(`without ${id}`);
    cluster.run(100);
  }
  assert.equal(cluster.leader(), "n4");
  cluster.until(() => cluster.commands("n4").length === 3);
});

Deno.test("core: N of N + 1 die at once and the last goes on", () => {
  const cluster = TestCluster.of(4);
  cluster.run(500);
  for (const id of ["n1", "n3", "n2"]) cluster.kill(id);
  cluster.until(() => cluster.leader() === "n4", 20_000);
});

Deno.test("core: a node that was away comes back as a voter", () => {
  const cluster = TestCluster.of(3);
  cluster.kill("n1");
  cluster.until(() => cluster.leader() !== undefined);
  cluster.propose("while away");
  cluster.run(200);
  cluster.start("n1");
  cluster.until(() => cluster.voters().length === 3);
  cluster.until(() => cluster.commands("n1").includes("while away"));
});

Deno.test("core: all die and come back", () => {
  for (const lastResort of [true, false]) {
    const cluster = TestCluster.of(3, { lastResort });
    cluster.propose("a");
    cluster.run(300);
    for (const id of ["n1", "n2", "n3"]) cluster.kill(id);
    cluster.run(100);
    for (const id of ["n3", "n2", "n1"]) cluster.start(id);
    cluster.until(() => cluster.leader() !== undefined);
    cluster.propose("b");
    cluster.until(() => ["n1", "n2", "n3"].every((id) => cluster.commands(id).includes("b")));
  }
});

Deno.test("core: a majority goes on without the dead and does not drop them", () => {
  const cluster = TestCluster.of(3, { quorum: "majority" });
  cluster.kill("n1");
  cluster.until(() => cluster.leader() !== undefined);
  cluster.propose("a");
  cluster.until(() => cluster.commands("n3").includes("a"));
  assert.equal(cluster.voters().length, 3);
});

Deno.test("core: a node that asks to leave is dropped and told so", () => {
  const cluster = TestCluster.of(3);
  cluster.feed("n1", { kind: "leave" });
  cluster.until(() => cluster.node("n1").left, 5_000);
  cluster.until(() => cluster.leader() !== undefined);
  assert.deepEqual(cluster.voters(), ["n2", "n3"]);
});

Deno.test("core: a hung disk stalls writes for 1.5 T and no longer", () => {
  const cluster = TestCluster.of(3);
  cluster.run(500);
  cluster.hangDisk("n2", 60_000);
  cluster.propose("a");
  const took = cluster.until(() => cluster.commands("n1").includes("a"));
  assert.ok(took <= 1_800, `took ${took} ms`);
});

Deno.test("anchors: what held before a config is not changed by it", () => {
  const cluster = TestCluster.of(2);
  cluster.run(500);
  const { member, incarnation, stored } = cluster.node("n1");
  const { index, term, checksum } = stored.entries.at(-1)!;
  const base = { index, term, checksum, config: stored.configs.at(-1)! };
  // As a compaction leaves it: one config, and that in the base.
  const compacted = { ...stored, base, entries: [], configs: [], applied: base };
  const options = { self: member, incarnation, stored: compacted, chain: testChain };
  const state = new CoreState(options, RULES);
  const before = possibleViews(state);
  state.appendOwn(term, { kind: "config", config: base.config.config });
  assert.equal(before.length, 1);
  assert.equal(before[0]?.index, base.config.index);
  assert.equal(state.newest?.index, index + 1);
});

Deno.test("status: where nobody leads, no fault is survived, whoever lives", () => {
  const c = TestCluster.of(3);
  for (const id of ["n2", "n3"]) c.kill(id);
  writes(c, "a", "n1");
  c.kill("n1");
  for (const id of ["n2", "n3"]) c.start(id);
  c.run(3_000);
  for (const id of ["n2", "n3"]) {
    const { leader, tolerates } = c.node(id).core!.status();
    assert.deepEqual([leader, tolerates], [null, 0]);
  }
  c.start("n1");
  c.until(() => c.node("n1").core!.status().tolerates === 2);
});
