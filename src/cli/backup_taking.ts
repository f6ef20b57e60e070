/**
 * Taking a backup of a running cluster: whom to ask, for what, and whom next when a member fails
 * meanwhile. Owns that a member which does not lead is asked as long as there is one, and that
 * everything acknowledged before is in it; the file is `src/storage`'s.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { AdminApi, BackupPart, StatusMember } from "../rpc/api.ts";
import type { BackupWriter } from "../storage/backup_writer.ts";
import { type AdminCluster, type ClusterStatus, isRefused } from "./admin_cluster.ts";
import { localTokenRefused } from "./admin_credentials.ts";

export interface TakingOptions {
  readonly cluster: AdminCluster;
  readonly writer: BackupWriter;
  /** Told how many rows have come, of how many. */
  readonly onRows: (rows: number, rowsTotal: number) => void;
  readonly remark: (text: string) => void;
  /** Aborted with the error to end with. */
  readonly signal: AbortSignal;
}

/** What is asked for: whom, and up to which index at least. */
interface Ask {
  readonly clusterId: string;
  readonly member: StatusMember;
  readonly atLeastIndex: number;
}

/** Writes a whole backup, unchecked yet. Throws the last failure if no member could give one. */
export async function takeBackup(options: TakingOptions): Promise<void> {
  const { cluster, remark, signal } = options;
  const failures = new Map<string, number>();
  for (let attempt = 1;;) {
    const ask = await chooseGiver(options, failures);
    const failure = await takeFrom(ask, options);
    signal.throwIfAborted();
    if (failure === null) return;
    const { id } = ask.member;
    if (cluster.isLocal && isRefused(failure)) throw localTokenRefused([id], { cause: failure });
    failures.set(id, (failures.get(id) ?? 0) + 1);
    // Somebody else's backup ends some time.
    if (failure.reason !== "OVERLOADED") attempt += 1;
    const over = attempt > limits.backupAttemptsMax ||
      cluster.clock.now() + limits.backupRetryMs >= cluster.deadlineMs;
    if (over) throw failure;
    remark(`${id} could not give the backup (${failure.message}); asking again`);
    await sleep(cluster, limits.backupRetryMs, signal);
  }
}

/** A voter that does not lead, accepts the token and failed least; the leader if it is alone. */
async function chooseGiver(
  { cluster, remark, signal }: TakingOptions,
  failures: ReadonlyMap<string, number>,
): Promise<Ask> {
  const { status, leader } = await statusWithLeader(cluster, signal);
  if (leader === undefined) {
    const why = status.refused.includes(status.leader)
      ? `The leader ${status.leader} does not accept this token`
      : "No leader answers";
    remark(`${why}: what others have acknowledged lately may be missing in the backup`);
  }
  const voters = status.members.filter(({ voter, reachable }) => voter && reachable);
  const others = voters.filter(({ id }) => id !== status.leader);
  const [member] = (others.length > 0 ? others : voters).toSorted((left, right) =>
    Number(status.refused.includes(left.id)) - Number(status.refused.includes(right.id)) ||
    (failures.get(left.id) ?? 0) - (failures.get(right.id) ?? 0) ||
    right.appliedIndex - left.appliedIndex
  );
  if (member === undefined) {
    const text = "Cannot take a backup as no voter answers; start one, or try again shortly";
    throw new ChatError("NO_LEADER", text);
  }
  const atLeastIndex = Math.max(...status.members.map(({ commitIndex }) => commitIndex));
  return { clusterId: status.clusterId, member, atLeastIndex };
}

/** The status once the leader itself answers, or after a while without one. */
async function statusWithLeader(
  cluster: AdminCluster,
  signal: AbortSignal,
): Promise<{ readonly status: ClusterStatus; readonly leader: StatusMember | undefined }> {
  const waitUntil = Math.min(cluster.deadlineMs, cluster.clock.now() + limits.backupWaitMsMax);
  while (true) {
    const status = await cluster.status();
    signal.throwIfAborted();
    // What others say of it has no commit index.
    const leader = status.members.find((one) => one.id === status.leader && one.commitIndex > 0);
    const isOver = leader !== undefined || cluster.clock.now() + limits.adminPollMs >= waitUntil;
    // A leader that refuses another one's token will not take it later.
    const isRefusing = cluster.isLocal && status.refused.includes(status.leader);
    if (isOver || isRefusing) return { status, leader };
    await cluster.pause();
  }
}

/** Writes what one member gives; the result says why it failed, if it did. */
async function takeFrom(
  { clusterId, member, atLeastIndex }: Ask,
  options: TakingOptions,
): Promise<ChatError | null> {
  const { cluster, writer, signal } = options;
  await writer.begin();
  const context = { deadlineMs: cluster.deadlineMs, signal, token: cluster.token };
  const api: AdminApi = cluster.member(member.clientAddress);
  const parts = api.backup({ atLeastIndex }, context)[Symbol.asyncIterator]();
  let rowsTotal = 0;
  try {
    while (true) {
      const next = await parts.next().catch((thrown) => ChatError.from(thrown));
      if (next instanceof ChatError) return next;
      if (next.done) return failed(member, "it ended too early");
      const part: BackupPart = next.value;
      if (part.kind === "header") {
        if (part.clusterId !== clusterId) return failed(member, "it is of another cluster now");
        rowsTotal = part.rowsTotal;
      }
      await writer.write(part);
      if (part.kind === "end") return null;
      options.onRows(writer.rows, rowsTotal);
    }
  } finally {
    await parts.return?.();
  }
}

function failed({ id }: StatusMember, why: string): ChatError {
  return new ChatError("NO_ANSWER", `Cannot take the backup of ${id}: ${why}`);
}

async function sleep(cluster: AdminCluster, ms: number, signal: AbortSignal): Promise<void> {
  const until = cluster.clock.now() + ms;
  while (cluster.clock.now() < until) {
    await cluster.pause();
    signal.throwIfAborted();
  }
}
