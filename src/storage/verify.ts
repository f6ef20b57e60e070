/**
 * `admin verify` on a stopped directory: everything that can be checked without the other nodes.
 * Owns which checks there are and in which order; prints nothing, and changes no byte of the
 * directory: it looks at still files (`still_file.ts`).
 *
 * The log is checked entry by entry, the state row by row by its seals, and both databases for
 * their structure. If the log still begins at the first entry, the state is made again from it,
 * and every row must be the same.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ChatError } from "../errors.ts";
import type { Config, Index } from "../raft/types.ts";
import { checkApplied, checkClusterId, lockStopped } from "./data_directory.ts";
import { digestOf } from "./digest.ts";
import { lockToLook, type Look } from "./lock_to_look.ts";
import type { LibsqlLogStore } from "./log_store.ts";
import { StateDatabase } from "./state_database.ts";
import { stateSchema } from "./state_schema.ts";
import { removeCopies, stillFile } from "./still_file.ts";
import { applyThrough, withStillLog } from "./stopped_node.ts";
import { damageIn } from "./storage_error.ts";

/** What was found. */
export interface Verification {
  readonly ok: boolean;
  /** 0 where the log cannot be read. */
  readonly lastIndex: Index;
  /** 0 where the state cannot be read. */
  readonly appliedIndex: Index;
  /** Of the state, at its applied index; empty where that cannot be read. */
  readonly digest: string;
  /**
   * Whether this node is the only voter of its newest config: after an orderly stop of all, last.
   * `null` where the log does not say.
   */
  readonly stoppedLast: boolean | null;
  /** Whether there is no state, and a node makes it again: its log is whole and has everything. */
  readonly stateRemade: boolean;
  /** Whether every row of the state was compared with the log. */
  readonly replayed: boolean;
  /** One sentence for each thing that is wrong. */
  readonly problems: readonly string[];
}

const nothing = {
  lastIndex: 0,
  appliedIndex: 0,
  digest: "",
  stoppedLast: null,
  stateRemade: false,
  replayed: false,
};

/**
 * Looks at a stopped directory. `onProgress` is told how far the log was applied again. Throws if
 * there is no data there, or a node has it open: nothing is known of it then.
 */
export async function verifyDirectory(
  path: string,
  onProgress: (index: Index) => void = () => {},
): Promise<Verification> {
  const problems: string[] = [];
  const directory = resolve(path);
  let lock: Look;
  try {
    lock = await lockStopped(directory, lockToLook);
  } catch (error) {
    return { ...nothing, ok: false, problems: [damageOf(error)] };
  }
  let found = {};
  try {
    await removeCopies(directory);
    const findings = { directory, problems, onProgress };
    await withStillLog(directory, async (log) => {
      found = { lastIndex: log.lastIndex };
      checkClusterId(log);
      await log.check();
      found = { ...found, ...await look(log) };
      found = { ...found, ...await verifyState(log, findings) };
    });
    await lock.demandStill();
  } catch (error) {
    // What a node changes while it is read is no damage.
    await lock.demandStill();
    problems.push(damageOf(error));
  } finally {
    await lock.release();
  }
  return { ...nothing, ...found, ok: problems.length === 0, problems };
}

interface Findings {
  readonly directory: string;
  readonly problems: string[];
  readonly onProgress: (index: Index) => void;
}

async function look(log: LibsqlLogStore) {
  const { base, configs } = await log.load(0);
  const newest: Config | undefined = (configs.at(-1) ?? base.config)?.config;
  if (newest === undefined) return {};
  const { voters } = newest;
  return { stoppedLast: voters.length === 1 && voters[0]?.id === log.identity.nodeId };
}

async function verifyState(log: LibsqlLogStore, { directory, problems, onProgress }: Findings) {
  const name = log.currentStateFile();
  const path = join(directory, name);
  // As a node sees it: without one it begins an empty state and applies the log to it.
  if (!await hasBytes(path)) {
    if (log.base.index === 0) return { stateRemade: true };
    const since = log.base.index + 1;
    problems.push(`${name}: it is missing, and the log has only what came from ${since} on`);
    return {};
  }
  const file = await stillFile(path, stateSchema.version);
  let state: StateDatabase | null = null;
  try {
    state = file.isOriginal
      ? await StateDatabase.openStill(file.path)
      : await StateDatabase.openFile(file.path);
    await state.check();
    await checkApplied(log, state.applied, name);
    const source = await state.openSource({ counted: false, onClosed: () => {} });
    const { appliedIndex, digest } = await digestOf(source);
    const again = await digestFromLog(log, appliedIndex, onProgress);
    if (again !== null && again !== digest) {
      problems.push(`${name}: its rows are not those that the log comes to`);
    }
    return { appliedIndex, digest, replayed: again !== null };
  } catch (error) {
    problems.push(damageOf(error));
    return {};
  } finally {
    await state?.close();
    await file.release();
  }
}

async function hasBytes(path: string): Promise<boolean> {
  return ((await stat(path).catch(() => null))?.size ?? 0) > 0;
}

/** Digest of the state that the log comes to at an index; `null` if the log begins later. */
async function digestFromLog(
  log: LibsqlLogStore,
  through: Index,
  onProgress: (index: Index) => void,
): Promise<string | null> {
  if (log.base.index > 0) return null;
  const state = await StateDatabase.openMemory();
  try {
    await applyThrough(state, { log, through, onProgress });
    const source = await state.openSource({ counted: false, onClosed: () => {} });
    return (await digestOf(source)).digest;
  } finally {
    await state.close();
  }
}

/**
 * The sentence of an error that says what is damaged; any other error is thrown on. Our own
 * statements fail with `INTERNAL` only where a damaged schema has no such table or column.
 */
function damageOf(error: unknown): string {
  const damage = error instanceof ChatError && ["CORRUPT", "INTERNAL"].includes(error.reason);
  if (damage) return damageIn(error);
  throw error;
}
