/**
 * The log store over libSQL: the port's contract, and what the port does not show: damage,
 * orphans, remembered addresses, the switch of the state file, full and newer databases.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildEntries, commandBody, configBody, termOf } from "../contract/log_entries.ts";
import { testLogStore } from "../contract/log_store_contract.ts";
import type { Reason } from "../../src/errors.ts";
import { EMPTY_BASE } from "../../src/raft/log.ts";
import type { PersistBatch } from "../../src/raft/types.ts";
import { Database } from "../../src/storage/database.ts";
import { LibsqlLogStore } from "../../src/storage/log_store.ts";
import { inDirectory, newDirectory, onCrashCopy, rejectsWith } from "./temporary.ts";

const everything = 1_000_000;

testLogStore("log.db", () => {
  let directory = newDirectory();
  let store: LibsqlLogStore | null = null;
  return Promise.resolve({
    open: async () => store = await openIn(directory),
    crash: async () => {
      // What a killed process leaves: the files as they are at this moment.
      const copy = newDirectory();
      cpSync(directory, copy, { recursive: true });
      await store?.close();
      rmSync(directory, { recursive: true });
      directory = copy;
    },
    flipBit: async (index) => {
      const database = Database.open(join(directory, "log.db"));
      const sql = "SELECT data FROM entries WHERE idx = ?";
      const [row] = await database.query(sql, [index]);
      const data = (row!.data as Uint8Array).slice();
      data[0]! ^= 1;
      await database.write([{
        sql: "UPDATE entries SET data = ? WHERE idx = ?",
        args: [data, index],
      }]);
      await database.close();
    },
    finishState: (applied) => Promise.resolve(store?.offerState({ file: "chat-2.db", applied })),
    dispose: async () => {
      await store?.close();
      rmSync(directory, { recursive: true });
    },
  });
});

Deno.test("log.db: a cut command is set aside as an orphan, a noop is not", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const entries = buildEntries(EMPTY_BASE, termOf(1), [
      configBody(["a"]),
      commandBody("kept"),
      commandBody("cut"),
      { kind: "noop" },
    ]);
    await store.persist([batch(1, { entries })]);
    await store.persist([batch(2, { truncateFrom: 3 })]);
    await store.close();
    assert.deepEqual(await orphansIn(directory), ["3 cut"]);
  });
});

Deno.test("log.db: a cut below the commit index lowers it, so that it stays on the log", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const entries = buildEntries(EMPTY_BASE, termOf(1), ["a", "b", "c"].map(commandBody));
    await store.persist([batch(1, { commitIndex: 3, entries })]);
    await store.persist([batch(2, { truncateFrom: 2 })]);
    await store.close();
    const again = await openIn(directory);
    assert.equal((await again.load(everything)).commitIndex, 1);
    await again.close();
  });
});

Deno.test("log.db: a gap as long as a page is found", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const bodies = Array.from({ length: 700 }, (_, number) => commandBody(`${number}`));
    await store.persist([batch(1, { entries: buildEntries(EMPTY_BASE, termOf(1), bodies) })]);
    await store.close();
    const database = Database.open(join(directory, "log.db"));
    await database.write([{ sql: "DELETE FROM entries WHERE idx BETWEEN 257 AND 600" }]);
    await database.close();
    await refusesToLoad(directory, "CORRUPT", /bad checksum of the entry at index 257;/);
  });
});

Deno.test("log.db: an install sets aside only commands of another history", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const common = buildEntries(EMPTY_BASE, termOf(1), ["a", "b"].map(commandBody));
    const own = buildEntries(common[1]!, termOf(2), ["c", "d"].map(commandBody));
    await store.persist([batch(1, { entries: [...common, ...own] })]);
    const base = { index: 9, term: termOf(3), checksum: "e".repeat(32), config: null };
    const termStarts = [{ term: termOf(1), index: 1 }, { term: termOf(3), index: 3 }];
    store.offerState({ file: "chat-2.db", applied: base });
    await store.persist([batch(2, { install: { base, termStarts } })]);
    assert.equal(store.currentStateFile(), "chat-2.db");
    await store.close();
    assert.deepEqual(await orphansIn(directory), ["3 c", "4 d"]);
  });
});

Deno.test("log.db: an install without a finished state of its base is refused", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const base = { index: 9, term: termOf(3), checksum: "e".repeat(32), config: null };
    const install = { base, termStarts: [] };
    await assert.rejects(store.persist([batch(1, { install })]), /once its state is finished/);
    store.offerState({ file: "chat-2.db", applied: { ...base, checksum: "f".repeat(32) } });
    await assert.rejects(store.persist([batch(1, { install })]), /applied up to its base/);
    assert.equal((await store.load(everything)).base.index, 0);
    await store.close();
  });
});

Deno.test("log.db: addresses of configs are remembered after a cut and a compaction", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const entries = buildEntries(EMPTY_BASE, termOf(1), [
      configBody(["a", "b"]),
      configBody(["a", "b", "c"]),
      configBody(["a"]),
    ]);
    await store.persist([batch(1, { entries })]);
    await store.persist([batch(2, { truncateFrom: 3 })]);
    await store.compact({ ...entries[1]!, config: null });
    const expected = ["127.0.0.1:7000", "127.0.0.1:7001", "127.0.0.1:7002"];
    assert.deepEqual((await store.rememberedAddresses()).toSorted(), expected);
    await store.close();
    const database = Database.open(join(directory, "log.db"));
    await database.write([{ sql: "UPDATE configs SET addresses = '[]' WHERE idx = 2" }]);
    await database.close();
    const damaged = await openIn(directory);
    await assert.rejects(damaged.rememberedAddresses(), /bad checksum of the addresses at index 2/);
    await damaged.close();
  });
});

Deno.test("log.db: a generation is never given twice, also after a crash", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    assert.equal(store.currentStateFile(), "chat-1.db");
    assert.equal(await store.nextStateFile(), "chat-2.db");
    await store.close();
    const again = await openIn(directory);
    assert.equal(await again.nextStateFile(), "chat-3.db");
    assert.equal(again.currentStateFile(), "chat-1.db");
    await again.close();
  });
});

Deno.test("log.db: writes that overlap are planned one after another", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const entries = buildEntries(EMPTY_BASE, termOf(1), ["a", "b", "c"].map(commandBody));
    const [, name] = await Promise.all([
      store.persist([batch(1, { entries: entries.slice(0, 2) })]),
      store.nextStateFile(),
      store.persist([batch(2, { entries: entries.slice(2) })]),
      store.compact({ ...entries[0]!, config: null }),
      store.read(2, 3, everything),
    ]);
    assert.equal(name, "chat-2.db");
    assert.equal(await store.nextStateFile(), "chat-3.db");
    assert.deepEqual(await store.read(1, 3, everything), []);
    assert.deepEqual(await store.read(2, 3, everything), entries.slice(1));
    await store.close();
  });
});

Deno.test("log.db: any flipped bit of a record is found, and named by index", async () => {
  await inDirectory(async (directory) => {
    const entries = buildEntries(EMPTY_BASE, termOf(1), [
      configBody(["a"]),
      ...["x", "y", "z"].map(commandBody),
    ]);
    const store = await openIn(directory);
    await store.persist([batch(1, { promised: termOf(1), commitIndex: 4, entries })]);
    await store.close();
    for (const [sql, message] of damages) {
      await onCrashCopy(directory, async (copy) => {
        const database = Database.open(join(copy, "log.db"));
        await database.write([{ sql }]);
        await database.close();
        await refusesToLoad(copy, "CORRUPT", message);
      });
    }
  });
});

Deno.test("log.db: the history of a place costs no look at other entries", async () => {
  await inDirectory(async (directory) => {
    const entries = buildEntries(EMPTY_BASE, termOf(1), [
      configBody(["a"]),
      ...["x", "y"].map(commandBody),
    ]);
    const store = await openIn(directory);
    await store.persist([batch(1, { entries })]);
    const database = Database.open(join(directory, "log.db"));
    // Whoever reads it notices.
    await database.write([{ sql: "UPDATE entries SET data = x'00' WHERE idx > 1" }]);
    await database.close();
    await rejectsWith(store.load(0), "CORRUPT", /index 2;/);
    assert.equal((await store.history(3)).config?.index, 1);
    await store.close();
  });
});

const damages: readonly (readonly [string, RegExp])[] = [
  ["UPDATE entries SET data = x'79' WHERE idx = 2", /log\.db: a bad checksum .* index 2;/],
  ["UPDATE entries SET kind = 'noop' WHERE idx = 3", /index 3;/],
  ["UPDATE entries SET kind = 'unheard' WHERE idx = 3", /index 3;/],
  ["UPDATE entries SET term = '0.2@a' WHERE idx = 4", /index 4;/],
  ["UPDATE entries SET checksum = substr(checksum, 2) || 'x' WHERE idx = 4", /index 4;/],
  ["UPDATE entries SET data = x'7b' WHERE idx = 1", /index 1;/],
  ["DELETE FROM entries WHERE idx = 2", /index 2;/],
  ["DELETE FROM entries WHERE idx = 4", /ends at index 3, 4 is committed/],
  ["UPDATE term_starts SET term = '0.2@a'", /term that starts at index 1/],
  ["UPDATE meta SET value = replace(value, '4', '3') WHERE key = 'hard'", /its hard record/],
  ["UPDATE meta SET seal = '' WHERE key = 'base'", /its base record/],
  ["DELETE FROM meta WHERE key = 'state'", /a record is missing/],
];

Deno.test("log.db: a torn or a foreign file is refused", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const entries = buildEntries(
      EMPTY_BASE,
      termOf(1),
      Array.from({ length: 500 }, (_, number) => commandBody(`text ${number}`)),
    );
    await store.persist([batch(1, { entries })]);
    await store.close();
    const path = join(directory, "log.db");
    const whole = readFileSync(path);
    truncateSync(path, 8_192);
    await refusesToLoad(directory, "CORRUPT", /log\.db: it is damaged/);
    writeFileSync(path, new Uint8Array(whole).fill(120, 0, 100));
    await refusesToLoad(directory, "CORRUPT", /log\.db: it is damaged/);
  });
});

Deno.test("log.db: an un-synced tail that a power cut tore off is dropped", async () => {
  await inDirectory(async (directory) => {
    const store = await openIn(directory);
    const entries = buildEntries(EMPTY_BASE, termOf(1), ["a", "b"].map(commandBody));
    await store.persist([batch(1, { entries: entries.slice(0, 1) })]);
    const before = readFileSync(join(directory, "log.db-wal")).length;
    await store.persist([batch(2, { entries: entries.slice(1) })]);
    await onCrashCopy(directory, async (copy) => {
      truncateSync(join(copy, "log.db-wal"), before + 100);
      const again = await openIn(copy);
      assert.deepEqual((await again.load(everything)).entries, entries.slice(0, 1));
      await again.close();
    });
    await store.close();
  });
});

function batch(number: number, fields: Partial<PersistBatch>): PersistBatch {
  return { number, entries: [], ...fields };
}

async function openIn(directory: string): Promise<LibsqlLogStore> {
  return await LibsqlLogStore.open(join(directory, "log.db"), () => "a");
}

async function orphansIn(directory: string): Promise<string[]> {
  const database = Database.open(join(directory, "log.db"));
  const rows = await database.query("SELECT idx, CAST(data AS TEXT) AS text FROM orphans");
  await database.close();
  return rows.map((row) => `${row.idx} ${row.text}`);
}

async function refusesToLoad(directory: string, reason: Reason, message: RegExp): Promise<void> {
  const loaded = (async () => {
    const store = await openIn(directory);
    try {
      await store.load(everything);
    } finally {
      await store.close();
    }
  })();
  await rejectsWith(loaded, reason, message);
}
