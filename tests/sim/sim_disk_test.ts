/**
 * The simulated disk against the contract of every log store, and what a crash leaves of a
 * write.
 *
 * @module
 */

import assert from "node:assert/strict";
import { testLogStore } from "../contract/log_store_contract.ts";
import { buildEntries, commandBody, termOf } from "../contract/log_entries.ts";
import { EMPTY_BASE } from "../../src/raft/log.ts";
import { DiskImage, SimLogStore } from "../../src/sim/sim_disk.ts";
import { badEntry } from "../../src/storage/log_schema.ts";

testLogStore("simulated log store", () => {
  const image = new DiskImage();
  const make = () =>
    new SimLogStore({
      image,
      sync: (written, told) => {
        written();
        told();
      },
      onWritten: () => {},
      badEntry,
    });
  return Promise.resolve({
    open: () => Promise.resolve(make()),
    crash: () => Promise.resolve(),
    flipBit: (index) => Promise.resolve(void image.flipAt(index)),
    finishState: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  });
});

for (const kept of [true, false]) {
  const what = kept ? "all of it" : "nothing";
  Deno.test(`simulated disk: a crash during a write leaves ${what}`, async () => {
    const image = new DiskImage();
    const store = new SimLogStore({ image, sync: () => {}, onWritten: () => {} });
    const entries = buildEntries(EMPTY_BASE, termOf(1), [commandBody("a"), commandBody("b")]);
    void store.persist([{ number: 1, entries: entries.slice(0, 1) }, {
      number: 2,
      entries: entries.slice(1),
    }]);
    store.crash(kept);
    assert.equal((await store.load(10)).entries.length, kept ? entries.length : 0);
  });
}

for (const kept of [true, false]) {
  const what = kept ? "all of it is there all the same" : "nothing of it is there";
  Deno.test(`simulated disk: a write fails, ${what}, and nothing is written after it`, async () => {
    const image = new DiskImage();
    const store = new SimLogStore({
      image,
      sync: (written, told) => {
        written();
        told();
      },
      onWritten: () => {},
      writeError: () => new Error("the disk failed"),
      keepsFailed: () => kept,
    });
    const entries = buildEntries(EMPTY_BASE, termOf(1), [commandBody("a")]);
    await assert.rejects(store.persist([{ number: 1, entries }]), /the disk failed/);
    assert.equal(image.last.index, kept ? 1 : 0);
    assert.throws(() => store.persist([{ number: 2, entries: [] }]), /nothing is written/);
  });
}

Deno.test("simulated disk: a bit that was flipped is not flipped back", async () => {
  const image = new DiskImage();
  image.write({ number: 1, entries: buildEntries(EMPTY_BASE, termOf(1), [commandBody("a")]) });
  assert.deepEqual([image.flip(0), image.flip(0)], [true, false]);
  const store = new SimLogStore({ image, sync: () => {}, onWritten: () => {}, badEntry });
  await assert.rejects(store.load(10), /bad checksum of the entry at index 1/);
});
