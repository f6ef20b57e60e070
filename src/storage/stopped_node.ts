/**
 * What a stopped node holds, without a change to any byte of its directory: its log, and the state
 * that the whole log comes to. Owns in which order both are opened and closed again, and what is
 * applied to a copy for it; what is made of them is the caller's.
 *
 * Why the whole log: a node knows only a lower bound of what is committed. What was acknowledged
 * may be anywhere in it.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { limits } from "../limits.ts";
import type { SnapshotSource } from "../node/ports.ts";
import type { Index, Policy, Term } from "../raft/types.ts";
import { checkApplied, checkClusterId, lockStopped } from "./data_directory.ts";
import { lockDirectory } from "./lock.ts";
import { LOG_FILE, logSchema } from "./log_schema.ts";
import { LibsqlLogStore } from "./log_store.ts";
import { StateDatabase } from "./state_database.ts";
import { stateSchema } from "./state_schema.ts";
import { copyOf, removeCopies, type StillFile, stillFile } from "./still_file.ts";
import { corrupt, unusable } from "./storage_error.ts";

/** A stopped node, as long as it is open. */
export interface StoppedNode {
  readonly nodeId: string;
  readonly clusterId: string;
  /** Highest that it promised. */
  readonly term: Term;
  /** Of its newest config. */
  readonly policy: Policy;
  /** Everything up to here is known to be committed. */
  readonly commitIndex: Index;
  readonly lastIndex: Index;
  readonly log: LibsqlLogStore;
  /** All rows, as they are with everything that is in the log. */
  openSnapshot(): Promise<SnapshotSource>;
}

/**
 * Opens a stopped node for as long as `body` takes. `onApplied` is told how far the log was applied
 * to what was durable. Throws as `openDataDirectory` does, and `CORRUPT` for a damaged state.
 */
export async function withStopped<T>(
  path: string,
  onApplied: (index: Index) => void,
  body: (node: StoppedNode) => Promise<T>,
): Promise<T> {
  const directory = resolve(path);
  const lock = await lockStopped(directory, lockDirectory);
  try {
    await removeCopies(directory);
    return await withStillLog(directory, async (log) => {
      checkClusterId(log);
      await log.check();
      const { promised, commitIndex, configs, base } = await log.load(0);
      const newest = configs.at(-1) ?? base.config;
      if (newest === null) {
        throw unusable(directory, "its node never was in a cluster", "give another directory");
      }
      const { lastIndex, identity: { nodeId, clusterId } } = log;
      const about = { nodeId, clusterId, term: promised, commitIndex, lastIndex, log };
      return await withWholeState({ log, directory, onApplied }, async (state) => {
        const openSnapshot = () => state.openSource({ counted: true, onClosed: () => {} });
        return await body({ ...about, policy: newest.config.policy, openSnapshot });
      });
    });
  } finally {
    await lock.release();
  }
}

/** The log of a stopped directory, to be read only. */
export async function withStillLog<T>(
  directory: string,
  body: (log: LibsqlLogStore) => Promise<T>,
): Promise<T> {
  const file = await stillFile(join(directory, LOG_FILE), logSchema.version);
  try {
    const log = file.isOriginal
      ? await LibsqlLogStore.openStill(file.path)
      : await LibsqlLogStore.open(file.path, () => "none yet");
    try {
      return await body(log);
    } finally {
      await log.close();
    }
  } finally {
    await file.release();
  }
}

interface Place {
  readonly log: LibsqlLogStore;
  readonly directory: string;
  readonly onApplied: (index: Index) => void;
}

/** The state with the whole log applied: the file itself where there is nothing to apply. */
async function withWholeState<T>(
  { log, directory, onApplied }: Place,
  body: (state: StateDatabase) => Promise<T>,
): Promise<T> {
  const name = log.currentStateFile();
  const path = join(directory, name);
  let file: StillFile | null = null;
  let state: StateDatabase | null = null;
  try {
    if (existsSync(path)) {
      file = await stillFile(path, stateSchema.version);
      if (file.isOriginal) state = await StateDatabase.openStill(file.path);
      if (state !== null && state.applied.index < log.lastIndex) {
        await state.close();
        state = null;
        file = await copyOf(path);
      }
      state ??= await StateDatabase.openFile(file.path);
    } else {
      // As a node does, if it has a whole log.
      if (log.base.index > 0) throw corrupt(name, "it is missing");
      state = await StateDatabase.openMemory();
    }
    await state.check();
    await checkApplied(log, state.applied, name);
    await applyThrough(state, { log, through: log.lastIndex, onProgress: onApplied });
    return await body(state);
  } finally {
    await state?.close();
    await file?.release();
  }
}

/** Applies what a state lacks of a log. */
export async function applyThrough(
  state: StateDatabase,
  { log, through, onProgress }: {
    readonly log: LibsqlLogStore;
    readonly through: Index;
    readonly onProgress: (index: Index) => void;
  },
): Promise<void> {
  while (state.applied.index < through) {
    const from = state.applied.index + 1;
    const to = Math.min(state.applied.index + limits.applyEntriesMax, through);
    await state.apply(await log.read(from, to, limits.appendBytesMax));
    onProgress(state.applied.index);
  }
}
