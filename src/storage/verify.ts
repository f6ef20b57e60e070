/**
 * `admin verify` on a stopped directory: everything that can be checked without the other nodes.
 * Owns which checks there are and in which order; prints nothing. It opens the files as a node does
 * and writes no row, but a first start that died before it had an identity is finished.
 *
 * The log is checked entry by entry, and both databases for their structure. If the log still
 * begins at the first entry, the state is made again from it, and every row must be the same.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Config, Index } from "../raft/types.ts";
import { type DataDirectory, openDataDirectory } from "./data_directory.ts";
import { type LibsqlStateStore, openMemoryState } from "./state_store.ts";

/** What was found. */
export interface Verification {
  readonly ok: boolean;
  /** 0 where the log cannot be read. */
  readonly lastIndex: Index;
  /** 0 where the state cannot be read. */
  readonly appliedIndex: Index;
  /** Of the state, at its applied index; empty where that cannot be read. */
  readonly digest: string;
  /** Whether this node is the only voter of its newest config: after an orderly stop of all, last. */
  readonly stoppedLast: boolean;
  /** Whether every row of the state was compared with the log. */
  readonly replayed: boolean;
  /** One sentence for each thing that is wrong. */
  readonly problems: readonly string[];
}

const nothing = { lastIndex: 0, appliedIndex: 0, digest: "", stoppedLast: false, replayed: false };

/**
 * Looks at a stopped directory. `onProgress` is told how far the log was applied again. Throws if
 * there is no data there, or a node has it open: nothing is known of it then.
 */
export async function verifyDirectory(
  path: string,
  onProgress: (index: Index) => void = () => {},
): Promise<Verification> {
  const problems: string[] = [];
  let directory: DataDirectory;
  try {
    directory = await openDataDirectory(path, { create: false });
  } catch (error) {
    problems.push(damageOf(error));
    return { ok: false, ...nothing, problems };
  }
  const { lastIndex } = directory.log;
  let found = {};
  try {
    problems.push(...await directory.log.integrity());
    found = await look(directory);
    found = { ...found, ...await verifyState(directory, { problems, onProgress }) };
  } catch (error) {
    problems.push(damageOf(error));
  } finally {
    await directory.close();
  }
  return { ...nothing, lastIndex, ...found, ok: problems.length === 0, problems };
}

async function look({ log, identity }: DataDirectory) {
  const { base, configs } = await log.load(0);
  const newest: Config | undefined = (configs.at(-1) ?? base.config)?.config;
  const voters = newest?.voters ?? [];
  return { stoppedLast: voters.length === 1 && voters[0]?.id === identity.nodeId };
}

interface Findings {
  readonly problems: string[];
  readonly onProgress: (index: Index) => void;
}

async function verifyState(directory: DataDirectory, { problems, onProgress }: Findings) {
  const file = directory.log.currentStateFile();
  // Opening it would make it: a node can, from a whole log.
  if (!existsSync(join(directory.path, file))) {
    problems.push(`${file}: it is missing`);
    return {};
  }
  let state: LibsqlStateStore | null = null;
  try {
    state = await directory.openState({ keepsOthers: true });
    const broken = await state.integrity();
    problems.push(...broken);
    // What an index says and what is there are two things now: nothing more can be made of it.
    if (broken.length > 0) return {};
    const { appliedIndex, digest } = await state.digest();
    const again = await digestFromLog(directory, appliedIndex, onProgress);
    if (again !== null && again !== digest) {
      problems.push(`${file}: its rows are not those that the log comes to`);
    }
    return { appliedIndex, digest, replayed: again !== null };
  } catch (error) {
    problems.push(damageOf(error));
    return {};
  } finally {
    await state?.close();
  }
}

/** Digest of the state that the log comes to at an index; `null` if the log begins later. */
async function digestFromLog(
  { log }: DataDirectory,
  through: Index,
  onProgress: (index: Index) => void,
): Promise<string | null> {
  if (log.base.index > 0) return null;
  const state = await openMemoryState();
  try {
    for (let { index } = state.applied(); index < through; { index } = state.applied()) {
      const to = Math.min(index + limits.applyEntriesMax, through);
      await state.apply(await log.read(index + 1, to, limits.appendBytesMax));
      onProgress(state.applied().index);
    }
    return (await state.digest()).digest;
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
  if (damage) return error.message;
  throw error;
}
