/**
 * Installing a snapshot into a data directory: at whatever step the process is killed, the next
 * start finds either the old state or the new one, whole, and nothing else (DESIGN §6.4).
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../src/raft/types.ts";
import { type DataDirectory, openDataDirectory } from "../../src/storage/data_directory.ts";
import type { StateDigest } from "../../src/storage/digest.ts";
import { type LibsqlStateStore, openMemoryState } from "../../src/storage/state_store.ts";
import { create, loggedIn, send } from "../support/chat_log.ts";
import { commandEntries, conversation } from "../support/state_log.ts";
import { termOf } from "../contract/log_entries.ts";
import { inDirectory, onCrashCopy, rejectsWith } from "./temporary.ts";

/** A member's state at index 604, and what it gives a joiner. */
const leaderLog = conversation(600, "w".repeat(400));
/** What the joiner had before: another history. */
const oldLog = commandEntries([...loggedIn("old"), send("o1", { by: "old", to: "old" })]);

const installed = {
  base: { ...placeOf(leaderLog.at(-1)!), config: null },
  termStarts: [{ term: termOf(1), index: 1 }],
};

Deno.test("snapshot install: every crash leaves the old or the new state whole", async () => {
  await inDirectory(async (path) => {
    const { directory, state } = await joiner(path);
    const old = await state.digest();
    const seen: string[] = [];
    const wanted = await installStepByStep(directory, state, async (step, next) => {
      await onCrashCopy(path, async (copy) => {
        const found = await startOn(copy);
        assert.deepEqual(found.digest, next ?? old, `after ${step}`);
        assert.equal(found.baseIndex, next === null ? 0 : installed.base.index, `after ${step}`);
        assert.equal(found.stateFiles, 1, `after ${step}`);
      });
      seen.push(step);
    });
    assert.deepEqual(await state.digest(), wanted);
    assert.deepEqual(seen.slice(-4), ["finish", "persist", "activate", "apply"]);
    assert.ok(seen.length > 8, seen.join());
    await state.close();
    await directory.close();
  });
});

Deno.test("snapshot install: the finished file needs no write-ahead log of its own", async () => {
  await inDirectory(async (path) => {
    const { directory, state } = await joiner(path);
    await installStepByStep(directory, state, (step) => {
      if (step !== "finish") return Promise.resolve();
      const names = readdirSync(path).filter((name) => /^chat-2\.db-wal/.test(name));
      assert.deepEqual(names.filter((name) => statSync(join(path, name)).size > 0), []);
      return Promise.resolve();
    });
    await state.close();
    await directory.close();
  });
});

Deno.test("snapshot install: what an earlier try left behind is not taken for a state", async () => {
  await inDirectory(async (path) => {
    const { directory, state } = await joiner(path);
    const first = await state.buildSnapshot();
    await first.write((await snapshotChunks())[0]!);
    await state.close();
    await directory.close();
    writeFileSync(join(path, "chat-7.db-wal"), "stale");
    const again = await openDataDirectory(path, { create: false });
    const reopened = await again.openState();
    assert.deepEqual(readdirSync(path).filter((name) => /^chat-(2|7)/.test(name)), []);
    await installStepByStep(again, reopened, () => Promise.resolve());
    assert.equal(again.log.currentStateFile(), "chat-3.db");
    await reopened.close();
    await again.close();
  });
});

Deno.test("snapshot install: one that was given up leaves no file, and a new one may begin", async () => {
  await inDirectory(async (path) => {
    const { directory, state } = await joiner(path);
    const before = await state.digest();
    const given = await state.buildSnapshot();
    for (const chunk of await snapshotChunks()) await given.write(chunk);
    await given.finish({ applied: installed.base, digest: (await leaderDigest()).digest });
    await given.abort();
    assert.deepEqual(readdirSync(path).filter((name) => name.startsWith("chat-2")), []);
    const persisted = directory.log.persist([{ number: 1, install: installed, entries: [] }]);
    await assert.rejects(persisted, /once its state is finished/);
    assert.deepEqual(await state.digest(), before);
    await installStepByStep(directory, state, () => Promise.resolve());
    await state.close();
    await directory.close();
  });
});

Deno.test("snapshot install: giving up after the log has switched costs nothing", async () => {
  await inDirectory(async (path) => {
    const { directory, state } = await joiner(path);
    const given = await leaderDigest();
    const sink = await state.buildSnapshot();
    for (const chunk of await snapshotChunks()) await sink.write(chunk);
    await sink.finish({ applied: installed.base, digest: given.digest });
    await directory.log.persist([{ number: 1, install: installed, entries: [] }]);
    await sink.abort();
    await state.close();
    await directory.close();
    assert.deepEqual((await startOn(path)).digest, given);
  });
});

Deno.test("snapshot install: snapshots of the old state end when the new one is served", async () => {
  await inDirectory(async (path) => {
    const { directory, state } = await joiner(path);
    const source = await state.openSnapshot();
    await installStepByStep(directory, state, () => Promise.resolve());
    await rejectsWith(source.next(), "NOT_UP_TO_DATE", /another snapshot replaced the state/);
    await state.close();
    await directory.close();
  });
});

/** Called after each step, with the new state's digest once the log has switched to it. */
type Look = (step: string, next: StateDigest | null) => Promise<void>;

/** The whole way, with a look after each step. Gives the digest after the last. */
async function installStepByStep(
  directory: DataDirectory,
  state: LibsqlStateStore,
  look: Look,
): Promise<StateDigest> {
  const given = await leaderDigest();
  const sink = await state.buildSnapshot();
  await look("begin", null);
  for (const [number, chunk] of (await snapshotChunks()).entries()) {
    for (const [part, bytes] of [chunk.subarray(0, 9_999), chunk.subarray(9_999)].entries()) {
      await sink.write(bytes);
      await look(`chunk ${number}.${part}`, null);
    }
  }
  await sink.finish({ applied: installed.base, digest: given.digest });
  await look("finish", null);
  const staged = commandEntries([create("new")], leaderLog.at(-1)!);
  await directory.log.persist([
    { number: 1, install: installed, commitIndex: installed.base.index, entries: [] },
    { number: 2, entries: staged },
  ]);
  await look("persist", given);
  await sink.activate();
  assert.deepEqual(state.applied(), placeOf(leaderLog.at(-1)!));
  await look("activate", given);
  await state.apply(staged);
  const last = await state.digest();
  await look("apply", last);
  return last;
}

/** A node that was on its own history up to now. */
async function joiner(
  path: string,
): Promise<{ directory: DataDirectory; state: LibsqlStateStore }> {
  const directory = await openDataDirectory(path, { create: true });
  await directory.join("cluster-1");
  await directory.log.persist([{ number: 1, entries: oldLog }]);
  const state = await directory.openState();
  await state.apply(oldLog);
  return { directory, state };
}

/** What a start finds: everything that must belong together. */
async function startOn(path: string) {
  const directory = await openDataDirectory(path, { create: false });
  await directory.begin(1);
  const stored = await directory.log.load(10_000);
  const state = await directory.openState();
  const digest = await state.digest();
  await state.close();
  await directory.close();
  const stateFiles = readdirSync(path).filter((name) => /^chat-\d+\.db$/.test(name)).length;
  return { digest, baseIndex: stored.base.index, stateFiles };
}

async function leader(): Promise<LibsqlStateStore> {
  const state = await openMemoryState();
  await state.apply(leaderLog);
  return state;
}

async function leaderDigest(): Promise<StateDigest> {
  return await (await leader()).digest();
}

async function snapshotChunks(): Promise<Uint8Array[]> {
  const source = await (await leader()).openSnapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) {
    chunks.push(chunk);
  }
  return chunks;
}

function placeOf({ index, term, checksum }: Entry) {
  return { index, term, checksum };
}
