/**
 * The driver against a scripted core, as far as snapshots come in: when they are fetched, switched
 * to, and given up.
 *
 * @module
 */

import assert from "node:assert/strict";
import { toStorageError } from "../storage/storage_error.ts";
import type { Base } from "../raft/types.ts";
import { entryAt, fixture, LEAVE, settle, snapshotOf, TERM } from "./driver_test_ports.ts";

/** A driver whose core asks for a snapshot at each message and takes what was built. */
async function fetching() {
  const made = fixture();
  const { core, driver, transport } = made;
  await driver.start();
  const base: Base = { ...entryAt(50), config: null };
  const termStarts = [{ term: TERM, index: 1 }];
  transport.fetchSnapshot = () => Promise.resolve({ ...snapshotOf(base), termStarts });
  core.script = (input) => {
    if (input.kind === "message") return [{ kind: "fetchSnapshot", from: "n2" }];
    if (input.kind !== "snapshotBuilt") return [];
    return [
      { kind: "persist", number: 1, install: { base, termStarts }, entries: [] },
      { kind: "apply", through: 50 },
    ];
  };
  return made;
}

Deno.test("driver: a snapshot is switched to only after the persist that installs it", async () => {
  const { clock, core, disk, driver, events } = await fetching();
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  await settle();
  await clock.turns();
  assert.deepEqual(events, ["chunk 3", "built 50", "write 1"]);
  disk.finish();
  await settle();
  await clock.turns();
  assert.deepEqual(events.slice(3), ["activate"]);
  assert.equal(core.of("applied").at(-1)?.position.index, 50);
});

Deno.test("driver: while a switch waits for the disk no other snapshot is fetched", async () => {
  const { clock, core, disk, driver, events } = await fetching();
  const asked = async () => {
    driver.receive("n2", 1, LEAVE);
    await settle();
    await clock.turns();
  };
  await asked();
  await asked();
  assert.deepEqual(events, ["chunk 3", "built 50", "write 1"]);
  assert.equal(core.of("snapshotFetching").at(-1)?.index, null, "the core is told, and asks again");
  disk.finish();
  await settle();
  await clock.turns();
  core.script = (input) => input.kind === "message" ? [{ kind: "fetchSnapshot", from: "n2" }] : [];
  await asked();
  assert.deepEqual(events.slice(3), ["activate", "chunk 3", "built 50"]);
});

Deno.test("driver: a failed fetch is told to the core, which tries again", async () => {
  const { clock, core, driver, notices, transport } = fixture();
  await driver.start();
  core.script = (input) => input.kind === "message" ? [{ kind: "fetchSnapshot", from: "n2" }] : [];
  let fails = "no snapshot here";
  transport.fetchSnapshot = () => Promise.reject(new Error(fails));
  const told = () => core.of("snapshotFetching").length;
  let tries = 0;
  for (const ms of [250, 500, 1_000, 2_000, 4_000, 4_000]) {
    driver.receive("n2", 1, LEAVE);
    await settle();
    await clock.advance(ms - 1);
    assert.equal(told(), tries, `not before ${ms} ms`);
    await clock.advance(1);
    await settle();
    assert.equal(told(), ++tries);
  }
  const line = "Cannot take the snapshot of n2: no snapshot here: it will be tried again";
  assert.deepEqual(notices, [line], "once");
  fails = "another reason";
  driver.receive("n2", 1, LEAVE);
  await settle();
  assert.equal(notices.length, 2);
});

for (const code of ["ENOSPC", "EIO", "EROFS"]) {
  Deno.test(`driver: a disk that cannot take a snapshot in stops the node: ${code}`, async () => {
    const { core, driver, events, fatal, notices, state, transport } = fixture();
    await driver.start();
    transport.fetchSnapshot = () => Promise.resolve(snapshotOf({ ...entryAt(50), config: null }));
    const cause = Object.assign(new Error("refused"), { code });
    state.failBuild = toStorageError(cause, "chat-2.db");
    core.script = (input) =>
      input.kind === "message" ? [{ kind: "fetchSnapshot", from: "n2" }] : [];
    driver.receive("n2", 1, LEAVE);
    await settle();
    assert.deepEqual(fatal, [state.failBuild]);
    assert.match(fatal[0]?.message ?? "", /^Cannot \w+ chat-2\.db: .*; \w+/);
    assert.deepEqual(events, ["abort"]);
    assert.deepEqual(notices, [], "nothing is tried again");
  });
}

Deno.test("driver: a fetch that is given up ends at once, and nobody is told that it failed", async () => {
  const { core, driver, notices, transport } = fixture();
  await driver.start();
  core.script = (input) => {
    if (input.kind !== "message") return [];
    return core.of("message").length === 1
      ? [{ kind: "fetchSnapshot", from: "n2" }]
      : [{ kind: "fetchEnded" }];
  };
  transport.fetchSnapshot = (_, givenUp) =>
    new Promise((_, reject) => givenUp.addEventListener("abort", () => reject(givenUp.reason)));
  driver.receive("n2", 1, LEAVE);
  await settle();
  assert.equal(core.of("snapshotFetching").length, 0);
  driver.receive("n2", 1, LEAVE);
  await settle();
  assert.deepEqual(core.of("snapshotFetching"), [{ kind: "snapshotFetching", index: null }]);
  assert.deepEqual(notices, []);
});
