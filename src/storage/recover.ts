/**
 * `admin recover --force` on a stopped directory (DESIGN §7, "Operator"): makes its node the only
 * voter of a higher epoch, marked, so that what others acknowledged meanwhile is noticed when
 * they meet. Owns what that means for the log and what is said about it; asks nobody.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { changeConfig, findMember } from "../raft/config.ts";
import { markOf } from "../raft/side.ts";
import { maxTerm, nextTerm } from "../raft/term.ts";
import type {
  ConfigEntry,
  Entry,
  Index,
  LogPosition,
  Member,
  NodeId,
  PersistBatch,
  StoredState,
} from "../raft/types.ts";
import { chain } from "./checksum.ts";
import type { DataDirectory } from "./data_directory.ts";
import { placeOf } from "./log_schema.ts";

/** What a recovery would do, before it is done. */
export interface Recovery {
  readonly clusterId: string;
  /** Epoch of every term from then on. */
  readonly epoch: number;
  /** Sentences for the operator: what there is. */
  readonly has: readonly string[];
  /** Sentences for the operator: what may be lost. */
  readonly mayLose: readonly string[];
  readonly batch: PersistBatch;
}

/**
 * Reads a stopped directory and says what a recovery would do; changes nothing. Throws
 * `INVALID_ARGUMENT` if its node cannot go on alone: it never was a member, or was removed; and
 * `CORRUPT` if its state cannot be used, since it would not start then.
 */
export async function planRecovery(directory: DataDirectory): Promise<Recovery> {
  const { log, identity } = directory;
  // Enough to have the last entry and, of each config, its place.
  const stored = await log.load(1);
  const committed = await log.positionAt(stored.commitIndex);
  assert(committed !== null, "The commit index is on the log");
  const plan = planForcedConfig(stored, { nodeId: identity.nodeId, committed });
  const rows = await describeRows(directory);
  const owner = `This is node ${identity.nodeId} of cluster ${identity.clusterId}; ${rows}`;
  return { clusterId: identity.clusterId, ...plan, has: [owner, ...plan.has] };
}

/** What the state holds. One that is missing is made from a whole log when the node starts. */
async function describeRows(directory: DataDirectory): Promise<string> {
  const { log, path } = directory;
  if (log.base.index === 0 && !existsSync(join(path, log.currentStateFile()))) {
    return "its database is missing, and is made again from its log.";
  }
  const state = await directory.openState({ keepsOthers: true });
  try {
    const [row] = await state.reader.query(
      `SELECT (SELECT count(*) FROM accounts WHERE deleted_at_ms IS NULL) AS accounts,
        (SELECT count(*) FROM messages) AS messages`,
    );
    return `its database has ${row?.accounts} accounts and ${row?.messages} messages, up to ` +
      `index ${state.applied().index}.`;
  } finally {
    await state.close();
  }
}

/** Carries out a plan of {@linkcode planRecovery}, in one transaction. */
export async function carryOut(directory: DataDirectory, recovery: Recovery): Promise<void> {
  // A torn end of the node's last start must not lie behind what is written now.
  await directory.log.settle();
  await directory.log.persist([recovery.batch]);
}

/** The pure part: the entry that makes `nodeId` the only voter, and what that may lose. */
export function planForcedConfig(
  stored: StoredState,
  node: { readonly nodeId: NodeId; readonly committed: LogPosition },
): Omit<Recovery, "clusterId"> {
  const { committed, nodeId } = node;
  const configs = [...(stored.base.config === null ? [] : [stored.base.config]), ...stored.configs];
  const newest = configs.at(-1);
  const c0 = configs.findLast((entry) => entry.index <= committed.index) ?? null;
  const self = newest === undefined ? undefined : findMember(newest.config, nodeId);
  if (newest === undefined || self === undefined) throw notMember(nodeId);
  const open = configs.filter((config) => config.index >= (c0?.index ?? 0));
  const entry = forcedEntry(stored, { open, newest, c0, self, committed });
  return {
    epoch: entry.term.epoch,
    has: describeLog({ commitIndex: committed.index, lastIndex: entry.index - 1 }),
    mayLose: describeLosses(newest, { self, lastIndex: entry.index - 1 }),
    batch: { number: 1, promised: entry.term, commitIndex: entry.index, entries: [entry] },
  };
}

function forcedEntry(
  stored: StoredState,
  known: {
    readonly open: readonly ConfigEntry[];
    readonly newest: ConfigEntry;
    readonly c0: ConfigEntry | null;
    readonly self: Member;
    readonly committed: LogPosition;
  },
): Entry {
  const { open, newest, c0, self, committed } = known;
  const last = stored.entries.at(-1) ?? stored.base;
  const term = nextTerm(maxTerm(stored.promised, last.term), self.id, true);
  const fork = { base: placeOf(committed), configs: open.map(({ config }) => config) };
  const mark = markOf(newest.config.mark, fork, { voters: [self], term, forced: true });
  const config = changeConfig(newest.config, {
    voters: [self],
    learners: [],
    mark,
    c0Index: c0?.index ?? 0,
  });
  const index = last.index + 1;
  const body = { kind: "config", config } as const;
  return { index, term, checksum: chain(last.checksum, index, term, body), ...body };
}

/** What a log has, and what counts of it. */
export function describeLog(
  { commitIndex, lastIndex }: { readonly commitIndex: Index; readonly lastIndex: Index },
): string[] {
  const log = `This node's log ends at index ${lastIndex}; it knows that everything up to index ` +
    `${commitIndex} is committed, and keeps all of it.`;
  if (lastIndex === commitIndex) return [log];
  return [log, "What is after that may never have been acknowledged, and counts from now on."];
}

function describeLosses(
  newest: ConfigEntry,
  { self, lastIndex }: { readonly self: Member; readonly lastIndex: Index },
): string[] {
  const others = newest.config.voters.filter((voter) => voter.id !== self.id);
  if (others.length === 0) {
    return ["It is the only voter of its newest configuration: nothing is lost."];
  }
  const names = others.map(({ id, peerAddress }) => `${id} (${peerAddress})`).join(", ");
  return [
    `Messages that others acknowledged without this node, after index ${lastIndex}, are lost ` +
    `unless one of them is met again: ${names}.`,
    "If one of them still runs, or starts later, there are two clusters until they meet.",
  ];
}

function notMember(nodeId: NodeId): ChatError {
  const text = `Cannot recover node ${nodeId}: its newest configuration does not have it as a ` +
    "member; recover the directory of one that is, or make a new cluster of what this one holds " +
    "with admin backup FILE --from DIR and admin restore";
  return new ChatError("INVALID_ARGUMENT", text);
}
