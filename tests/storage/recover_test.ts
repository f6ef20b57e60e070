/**
 * `recover --force`: what it makes of a stopped directory, what it says first, and whom it
 * refuses.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Entry } from "../../src/raft/types.ts";
import { verifyChain } from "../../src/storage/checksum.ts";
import { type DataDirectory, openDataDirectory } from "../../src/storage/data_directory.ts";
import { carryOut, planRecovery } from "../../src/storage/recover.ts";
import { buildEntries, commandBody, configBody, termOf } from "../contract/log_entries.ts";
import { loggedIn, send } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";
import { inDirectory, rejectsWith } from "./temporary.ts";

const before = buildEntries({ index: 0, checksum: "" }, termOf(4), [
  configBody(["a", "b"]),
  commandBody("committed"),
  configBody(["a", "b", "c"]),
  commandBody("not known to be committed"),
]);

Deno.test("recover: a plan changes nothing, and says what may be lost", async () => {
  await inDirectory(async (path) => {
    const directory = await member(path, before);
    const recovery = await planRecovery(directory);
    assert.equal(recovery.clusterId, "cluster-1");
    assert.equal(recovery.epoch, 1);
    const text = [...recovery.has, ...recovery.mayLose].join(" ");
    assert.match(
      text,
      /^This is node a of cluster cluster-1; its database is missing, and is made/,
    );
    assert.match(text, /log ends at index 4; .* up to index 2 is committed/);
    assert.match(text, /What is after that may never have been acknowledged, and counts from now/);
    assert.match(text, /after index 4, are lost .* b \(127.0.0.1:7001\), c \(127.0.0.1:7002\)/);
    assert.deepEqual((await directory.log.load(10)).entries, before);
    await directory.close();
  });
});

Deno.test("recover: makes its node the only voter of a higher epoch, with a mark", async () => {
  await inDirectory(async (path) => {
    const directory = await member(path, before);
    await carryOut(directory, await planRecovery(directory));
    await directory.close();
    const again = await openDataDirectory(path, { create: false });
    const stored = await again.log.load(10);
    const last = stored.entries.at(-1)!;
    assert.deepEqual(stored.entries.slice(0, 4), before, "what it had, it keeps");
    assert.equal(verifyChain(stored.base, stored.entries), null);
    assert.deepEqual(last.term, { epoch: 1, number: 10, nodeId: "a" });
    assert.deepEqual(stored.promised, last.term);
    assert.equal(stored.commitIndex, 5);
    const { config } = stored.configs.at(-1)!;
    assert.deepEqual(config.voters.map(({ id }) => id), ["a"]);
    assert.deepEqual(config.learners, []);
    assert.equal(config.c0Index, 1);
    const { index, term, checksum } = before[1]!;
    assert.deepEqual(config.mark?.base, { index, term, checksum });
    assert.deepEqual(config.mark?.baseVoters.map(({ id }) => id), ["a", "b", "c"]);
    assert.equal(config.mark?.side.at(-1)?.forced, true);
    await again.close();
  });
});

Deno.test("recover: a second one raises the epoch again and keeps the older base", async () => {
  await inDirectory(async (path) => {
    const directory = await member(path, before);
    await carryOut(directory, await planRecovery(directory));
    const second = await planRecovery(directory);
    assert.match(second.mayLose.join(" "), /only voter .* nothing is lost/);
    await carryOut(directory, second);
    const stored = await directory.log.load(10);
    assert.equal(second.epoch, 2);
    assert.equal(stored.configs.at(-1)?.config.mark?.base.index, 2);
    await directory.close();
  });
});

/** A config of "a" and "b", then Ann, Bob and a message: 6 entries. */
function chatEntries(): readonly Entry[] {
  const [config] = buildEntries({ index: 0, checksum: "" }, termOf(1), [configBody(["a", "b"])]);
  const commands = [...loggedIn("ann", "bob"), send("m", { by: "ann", to: "bob" })];
  return [config!, ...commandEntries(commands, config!)];
}

/** The same member with these entries applied, and all of its log up to 2 compacted. */
async function compacted(path: string, entries: readonly Entry[]): Promise<DataDirectory> {
  const directory = await member(path, entries);
  const state = await directory.openState();
  await state.apply(entries);
  await state.close();
  const [config] = (await directory.log.load(10)).configs;
  await directory.log.compact({ ...entries[1]!, config: config! });
  return directory;
}

Deno.test("recover: works on a compacted log", async () => {
  await inDirectory(async (path) => {
    const directory = await compacted(path, chatEntries());
    const recovery = await planRecovery(directory);
    await carryOut(directory, recovery);
    const stored = await directory.log.load(10);
    assert.equal(stored.configs.at(-1)?.config.mark?.base.index, 2);
    assert.equal(stored.configs.at(-1)?.index, 7);
    await directory.close();
  });
});

Deno.test("recover: says what its state holds; without one that it needs it is refused", async () => {
  await inDirectory(async (path) => {
    const directory = await compacted(path, chatEntries());
    const { has } = await planRecovery(directory);
    assert.match(has[0]!, /its database has 2 accounts and 1 messages, up to index 6\.$/);
    Deno.removeSync(join(path, "chat-1.db"));
    await rejectsWith(planRecovery(directory), "CORRUPT", /chat-1.db: it is missing/);
    await directory.close();
  });
});

Deno.test("recover: a node that is no member is refused", async () => {
  await inDirectory(async (path) => {
    const directory = await member(
      path,
      buildEntries({ index: 0, checksum: "" }, termOf(4), [
        configBody(["b"]),
        commandBody("x"),
      ]),
    );
    await rejectsWith(
      planRecovery(directory),
      "INVALID_ARGUMENT",
      /Cannot recover node a: its newest configuration does not have it as a member;/,
    );
    await directory.close();
  });
});

/** A stopped member "a" of a cluster, which promised term 9 and knows that 2 is committed. */
async function member(path: string, entries: readonly Entry[]): Promise<DataDirectory> {
  const directory = await openDataDirectory(path, { create: true, nodeId: "a" });
  await directory.join("cluster-1");
  await directory.log.persist([
    { number: 1, promised: termOf(9), commitIndex: 2, entries },
  ]);
  return directory;
}
