/**
 * `admin verify`: a whole directory is found whole and left as it is, and whatever changes what a
 * node would say is found.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { verifyDirectory } from "../../src/storage/verify.ts";
import { create } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";
import { stateSchemaV1 } from "../support/state_schema_v1.ts";
import { lockToLook, type Look } from "../../src/storage/lock_to_look.ts";
import { alter, batch, contents, founded, inCopy, refused, withState } from "./data_directories.ts";
import { makeDirectories } from "./flips.ts";
import { canMount, makeReadOnly, NEEDS_MOUNTS } from "./mounts.ts";
import { inDirectory, onCrashCopy, rejectsWith, untilFreed } from "./temporary.ts";

/** Flips tried in each file, evenly spread: some hit what no row or index uses. */
const FLIPS = 120;

/** Runs `body` on a stopped directory with a log and a state of some pages. */
async function onStopped(body: (path: string) => Promise<void>): Promise<void> {
  await inDirectory(async (path) => {
    const directory = await founded(path);
    const [first] = (await directory.log.load(10)).entries;
    const names = Array.from({ length: 120 }, (_, at) => create(`user${at}`));
    const entries = commandEntries(names, first!);
    await directory.log.persist([batch(entries)]);
    const state = await directory.openState();
    await state.apply([first!, ...entries]);
    await state.close();
    await directory.close();
    await untilFreed(path);
    await body(path);
  });
}

/** Every file with its bytes, whatever it is. */
function everything(path: string): ReadonlyMap<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted();
  return new Map(names.map((name) => [name, readFileSync(join(path, name), "base64")]));
}

Deno.test("verify: a stopped directory is whole, and no byte of it changes", async () => {
  await onStopped(async (path) => {
    const before = everything(path);
    const { digest, ...found } = await verifyDirectory(path);
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.deepEqual(found, {
      ok: true,
      lastIndex: 121,
      appliedIndex: 121,
      stoppedLast: true,
      stateRemade: false,
      replayed: true,
      problems: [],
    });
    assert.deepEqual(everything(path), before);
  });
});

Deno.test("verify: what kill -9 leaves is whole, too, and stays as it is", async () => {
  await inDirectory(async (path) => {
    const directory = await withState(path);
    await onCrashCopy(path, async (copy) => {
      const before = everything(copy);
      const { ok, appliedIndex } = await verifyDirectory(copy);
      assert.deepEqual({ ok, appliedIndex }, { ok: true, appliedIndex: 2 });
      assert.deepEqual(everything(copy), before);
    });
    await directory.close();
  });
});

Deno.test("verify: what only a write-ahead log has counts, and stays there", async () => {
  await inDirectory(async (parent) => {
    const { stopped, killed } = await makeDirectories(parent);
    const before = everything(killed);
    const found = await verifyDirectory(killed);
    assert.equal(found.ok, true);
    assert.deepEqual(found, await verifyDirectory(stopped));
    assert.deepEqual(everything(killed), before);
  });
});

for (const file of ["log.db", "chat-1.db"]) {
  Deno.test(`verify: a flipped bit in ${file} is found wherever it means something`, async () => {
    await onStopped(async (path) => {
      const whole = await verifyDirectory(path);
      const bytes = readFileSync(join(path, file));
      let found = 0;
      for (let flip = 0; flip < FLIPS; flip++) {
        const damaged = new Uint8Array(bytes);
        const at = Math.floor((flip + 0.5) * bytes.length / FLIPS);
        damaged[at]! ^= 1 << (flip % 8);
        writeFileSync(join(path, file), damaged);
        const { ok, problems, digest, lastIndex } = await verifyDirectory(path);
        assert.equal(ok, problems.length === 0);
        if (!ok) found++;
        else assert.deepEqual({ digest, lastIndex }, { digest: whole.digest, lastIndex: 121 });
      }
      assert.ok(found > FLIPS / 4, `${found} of ${FLIPS} were found`);
    });
  });
}

const altered: readonly (readonly [file: string, sql: string, problem: RegExp])[] = [
  ["log.db", "UPDATE configs SET on_log = 0", /config at index 1 is not listed/],
  ["log.db", "UPDATE configs SET idx = 2", /checksum of the addresses at index 2/],
  ["log.db", "UPDATE configs SET checksum = '0' || substr(checksum, 2)", /config at index 1/],
  ["log.db", "INSERT INTO configs SELECT 9, term, '', addresses, seal, 1 FROM configs", /index 9/],
  ["log.db", "ALTER TABLE orphans RENAME COLUMN kind TO kinds", /schema is not as it was made/],
  ["chat-1.db", "UPDATE applied SET epoch = epoch + 1", /not on the log of log\.db/],
  ["chat-1.db", "UPDATE applied SET number = number + 1", /not on the log of log\.db/],
  ["chat-1.db", "UPDATE applied SET idx = 100", /rows of index 121, but only 100 is applied/],
  ["chat-1.db", "DROP INDEX messages_by_pair", /schema is not as it was made/],
  ["chat-1.db", "DELETE FROM requests WHERE log_index = 50", /rows are not those/],
];

Deno.test("verify: what is beside the rows is compared with the log and the schema", async () => {
  await onStopped(async (path) => {
    for (const [file, sql, problem] of altered) {
      await inCopy(path, async (copy) => {
        await alter(join(copy, file), sql);
        const { ok, problems: [first] } = await verifyDirectory(copy);
        assert.equal(ok, false, sql);
        assert.match(first!, problem);
        assert.ok(first!.includes(file));
      });
    }
  });
});

Deno.test("verify: a state that an older version left is whole, and stays as it is", async () => {
  await inDirectory(async (path) => {
    const directory = await founded(path);
    await directory.close();
    const old = Database.open(join(path, "chat-1.db"));
    await migrate(old, stateSchemaV1);
    await old.close();
    await untilFreed(path);
    const before = everything(path);
    assert.equal((await verifyDirectory(path)).ok, true);
    assert.deepEqual(everything(path), before);
  });
});

Deno.test("verify: a log that begins later is checked without its older entries", async () => {
  await onStopped(async (path) => {
    const directory = await openDataDirectory(path, { create: false });
    const base = (await directory.log.positionAt(100))!;
    const [config] = (await directory.log.load(0)).configs;
    await directory.log.compact({ ...base, config: config! });
    await directory.close();
    const { ok, replayed, stoppedLast } = await verifyDirectory(path);
    assert.deepEqual({ ok, replayed, stoppedLast }, {
      ok: true,
      replayed: false,
      stoppedLast: true,
    });
  });
});

Deno.test("verify: a cut file is a problem, no error, and a log that is cut says nothing", async () => {
  for (const [file, stoppedLast] of [["log.db", null], ["chat-1.db", true]] as const) {
    await onStopped(async (path) => {
      truncateSync(join(path, file), 5_000);
      const cut = await verifyDirectory(path);
      assert.deepEqual({ ok: cut.ok, stoppedLast: cut.stoppedLast }, { ok: false, stoppedLast });
      assert.match(cut.problems[0]!, new RegExp(file.replace(".", "\\.")));
      // What to do depends on more than the file.
      assert.doesNotMatch(cut.problems[0]!, /join again/);
    });
  }
});

Deno.test("verify: of a node that never was in a cluster nobody knows the voters", async () => {
  await inDirectory(async (path) => {
    const directory = await openDataDirectory(path, { create: true, nodeId: "a" });
    await (await directory.openState()).close();
    await directory.close();
    const { ok, stoppedLast } = await verifyDirectory(path);
    assert.deepEqual({ ok, stoppedLast }, { ok: true, stoppedLast: null });
  });
});

Deno.test("verify: a state that a node makes again is no damage, and one that it cannot is", async () => {
  await onStopped(async (path) => {
    rmSync(join(path, "chat-1.db"));
    const { ok, stateRemade, digest } = await verifyDirectory(path);
    assert.deepEqual({ ok, stateRemade, digest }, { ok: true, stateRemade: true, digest: "" });
    assert.ok(!contents(path).has("chat-1.db"));
    const directory = await openDataDirectory(path, { create: false });
    const state = await directory.openState();
    assert.equal(state.applied().index, 0, "a node goes on from here with what it has committed");
    await state.close();

    const base = (await directory.log.positionAt(100))!;
    const [config] = (await directory.log.load(0)).configs;
    await directory.log.compact({ ...base, config: config! });
    await directory.close();
    rmSync(join(path, "chat-1.db"));
    assert.deepEqual((await verifyDirectory(path)).problems, [
      "chat-1.db: it is missing, and the log has only what came from 101 on",
    ]);
    await refused(path, {}, "CORRUPT", /it is missing/);
  });
});

const mounts = await canMount() || Deno.uid() !== 0;
const suffix = mounts ? "" : ` (${NEEDS_MOUNTS})`;

Deno.test({
  name: `verify: a read-only directory is looked at where it lies, unless it cannot be${suffix}`,
  ignore: !mounts,
  fn: () =>
    inDirectory(async (parent) => {
      const { stopped, killed } = await makeDirectories(parent);
      const whole = await verifyDirectory(stopped);
      await untilFreed(parent);
      for (const hasLock of [true, false]) {
        if (!hasLock) rmSync(join(stopped, "lock.db"));
        const before = everything(stopped);
        await onReadOnly(stopped, async () => {
          assert.deepEqual(await verifyDirectory(stopped), whole);
        });
        assert.deepEqual(everything(stopped), before);
      }
      await onReadOnly(killed, async () => {
        const why = /cannot write it, and \S+-wal has what .+; stop the node .+ copy the directory/;
        await rejectsWith(verifyDirectory(killed), "DATA_DIRECTORY", why);
      });
    }),
});

Deno.test({
  name: `verify: a node that starts on a directory which could not be locked is noticed${suffix}`,
  ignore: !mounts,
  fn: () =>
    onStopped(async (path) => {
      let look: Look | null = null;
      await onReadOnly(path, async () => {
        look = await lockToLook(path);
        await look.demandStill();
      });
      const directory = await openDataDirectory(path, { create: false });
      await directory.begin(1);
      await rejectsWith(look!.demandStill(), "DATA_DIRECTORY", /it was changed meanwhile/);
      await directory.close();
    }),
});

/** Runs `body` while nothing in a directory can be written. */
async function onReadOnly(path: string, body: () => Promise<void>): Promise<void> {
  const undo = await makeReadOnly(path);
  assert.ok(undo !== null);
  try {
    await body();
  } finally {
    await undo();
  }
}

Deno.test("verify: a directory in use, or of no node, is an error", async () => {
  await inDirectory(async (path) => {
    await rejectsWith(verifyDirectory(join(path, "none")), "DATA_DIRECTORY", /no node ever ran/);
    const directory = await founded(path);
    await rejectsWith(verifyDirectory(path), "DATA_DIRECTORY", /another node is running on it/);
    await directory.close();
  });
});
