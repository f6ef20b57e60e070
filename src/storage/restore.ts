/**
 * `admin restore`: a new cluster of one node, made of a backup. Owns what is new in it and what is
 * as it was, and the order that makes every crash leave either a directory that no node starts on
 * and the next run cleans, or the whole one.
 *
 * As it was: every row, so accounts, sessions, messages, request ids; log indexes, and the terms
 * they were of, so that clients' positions keep their meaning; the policy. New: the cluster's id,
 * its only member, a higher epoch, and the root of the chain of checksums, which comes of the new
 * cluster's id: no entry and no term of the old cluster, also of what it did after the backup, is
 * one of the new.
 *
 * @module
 */

import { createHash, randomUUID } from "node:crypto";
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ChatError } from "../errors.ts";
import { bootstrapConfig } from "../raft/config.ts";
import type { Base, Term } from "../raft/types.ts";
import { damaged } from "./backup_format.ts";
import { BackupReader, type VerifiedBackup, verifyBackup } from "./backup_reader.ts";
import { chain } from "./checksum.ts";
import {
  closeToOthers,
  type DataDirectory,
  holdsLog,
  openDataDirectory,
  prepareDirectory,
  RESTORING_FILE,
  stateFiles,
} from "./data_directory.ts";
import { syncDataDirectory, syncFile } from "./file_sync.ts";
import { removeFreed, renameFreed } from "./freed_file.ts";
import { LOCK_FILE, lockDirectory } from "./lock.ts";
import { LOG_FILE } from "./log_schema.ts";
import { LibsqlLogStore } from "./log_store.ts";
import { readAside } from "./set_aside.ts";
import { buildFile } from "./snapshot_sink.ts";
import { corrupt, toStorageError, unusable } from "./storage_error.ts";

export interface RestoreOptions {
  /** Path of the backup. */
  readonly backup: string;
  /** The data directory to make: absent, or without the data of a node. */
  readonly data: string;
  /** Id of the node; made if not given. */
  readonly nodeId?: string | undefined;
  /** Ms since the epoch. */
  readonly wallMs: number;
  /** Told how many rows were checked, and then how many were written. */
  readonly onRows?: (rows: number, step: "checked" | "restored") => void;
}

/** What was made. */
export interface Restored {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly backup: VerifiedBackup;
  /** An earlier run had made it, and was not there any more to say so. */
  readonly already: boolean;
}

/** Before its first start nobody reaches the node: then it records where it listens. */
const noAddresses = { peerAddress: "127.0.0.1:0", clientAddress: "127.0.0.1:0" };

/**
 * Makes a data directory of a backup. The backup is read to its end first: one that is refused
 * changes nothing. Throws `CORRUPT` or `DATA_DIRECTORY` where one of both cannot be used.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const backup = await verifyBackup(options.backup, (rows) => options.onRows?.(rows, "checked"));
  const directory = resolve(options.data);
  if (await holdsLog(directory)) return await finishedEarlier(directory, { options, backup });
  const isNew = await prepareDirectory(directory, { create: true });
  const lock = await lockDirectory(directory);
  try {
    await clean(directory);
    try {
      const made = await build(directory, { options, backup });
      await publish(directory);
      return { ...made, backup, already: false };
    } catch (error) {
      try {
        await remove(directory);
        // While it is locked: nobody else can have begun to use it.
        if (isNew) await removeMade(directory);
      } catch {
        // The next run removes it. What went wrong first says more.
      }
      throw fullDisk(error, directory);
    }
  } finally {
    await lock.release();
  }
}

interface Work {
  readonly options: RestoreOptions;
  readonly backup: VerifiedBackup;
}

/** Removes what an unfinished restore left; throws if there is anything else of a node. */
async function clean(directory: string): Promise<void> {
  // One whose data was set aside is to join its cluster again.
  if (await holdsLog(directory) || await readAside(directory) !== null) throw inUse(directory);
  if (await exists(join(directory, RESTORING_FILE))) return await remove(directory);
  const [state] = await stateFiles(directory);
  if (state === undefined) return;
  throw unusable(directory, `it holds ${state} of a node`, "give another --data");
}

/** The restored log goes last: as long as it is there, the rest is known to be a restore's. */
async function remove(directory: string): Promise<void> {
  for (const name of await stateFiles(directory)) await removeFreed(join(directory, name));
  await syncDataDirectory(directory);
  const log = join(directory, RESTORING_FILE);
  for (const suffix of ["-wal", "-shm", "-journal", ""]) {
    await removeFreed(`${log}${suffix}`);
  }
}

/**
 * Removes a directory that was made for nothing, unless somebody put something into it. Fails on
 * Windows, where the lock is in use: then nothing but that is left.
 */
async function removeMade(directory: string): Promise<void> {
  const names = await readdir(directory);
  if (names.some((name) => name !== LOCK_FILE)) return;
  await rm(join(directory, LOCK_FILE));
  await rmdir(directory);
}

async function build(
  directory: string,
  { options, backup }: Work,
): Promise<{ readonly clusterId: string; readonly nodeId: string }> {
  await closeToOthers(directory);
  const clusterId = randomUUID();
  const path = join(directory, RESTORING_FILE);
  const log = await LibsqlLogStore.open(path, () => options.nodeId ?? randomUUID());
  try {
    // From now on it can be seen that this is no directory of a node yet.
    await syncDataDirectory(directory);
    await syncDataDirectory(dirname(directory));
    const { nodeId } = log.identity;
    const term = foundingTerm(backup, { nodeId, wallMs: options.wallMs });
    const base = foundingBase(backup, { clusterId, term });
    await buildState(directory, { options, backup, log, base });
    const termStarts = [...backup.termStarts, { term, index: base.index }];
    const install = { base, termStarts };
    const batch = { number: 1, promised: term, commitIndex: base.index, install, entries: [] };
    await log.setIdentity({ ...log.identity, clusterId }, batch);
    await log.settle();
    return { clusterId, nodeId };
  } finally {
    await log.close();
  }
}

/** Everything is there: now a node may start on it. */
async function publish(directory: string): Promise<void> {
  const path = join(directory, RESTORING_FILE);
  const wal = await stat(`${path}-wal`).catch(() => null);
  if (wal !== null && wal.size > 0) throw corrupt(RESTORING_FILE, "it is not in one file");
  for (const suffix of ["-wal", "-shm"]) await removeFreed(`${path}${suffix}`);
  await syncFile(path);
  await renameFreed(path, join(directory, LOG_FILE));
  await syncDataDirectory(directory);
}

/** The rows as a state of this node, whole and on disk, and offered to its log. */
async function buildState(
  directory: string,
  { options, backup, log, base }: Work & { readonly log: LibsqlLogStore; readonly base: Base },
): Promise<void> {
  const reader = await BackupReader.open(options.backup);
  const sink = await buildFile(directory, log, () => Promise.resolve());
  try {
    for await (const chunk of reader.chunks()) {
      await sink.write(chunk).catch((error) => {
        throw isCorrupt(error)
          ? damaged(options.backup, "its rows are not those of this version", error)
          : error;
      });
      options.onRows?.(reader.rows, "restored");
    }
    await sink.finish({ applied: base, digest: backup.end.digest });
  } catch (error) {
    await sink.abort();
    throw error;
  } finally {
    await reader.close();
  }
}

/** Higher than every term that the old cluster knew, and of no number that it ever comes to. */
function foundingTerm(
  { header }: VerifiedBackup,
  { nodeId, wallMs }: { readonly nodeId: string; readonly wallMs: number },
): Term {
  const number = Math.max(header.term.number + 1, Math.trunc(wallMs));
  return { epoch: header.term.epoch + 1, number, nodeId };
}

/** The founding config, in force from the start: an entry of its own above what is restored. */
function foundingBase(
  { header, end }: VerifiedBackup,
  { clusterId, term }: { readonly clusterId: string; readonly term: Term },
): Base {
  const config = bootstrapConfig({ id: term.nodeId, ...noAddresses }, header.policy);
  const index = header.base.index + 1;
  const place = [clusterId, header.base.index, header.base.checksum, end.digest];
  const root = createHash("sha256").update(JSON.stringify(place)).digest("hex");
  const checksum = chain(root, index, term, { kind: "config", config });
  return { index, term, checksum, config: { index, term, config } };
}

/**
 * The directory holds a log: if it is just what this backup comes to and no node ever started on
 * it, an earlier run was killed before it could say that it was done. Else it is refused.
 */
async function finishedEarlier(
  directory: string,
  { options, backup }: Work,
): Promise<Restored> {
  const opened = await openDataDirectory(directory, { create: false });
  try {
    const { identity: { nodeId, clusterId, incarnation }, log } = opened;
    const { base, lastIndex } = log;
    const expected = foundingBase(backup, { clusterId, term: base.term });
    const same = incarnation === 0 && lastIndex === base.index &&
      base.checksum === expected.checksum && (options.nodeId ?? nodeId) === nodeId &&
      await digestIn(opened) === backup.end.digest;
    if (!same) throw inUse(directory);
    return { clusterId, nodeId, backup, already: true };
  } finally {
    await opened.close();
  }
}

async function digestIn(directory: DataDirectory): Promise<string> {
  const state = await directory.openState();
  try {
    return (await state.digest()).digest;
  } finally {
    await state.close();
  }
}

function isCorrupt(error: unknown): boolean {
  return error instanceof ChatError && error.reason === "CORRUPT";
}

function inUse(directory: string): ChatError {
  return unusable(directory, "it is that of a node already", "give another --data");
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

/** Says what to do of a full disk: there is no node to start again. */
function fullDisk(thrown: unknown, directory: string): unknown {
  const error = toStorageError(thrown, directory);
  if (!(error instanceof ChatError) || error.reason !== "DISK_FULL") return thrown;
  const text = `Cannot restore into ${directory}: the disk is full; free some space and try again`;
  return new ChatError("DISK_FULL", text, { cause: thrown });
}
