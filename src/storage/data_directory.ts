/**
 * A node's data directory (DESIGN §3, §10): its lock, its identity, its log, and the state that
 * belongs to the log. Owns which files there are and in which order they are looked at, so that
 * a directory that cannot be used is refused before anything in it is changed.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { existsSync, type Stats } from "node:fs";
import { access, chmod, constants, mkdir, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import type { Identity } from "../node/ports.ts";
import { bootstrapBatch } from "../raft/bootstrap.ts";
import { sameTerm } from "../raft/term.ts";
import type { LogPosition, Member, Policy } from "../raft/types.ts";
import { chain } from "./checksum.ts";
import { syncDataDirectory } from "./file_sync.ts";
import { removeFreed } from "./freed_file.ts";
import { type DirectoryLock, LOCK_FILE, lockDirectory } from "./lock.ts";
import { LOG_FILE } from "./log_schema.ts";
import { LibsqlLogStore } from "./log_store.ts";
import { removeState } from "./snapshot_sink.ts";
import { LibsqlStateStore } from "./state_store.ts";
import { corrupt, isDenied, toStorageError, unusable } from "./storage_error.ts";
import { checkWal } from "./wal_check.ts";

/** A state of any generation, and what SQLite lays beside it: nobody else's files are touched. */
const stateFilePattern = /^chat-\d+\.db(-wal|-shm|-journal)?$/;

/** The log of a cluster that is being restored: it gets its name when everything else is there. */
export const RESTORING_FILE = "restoring.db";

export interface OpenOptions {
  /** Make the directory if there is none. Off for commands on a stopped node. */
  readonly create: boolean;
  /** `--id`: kept by a new directory, compared with an old one's. */
  readonly nodeId?: string;
  /** Whether a stored id that is another one will do as well. */
  readonly accepts?: (stored: string, given: string) => boolean;
  /** The cluster that it must belong to, if it belongs to one. */
  readonly clusterId?: string;
}

/** Who founds a cluster, and by which rules. */
export interface Founding {
  readonly clusterId: string;
  /** This node, with the addresses that its first config records. */
  readonly founder: Member;
  readonly policy: Policy;
}

/**
 * Opens a data directory and checks all of its log. Throws `DATA_DIRECTORY` (locked, read-only,
 * newer, absent), `CORRUPT`, `WRONG_CLUSTER`, `DISK_FULL`, or `INVALID_ARGUMENT` for another id.
 */
export async function openDataDirectory(
  path: string,
  options: OpenOptions,
): Promise<DataDirectory> {
  const directory = resolve(path);
  await prepareDirectory(directory, options);
  const lock = await lockDirectory(directory);
  let log: LibsqlLogStore | null = null;
  try {
    const fresh = await isFresh(directory, options);
    await checkWal(join(directory, `${LOG_FILE}-wal`));
    log = await LibsqlLogStore.open(join(directory, LOG_FILE), () => newNodeId(options));
    if (fresh) await syncDataDirectory(directory);
    checkIdentity(directory, log, options);
    await log.check();
    return new DataDirectory(directory, { lock, log, isNew: fresh });
  } catch (error) {
    await log?.close();
    await lock.release();
    throw error;
  }
}

/** An open data directory. Nobody else can open it before it is closed. */
export class DataDirectory {
  readonly path: string;
  readonly log: LibsqlLogStore;
  readonly #lock: DirectoryLock;
  /** Whether there was no log before it was opened. */
  readonly #isNew: boolean;
  #previousIncarnation = 0;

  /** Use {@linkcode openDataDirectory}. */
  constructor(
    path: string,
    { lock, log, isNew }: {
      readonly lock: DirectoryLock;
      readonly log: LibsqlLogStore;
      readonly isNew: boolean;
    },
  ) {
    this.path = path;
    this.log = log;
    this.#lock = lock;
    this.#isNew = isNew;
  }

  /** As stored; the incarnation is that of this start once it has begun. */
  get identity(): Identity {
    return { ...this.log.identity, previousIncarnation: this.#previousIncarnation };
  }

  /** Begins a start of the node: stores its incarnation, which no earlier start had (§3). */
  async begin(wallMs: number): Promise<Identity> {
    assert(this.#previousIncarnation === 0, "A directory is begun once");
    const stored = this.log.identity;
    const incarnation = Math.max(stored.incarnation + 1, Math.trunc(wallMs));
    await this.log.settle();
    await this.log.setIdentity({ ...stored, incarnation });
    this.#previousIncarnation = stored.incarnation;
    return this.identity;
  }

  /** Founds a cluster: its id and its first config, committed, in one transaction (§6). */
  async bootstrap({ clusterId, founder, policy }: Founding): Promise<void> {
    const { identity } = this.log;
    assert(identity.clusterId === "" && this.log.lastIndex === 0, "Only an empty node founds");
    assert(identity.nodeId === founder.id, "A founder is this node");
    await this.log.setIdentity({ ...identity, clusterId }, bootstrapBatch(founder, policy, chain));
  }

  /** Remembers the cluster that took this node in. Another one than before is refused. */
  async join(clusterId: string): Promise<void> {
    const { identity } = this.log;
    checkCluster(this.path, identity.clusterId, clusterId);
    if (identity.clusterId === "") await this.log.setIdentity({ ...identity, clusterId });
  }

  /**
   * Opens the state that belongs to the log. What is applied in it must lie on the log or be its
   * base, else `CORRUPT`. Files of other generations are removed, unless they are to be kept.
   */
  async openState({ keepsOthers = false } = {}): Promise<LibsqlStateStore> {
    const file = this.log.currentStateFile();
    const path = join(this.path, file);
    const exists = await fileSize(path) > 0;
    if (!exists && this.log.base.index > 0) throw corrupt(file, "it is missing");
    const state = await LibsqlStateStore.open(path, this.log);
    try {
      if (!exists) await syncDataDirectory(this.path);
      await state.check();
      await checkApplied(this.log, state.applied(), file);
      if (!keepsOthers) await this.#removeOtherStates(file);
      return state;
    } catch (error) {
      await state.close();
      throw error;
    }
  }

  /** Frees the directory. The state must be closed before. Closing twice does nothing. */
  async close(): Promise<void> {
    await this.log.close();
    await this.#lock.release();
  }

  /**
   * Closes, and removes the databases if this start has made them and they hold nothing that any
   * cluster counts on. Nobody else comes in between. `areClosed` waits for the library to let go of
   * the files, of which it would take others away by their names; where it does not, they stay.
   */
  async discard(areClosed: () => Promise<boolean>): Promise<void> {
    try {
      await this.log.close();
      if (this.#isNew && this.log.isUnused && await areClosed()) await removeDatabases(this.path);
    } finally {
      await this.#lock.release();
    }
  }

  async #removeOtherStates(current: string): Promise<void> {
    const names = await stateFiles(this.path);
    const others = names.filter((name) => !name.startsWith(current));
    // What the log says of the current one may be in the system's memory only, after a kill.
    if (others.length > 0) await this.log.settle();
    for (const name of others) await removeState(join(this.path, name));
  }
}

/** The log goes last: a state without one would be damage. */
async function removeDatabases(directory: string): Promise<void> {
  const log = ["-wal", "-shm", ""].map((suffix) => `${LOG_FILE}${suffix}`);
  for (const name of [...await stateFiles(directory), ...log]) {
    await removeFreed(join(directory, name));
  }
  await syncDataDirectory(directory);
}

/** Throws `CORRUPT` unless what is applied in a state lies on the log, or is its base. */
export async function checkApplied(
  log: LibsqlLogStore,
  { index, term, checksum }: LogPosition,
  file: string,
): Promise<void> {
  const place = await log.positionAt(index);
  if (place?.checksum === checksum && sameTerm(place.term, term)) return;
  throw corrupt(file, `it has applied index ${index}, which is not on the log of ${LOG_FILE}`);
}

/**
 * Makes the directory, readable by its owner only, or says why it cannot be used. Whether it was
 * made.
 */
export async function prepareDirectory(
  directory: string,
  options: Pick<OpenOptions, "create">,
): Promise<boolean> {
  const info = await statOf(directory);
  if (info !== null && !info.isDirectory()) {
    throw unusable(directory, "it is not a directory", "give another --data");
  }
  if (info !== null) {
    await checkReadable(directory, constants.R_OK | constants.X_OK);
    return false;
  }
  if (!options.create) throw noDirectory(directory);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return true;
  } catch (thrown) {
    const error = ChatError.from(toStorageError(thrown, directory));
    // Most often a file is where a directory should be.
    if (error.reason !== "INTERNAL") throw error;
    throw unusable(directory, "it cannot be made there", "give another --data");
  }
}

/** Whether nothing of ours is in it yet. */
async function isFresh(directory: string, options: OpenOptions): Promise<boolean> {
  if (await hasLog(directory)) return false;
  if (!options.create) throw noDirectory(directory);
  await closeToOthers(directory);
  return true;
}

/** Whether there is a log. A state without one is no fresh directory. */
async function hasLog(directory: string): Promise<boolean> {
  if (await holdsLog(directory)) return true;
  if (existsSync(join(directory, RESTORING_FILE))) {
    const detail = "a backup was being restored into it, and that was never finished";
    throw unusable(directory, detail, "run admin restore again, or empty it");
  }
  const [state] = await stateFiles(directory);
  if (state !== undefined) throw corrupt(LOG_FILE, `it is missing beside ${state}`);
  return false;
}

/**
 * Takes the lock of a stopped directory, by `take`, and looks whether its log can be read without
 * losing anything. Throws as {@linkcode openDataDirectory} does, and changes nothing.
 */
export async function lockStopped<L extends DirectoryLock>(
  path: string,
  take: (directory: string) => Promise<L>,
): Promise<L> {
  const directory = resolve(path);
  await prepareDirectory(directory, { create: false });
  const lock = await take(directory);
  try {
    if (!await hasLog(directory)) throw noDirectory(directory);
    await checkReadable(join(directory, LOG_FILE), constants.R_OK);
    await checkWal(join(directory, `${LOG_FILE}-wal`));
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Whether a log is there, so that a node may have run. */
export async function holdsLog(directory: string): Promise<boolean> {
  return await fileSize(join(directory, LOG_FILE)) > 0;
}

/** An empty directory is about to hold what people wrote: nobody else needs to look into it. */
export async function closeToOthers(directory: string): Promise<void> {
  const names = await readdir(directory);
  if (names.some((name) => name !== LOCK_FILE)) return;
  try {
    await chmod(directory, 0o700);
  } catch (error) {
    // Someone else's directory, lent to this user: its owner has decided.
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EPERM") throw error;
  }
}

function noDirectory(directory: string): ChatError {
  return unusable(directory, "no node ever ran on it", "give the --data of a node");
}

/** Whether a node ran on it is not for this user to see. */
function unreadable(path: string, cause: unknown): ChatError {
  const uid = process.geteuid?.();
  const user = uid === undefined ? "this user" : `this user (uid ${uid})`;
  const text = `Cannot read ${path}: ${user} must not; run this as the user that its node runs ` +
    "as, or as root, or give another --data";
  return new ChatError("DATA_DIRECTORY", text, { cause });
}

/** `null` where there is nothing. What may not be looked at may be a node's. */
async function statOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (thrown) {
    if (isDenied(thrown)) throw unreadable(path, thrown);
    return null;
  }
}

async function checkReadable(path: string, mode: number): Promise<void> {
  try {
    await access(path, mode);
  } catch (thrown) {
    if (isDenied(thrown)) throw unreadable(path, thrown);
    throw toStorageError(thrown, path);
  }
}

function newNodeId(options: OpenOptions): string {
  return options.nodeId ?? randomUUID();
}

function checkIdentity(directory: string, log: LibsqlLogStore, options: OpenOptions): void {
  const { nodeId, clusterId } = log.identity;
  const { nodeId: given, accepts = () => false } = options;
  if (given !== undefined && given !== nodeId && !accepts(nodeId, given)) {
    const text = `Cannot use the data directory ${directory} as node ${options.nodeId}: it is ` +
      `that of node ${nodeId}; leave --id out, or give another --data`;
    throw new ChatError("INVALID_ARGUMENT", text, { field: "id" });
  }
  checkClusterId(log);
  if (options.clusterId !== undefined) checkCluster(directory, clusterId, options.clusterId);
}

/** Throws `CORRUPT` for a log of no cluster. */
export function checkClusterId({ identity, lastIndex }: LibsqlLogStore): void {
  if (identity.clusterId !== "" || lastIndex === 0) return;
  throw corrupt(LOG_FILE, "it has a log but no cluster id");
}

function checkCluster(directory: string, stored: string, wanted: string): void {
  if (stored === "" || stored === wanted) return;
  const text = `Cannot use the data directory ${basename(directory)} in cluster ${wanted}: it ` +
    `belongs to cluster ${stored}; give another --data, or --join members of that cluster`;
  throw new ChatError("WRONG_CLUSTER", text);
}

export async function stateFiles(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => stateFilePattern.test(name));
  } catch (error) {
    throw toStorageError(error, directory);
  }
}

async function fileSize(path: string): Promise<number> {
  return (await statOf(path))?.size ?? 0;
}
