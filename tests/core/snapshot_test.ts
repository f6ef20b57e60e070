/**
 * Scenarios about the switch to a snapshot (§6.4): what of the log outlives it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Entry } from "../../src/raft/types.ts";
import { receives } from "./messages.ts";
import { scenario, settle, writes } from "./scenario.ts";

scenario("what follows a snapshot's place in the log stays, as it was confirmed", {
  quorum: "majority",
}, [
  ["n1 and n3 write without n2; n3 has it on disk and does not know that it is committed", (c) => {
    settle(c);
    c.partition(["n1"], ["n2"]);
    for (const text of ["a", "b", "c"]) c.propose(text);
    while (c.node("n3").stored.entries.filter(isCommand).length < 3) c.run(1);
    c.partition(["n1"], ["n3"], true);
    c.until(() => c.applied("c", "n1"));
    assert.ok(!c.applied("a", "n3"));
  }],
  ["n3 is told, late, that it needs a snapshot, and gets the one of the first of them", (c) => {
    c.snapshotsHang = true;
    const { stored } = c.node("n3");
    const { index, term, checksum } = stored.entries.find(isCommand)!;
    const place = { from: "n1", baseIndex: index, termStarts: [], mark: null };
    receives(c, "n3", "n1", { kind: "snapshotNeeded", term, ...place });
    c.run(1);
    const base = { index, term, checksum, config: stored.configs.at(-1)! };
    c.node("n3").snapshot = { base, commands: ["a"] };
    const termStarts = stored.termStarts.filter((start) => start.index <= index);
    c.feed("n3", { kind: "snapshotBuilt", base, termStarts });
    c.until(() => c.node("n3").stored.base.index === index);
    c.snapshotsHang = false;
  }],
  ["n1 dies: n2 and n3 go on, with all of it", (c) => {
    c.kill("n1");
    c.heal();
    writes(c, "d", "n2", "n3");
    for (const id of ["n2", "n3"]) assert.deepEqual(c.commands(id), ["a", "b", "c", "d"]);
  }],
]);

function isCommand({ kind }: Entry): boolean {
  return kind === "command";
}
