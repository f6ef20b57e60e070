/**
 * Building a new state from a snapshot beside the one being served (DESIGN §6.4). Owns the order
 * that makes every crash leave one whole state: a generation never used before, rows, digest,
 * checkpoint, sync of file and directory; only then may the log switch to it.
 *
 * @module
 */

import { basename, join } from "node:path";
import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import type { SnapshotSink } from "../node/ports.ts";
import type { LogPosition } from "../raft/types.ts";
import { Database } from "./database.ts";
import { digestOf } from "./digest.ts";
import { syncDataDirectory, syncFile } from "./file_sync.ts";
import { removeFreed } from "./freed_file.ts";
import type { PendingState } from "./log_write.ts";
import { migrate, openMigrated } from "./migrations.ts";
import { RowIntake } from "./row_intake.ts";
import { readStreamTables } from "./row_stream.ts";
import { openStillSource } from "./snapshot_source.ts";
import { StateDatabase } from "./state_database.ts";
import { setApplied, stateSchema } from "./state_schema.ts";

/** What the log does for state files: `LibsqlLogStore` implements it. */
export interface StateFiles {
  currentStateFile(): string;
  nextStateFile(): Promise<string>;
  offerState(pending: PendingState | null): void;
}

type Expected = Parameters<SnapshotSink["finish"]>[0];

/** Takes the finished state over; the one before it is closed and removed. */
export type Switch = (next: StateDatabase) => Promise<void>;

/** Without fsyncs: what is not finished is deleted at the next start. */
const buildPragmas = ["journal_mode=WAL", "synchronous=OFF", "cache_size=-16384"];

/** Begins a new state file in the directory. */
export async function buildFile(
  directory: string,
  files: StateFiles,
  onFinished: Switch,
): Promise<SnapshotSink> {
  const path = join(directory, await files.nextStateFile());
  await removeState(path);
  const database = await openMigrated(path, {
    schema: stateSchema,
    pragmas: buildPragmas,
  });
  const discard = async () => {
    await database.close();
    // Once the log has switched to it, only this file has the state.
    if (files.currentStateFile() === basename(path)) return;
    files.offerState(null);
    await removeState(path);
  };
  return await newSink(database, {
    finish: async (applied) => {
      const { complete } = await database.checkpoint("truncate");
      assert(complete, "Nobody else has the new state file open");
      await database.close();
      // Not by SQLite, which would hold the event loop up until all of it is on disk.
      await syncFile(path);
      await syncDataDirectory(directory);
      files.offerState({ file: basename(path), applied });
    },
    activate: async () => {
      assert(files.currentStateFile() === basename(path), "The log has switched to the new state");
      await onFinished(await StateDatabase.openFile(path));
    },
    abort: discard,
  });
}

/** Begins a new state in memory. */
export async function buildMemory(onFinished: Switch): Promise<SnapshotSink> {
  const database = Database.openMemory();
  await migrate(database, stateSchema);
  return await newSink(database, {
    finish: () => Promise.resolve(),
    activate: async () => await onFinished(await StateDatabase.adoptMemory(database)),
    abort: () => database.close(),
  });
}

interface SinkSteps {
  /** The rows are right: make them last. */
  readonly finish: (applied: LogPosition) => Promise<void>;
  readonly activate: () => Promise<void>;
  readonly abort: () => Promise<void>;
}

async function newSink(database: Database, steps: SinkSteps): Promise<SnapshotSink> {
  const intake = new RowIntake(database, await readStreamTables(database));
  let phase: "building" | "finished" | "over" = "building";
  const expect = (wanted: typeof phase) => {
    assert(phase === wanted, `A snapshot that is ${phase} is not ${wanted}`);
  };
  return {
    write: async (chunk) => {
      expect("building");
      await intake.write(chunk);
    },
    finish: async (expected) => {
      expect("building");
      intake.end();
      await check(database, expected);
      await steps.finish(expected.applied);
      phase = "finished";
    },
    activate: async () => {
      expect("finished");
      phase = "over";
      await steps.activate();
    },
    abort: async () => {
      if (phase === "over") return;
      phase = "over";
      await steps.abort();
    },
  };
}

/** Compares what is in the new state, read back, with what the giver read. */
async function check(database: Database, { applied, digest }: Expected): Promise<void> {
  await database.write([setApplied(applied)]);
  const built = await digestOf(await openStillSource(database, { counted: false }));
  if (built.digest === digest) return;
  const text = `Cannot take the snapshot at index ${applied.index}: its digest is ` +
    `${built.digest.slice(0, 16)}, not ${digest.slice(0, 16)}; fetch it again`;
  throw new ChatError("CORRUPT", text);
}

/** Removes a state database with everything that SQLite lays beside it. */
export async function removeState(path: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    await removeFreed(`${path}${suffix}`);
  }
}
