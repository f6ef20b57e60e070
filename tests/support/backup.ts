/**
 * Backup files as a member and an operator make them, without a network between. Owns the member,
 * which is a state with a few rows.
 *
 * @module
 */

import { silentLogger } from "../../src/node/logger.ts";
import { BackupServer } from "../../src/node/backup_server.ts";
import type { StateStore } from "../../src/node/ports.ts";
import { DEFAULT_POLICY } from "../../src/raft/state.ts";
import type { Entry, Policy } from "../../src/raft/types.ts";
import type { BackupPart } from "../../src/rpc/api.ts";
import type { VerifiedBackup } from "../../src/storage/backup_reader.ts";
import { BackupWriter } from "../../src/storage/backup_writer.ts";
import { openMemoryState } from "../../src/storage/state_store.ts";
import { termOf } from "../contract/log_entries.ts";
import { HandClock } from "./hand_clock.ts";
import { conversation } from "./state_log.ts";

/** No default, so that it can be seen to come from the backup. */
export const policy: Policy = { ...DEFAULT_POLICY, quorum: "majority", heartbeatMs: 50 };

/** Term that the member has promised; what it applied is of term 1. */
export const seenTerm = termOf(9);

/** A member "n1" of "cluster-1" with this state, which began term 1 at index 1. */
export function backupServer(state: Pick<StateStore, "openSnapshot">, clock = new HandClock()) {
  const status = { policy, term: seenTerm };
  return new BackupServer({
    identity: () => ({ nodeId: "n1", clusterId: "cluster-1" }),
    driver: { status: () => status as never, waitApplied: () => Promise.resolve() },
    log: {
      history: () =>
        Promise.resolve({ config: null, next: null, termStarts: [{ term: termOf(1), index: 1 }] }),
    },
    state,
    rowsIn: () => 1,
    clock,
    logger: silentLogger,
  });
}

/** What the member gives of a state that these entries come to. */
export async function backupParts(entries: readonly Entry[]): Promise<readonly BackupPart[]> {
  const state = await openMemoryState();
  try {
    await state.apply(entries);
    const context = { deadlineMs: Infinity, signal: new AbortController().signal };
    return await Array.fromAsync(backupServer(state).serve({ atLeastIndex: 0 }, context));
  } finally {
    await state.close();
  }
}

/** Writes a backup of Ann and Bob with so many messages between them. */
export async function writeBackup(path: string, messages: number): Promise<VerifiedBackup> {
  const writer = await BackupWriter.prepare(path, { overwrite: false });
  await writer.begin();
  for (const part of await backupParts(conversation(messages))) await writer.write(part);
  return await writer.finish(() => {});
}
