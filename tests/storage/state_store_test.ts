/**
 * The state store over files and in memory: applies with their position, reads, checkpoints,
 * digests, and snapshots that are the same on both.
 *
 * @module
 */

import assert from "node:assert/strict";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../src/limits.ts";
import type { SnapshotSource } from "../../src/node/ports.ts";
import type { Entry } from "../../src/raft/types.ts";
import type { PendingState } from "../../src/storage/log_write.ts";
import type { StateFiles } from "../../src/storage/snapshot_sink.ts";
import { LibsqlStateStore, openMemoryState } from "../../src/storage/state_store.ts";
import { acknowledge, create, loggedIn, remove, salvaged, send } from "../support/chat_log.ts";
import { commandEntries, conversation } from "../support/state_log.ts";
import { buildEntries, termOf } from "../contract/log_entries.ts";
import { inDirectory, onCrashCopy, rejectsWith } from "./temporary.ts";

/** Stands for a log that switches to whatever is offered to it. */
class FollowingFiles implements StateFiles {
  #current = "chat-1.db";

  currentStateFile(): string {
    return this.#current;
  }

  nextStateFile(): Promise<string> {
    return Promise.resolve("chat-2.db");
  }

  offerState(pending: PendingState | null): void {
    this.#current = pending?.file ?? this.#current;
  }
}

function openFile(directory: string): Promise<LibsqlStateStore> {
  return LibsqlStateStore.open(join(directory, "chat-1.db"), new FollowingFiles());
}

/** Runs the test over a file and in memory. */
function testBoth(shows: string, body: (state: LibsqlStateStore) => Promise<void>): void {
  Deno.test(`state in a file: ${shows}`, () =>
    inDirectory(async (directory) => {
      const state = await openFile(directory);
      await body(state);
      await state.close();
    }));
  Deno.test(`state in memory: ${shows}`, async () => {
    const state = await openMemoryState();
    await body(state);
    await state.close();
  });
}

/** Every kind of row: accounts, sessions, messages, acknowledgements, deletions, refusals. */
function everything(): Entry[] {
  return commandEntries([
    ...loggedIn("ann", "bob", "cid"),
    send("m1", { by: "ann", to: "bob", body: 'zero \u0000 and \u{1F600} and "quotes"\n' }),
    send("m2", { by: "bob", to: "ann", body: "" }),
    send("m3", { by: "cid", to: "ann" }),
    send("m4", { by: "ann", to: null }),
    acknowledge("k1", { by: "bob", ids: ["m1"] }),
    create("dan", "ann"),
    remove("d1", { by: "bob" }),
    salvaged(send("m5", { by: "ann", to: "bob" }), null),
    salvaged(send("m6", { by: "ann", to: "cid" }), null),
  ]);
}

testBoth("applies commands, and says what came of each", async (state) => {
  const entries = everything();
  const result = await state.apply(entries);
  assert.deepEqual(state.applied(), place(entries.at(-1)!));
  assert.equal(result.outcomes.size, entries.length);
  assert.deepEqual(result.outcomes.get(7)?.ok, true);
  assert.deepEqual(result.outcomes.get(10)?.ok, false, "no such user");
  assert.deepEqual(result.messages.map(({ index }) => index), [7, 8, 9, 15]);
  const rows = await state.reader.query("SELECT count(*) AS count FROM accounts");
  assert.equal(rows[0]?.count, 3);
});

testBoth("entries that are no commands only move what is applied", async (state) => {
  const noops = buildEntries({ index: 0, checksum: "" }, termOf(1), [
    { kind: "noop" },
    { kind: "noop" },
  ]);
  const result = await state.apply(noops);
  assert.equal(result.outcomes.size, 0);
  assert.deepEqual(state.applied(), place(noops[1]!));
});

testBoth("refuses a gap and a repetition, and what fails leaves no trace", async (state) => {
  const entries = conversation(3);
  await assert.rejects(state.apply(entries.slice(1)), /Entry 2 is applied after entry 0/);
  await state.apply(entries.slice(0, 4));
  await assert.rejects(state.apply(entries.slice(3)), /Entry 4 is applied after entry 4/);
  const before = await state.digest();
  const broken = { ...entries[5]!, kind: "command" as const, data: new Uint8Array([1]) };
  await assert.rejects(state.apply([entries[4]!, broken]));
  assert.deepEqual(await state.digest(), before);
  await state.apply(entries.slice(4));
  assert.equal(state.applied().index, 7);
});

testBoth("reads that are asked for during an apply see it whole or not at all", async (state) => {
  await state.apply(conversation(0));
  const entries = conversation(10).slice(4);
  const counts: unknown[] = [];
  const applied = state.apply(entries);
  const reads = Array.from({ length: 50 }, async () => {
    const [row] = await state.reader.query("SELECT count(*) AS count FROM messages");
    counts.push(row?.count);
  });
  await Promise.all([applied, ...reads]);
  assert.deepEqual(counts.filter((count) => count !== 0 && count !== 10), []);
  const [row] = await state.reader.query("SELECT count(*) AS count FROM messages");
  assert.equal(row?.count, 10);
});

testBoth(
  "a digest that waits is of its very index, in the middle of a batch, too",
  async (state) => {
    const entries = conversation(10);
    await state.apply(entries.slice(0, 3));
    const taken = [7, 5, 9, 5].map((index) => state.digest(index));
    const { outcomes, messages } = await state.apply(entries.slice(3));
    const digests = await Promise.all(taken);
    assert.deepEqual(digests.map(({ appliedIndex }) => appliedIndex), [7, 5, 9, 5]);
    assert.deepEqual([...outcomes.keys()], entries.slice(3).map(({ index }) => index));
    assert.equal(messages.length, 10);
    const other = await openMemoryState();
    for (const [index, at] of [[5, 1], [7, 0], [9, 2]] as const) {
      await other.apply(entries.slice(other.applied().index, index));
      assert.deepEqual(digests[at], await other.digest());
    }
    await other.close();
    // What is further already is read as it is, and who gives up holds nothing up.
    assert.equal((await state.digest(2)).appliedIndex, entries.length);
    const late = new AbortController();
    const never = state.digest(entries.length + 1, late.signal);
    late.abort(new Error("too late"));
    await assert.rejects(never, /too late/);
    await assert.rejects(state.digest(entries.length + 1, late.signal), /too late/);
  },
);

testBoth("a snapshot builds the same state elsewhere, in a file and in memory", async (state) => {
  await state.apply(everything());
  await inDirectory(async (directory) => {
    for (const target of [await openFile(directory), await openMemoryState()]) {
      await copyInto(target, await state.openSnapshot());
      assert.deepEqual(await target.digest(), await state.digest());
      assert.deepEqual(target.applied(), state.applied());
      const more = commandEntries([send("m9", { by: "ann", to: "cid" })], state.applied());
      await target.apply(more);
      await target.close();
    }
  });
});

testBoth("a snapshot shows one moment while applies go on", async (state) => {
  const entries = conversation(3_000, "x".repeat(200));
  await state.apply(entries.slice(0, 2_000));
  const expected = await state.digest();
  const source = await state.openSnapshot();
  assert.deepEqual(source.applied, place(entries[1_999]!));
  assert.equal(source.rowsTotal, 2 + 2 + 1_996 + 2_000);
  const first = await source.next();
  assert.equal(first?.length, limits.snapshotChunkBytes);
  await state.apply(entries.slice(2_000));
  const chunks = [first!, ...await drain(source)];
  assert.ok(chunks.every((chunk) => chunk.length <= limits.snapshotChunkBytes));
  assert.equal(source.digest(), expected.digest);
  assert.notEqual((await state.digest()).digest, expected.digest);
  await source.close();
});

testBoth("the same snapshot comes in the same chunks", async (state) => {
  await state.apply(conversation(2_000, "y".repeat(100)));
  const chunks: Uint8Array[][] = [];
  for (const source of [await state.openSnapshot(), await state.openSnapshot()]) {
    chunks.push(await drain(source));
    await source.close();
  }
  assert.ok(chunks[0]!.length > 1);
  assert.deepEqual(chunks[0], chunks[1]);
});

testBoth("a damaged snapshot is refused, and the state stays as it was", async (state) => {
  const giver = await openMemoryState();
  await giver.apply(conversation(20));
  const chunk = (await drain(await giver.openSnapshot()))[0]!;
  await state.apply(conversation(2));
  const before = await state.digest();
  const { digest } = await giver.digest();
  const flipped = new Uint8Array(chunk);
  flipped[new TextDecoder().decode(chunk).indexOf("hash of ann")]! ^= 1;
  for (const [bytes, message] of damagedStreams(chunk, flipped)) {
    const sink = await state.buildSnapshot();
    const taken = (async () => {
      await sink.write(bytes);
      await sink.finish({ applied: giver.applied(), digest });
    })();
    await rejectsWith(taken, "CORRUPT", message);
    await sink.abort();
  }
  assert.deepEqual(await state.digest(), before);
  await giver.close();
});

function damagedStreams(
  chunk: Uint8Array,
  flipped: Uint8Array,
): readonly (readonly [Uint8Array, RegExp])[] {
  const text = new TextDecoder().decode(chunk);
  const encoder = new TextEncoder();
  const lines = text.split("\n");
  return [
    [flipped, /its digest is/],
    [chunk.subarray(0, chunk.length - 5), /ends inside a row/],
    [encoder.encode(lines.toSpliced(1, 1).join("\n")), /its digest is/],
    [encoder.encode(lines.slice(1).join("\n")), /begins without a table/],
    [encoder.encode(text.replace('"name_key"', '"name_kee"')), /another version/],
  ];
}

testBoth("two digests differ if one row differs in one column", async (state) => {
  const other = await openMemoryState();
  const entries = conversation(3);
  const [first, second] = ["same", "sbme"].map((body) =>
    commandEntries([send("last", { by: "ann", to: "bob", body })], entries.at(-1)!)
  );
  await state.apply([...entries, ...first!]);
  await other.apply([...entries, ...second!]);
  assert.notEqual((await state.digest()).digest, (await other.digest()).digest);
  await other.close();
});

Deno.test("state in a file: is there after a crash, with its position", async () => {
  await inDirectory(async (directory) => {
    const state = await openFile(directory);
    await state.apply(everything());
    const expected = [state.applied(), await state.digest()];
    await onCrashCopy(directory, async (copy) => {
      const again = await openFile(copy);
      assert.deepEqual([again.applied(), await again.digest()], expected);
      await again.close();
    });
    await state.close();
  });
});

Deno.test("state in a file: a power cut takes it back to a whole earlier batch", async () => {
  await inDirectory(async (directory) => {
    const state = await openFile(directory);
    const entries = conversation(40);
    await state.apply(entries.slice(0, 20));
    assert.equal(await state.checkpoint(), 20);
    await state.apply(entries.slice(20));
    const after = await state.digest();
    await onCrashCopy(directory, async (copy) => {
      // Nothing of the write-ahead log had reached the disk.
      truncateSync(join(copy, "chat-1.db-wal"), 0);
      const again = await openFile(copy);
      assert.equal(again.applied().index, 20);
      await again.apply(entries.slice(20));
      assert.deepEqual(await again.digest(), after);
      await again.close();
    });
    await state.close();
  });
});

Deno.test("state in a file: a checkpoint held up by a snapshot reports the one before", async () => {
  await inDirectory(async (directory) => {
    const state = await openFile(directory);
    const entries = conversation(40);
    await state.apply(entries.slice(0, 10));
    assert.equal(await state.checkpoint(), 10);
    await state.apply(entries.slice(10, 20));
    const source = await state.openSnapshot();
    await state.apply(entries.slice(20));
    assert.equal(await state.checkpoint(), 10);
    await source.close();
    assert.equal(await state.checkpoint(), 44);
    await state.close();
  });
});

Deno.test("state in a file: a snapshot that holds back too much is closed", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "chat-1.db");
    const files = new FollowingFiles();
    const state = await LibsqlStateStore.open(path, files, { walBytesMax: 500_000 });
    const entries = conversation(3_000);
    await state.apply(entries.slice(0, 100));
    const source = await state.openSnapshot();
    await state.apply(entries.slice(100, 200));
    assert.equal(await state.checkpoint(), 0, "held up, but within the bound");
    await state.apply(entries.slice(200));
    await state.checkpoint();
    await rejectsWith(source.next(), "NOT_UP_TO_DATE", /it was read too slowly; ask for a new/);
    assert.equal(await state.checkpoint(), 3_004);
    await state.close();
  });
});

Deno.test("state in a file: the database's reader refuses to write", async () => {
  await inDirectory(async (directory) => {
    const state = await openFile(directory);
    await rejectsWith(
      state.reader.query("DELETE FROM accounts"),
      "DATA_DIRECTORY",
      /chat-1\.db: it is read-only/,
    );
    await state.close();
  });
});

Deno.test("state: a snapshot that is closed from outside says why", async () => {
  await inDirectory(async (directory) => {
    const state = await openFile(directory);
    await state.apply(conversation(3_000));
    const source = await state.openSnapshot();
    await source.next();
    const pending = source.next();
    await state.close();
    await rejectsWith(pending, "NOT_UP_TO_DATE", /the node is stopping; ask for a new one/);
    await rejectsWith(source.next(), "NOT_UP_TO_DATE", /the node is stopping/);
  });
});

Deno.test("state in a file: a torn file is refused by name", async () => {
  await inDirectory(async (directory) => {
    const state = await openFile(directory);
    await state.apply(conversation(500));
    await state.close();
    truncateSync(join(directory, "chat-1.db"), 4_096);
    await rejectsWith(openFile(directory), "CORRUPT", /chat-1\.db: it is damaged/);
  });
});

async function drain(source: SnapshotSource): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) {
    chunks.push(chunk);
  }
  return chunks;
}

async function copyInto(target: LibsqlStateStore, source: SnapshotSource): Promise<void> {
  const sink = await target.buildSnapshot();
  // Cut anew at awkward places: rows and characters are torn apart.
  for (const chunk of await drain(source)) {
    for (let from = 0; from < chunk.length; from += 37) {
      await sink.write(chunk.subarray(from, from + 37));
    }
  }
  await sink.finish({ applied: source.applied, digest: source.digest() });
  await source.close();
  await sink.activate();
}

function place({ index, term, checksum }: Entry) {
  return { index, term, checksum };
}
