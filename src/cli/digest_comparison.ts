/**
 * The members' databases compared at one index, while people write, too. Owns at which index they
 * are asked for their digests, and who is waited for how long; it never prints (see `admin.ts`).
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { DigestResponse, StatusMember } from "../rpc/api.ts";
import { type AdminCluster, isRefused } from "./admin_cluster.ts";
import { localTokenRefused } from "./admin_credentials.ts";

/** By how much the index of a digest lies ahead of what is applied, at first, ms of writes. */
const AHEAD_MS_MIN = 100;

/** Digests at one index. */
export interface Comparison {
  readonly digests: readonly DigestResponse[];
  /** Ids of members that gave none. */
  readonly missing: readonly string[];
}

/** What members answered who were asked for their digests. */
interface Answers {
  readonly digests: readonly DigestResponse[];
  /** A voter did not want to. */
  readonly refusal?: ChatError;
  /** A voter had not come to the index yet: it is behind, or writes go on slower than before. */
  readonly late: boolean;
}

/**
 * Digests of the members that answer, at one index that all of them had applied. A voter that is
 * behind is waited for until the deadline. `undefined` if they were never seen at one index by then.
 */
export async function compareDigests(admin: AdminCluster): Promise<Comparison | undefined> {
  const status = await admin.status();
  // Whoever is silent now would hold up each look at the others.
  const speaking = new Set([...status.answered, ...status.refused]);
  const members = status.members.filter(({ id }) => speaking.has(id));
  // Whom a last resort left behind may have what the others have not.
  const expected = [...status.members, ...status.missing].map(({ id }) => id);
  const found = new CommonIndex(expected);
  let aheadMs = AHEAD_MS_MIN;
  let atLeastIndex = isAtRest(status.members)
    ? newestOf(status.members)
    : await indexIn(admin, members, aheadMs);
  // A member may be behind a change of the admin token, but not for long.
  const refusedUntil = Math.min(admin.deadlineMs, admin.clock.now() + limits.adminCallMsMax) -
    limits.adminPollMs;
  let partial: Comparison | undefined;
  while (admin.clock.now() < admin.deadlineMs) {
    const { digests, refusal, late } = await digestsAt(admin, members, atLeastIndex);
    if (refusal !== undefined) {
      if (admin.isLocal || admin.clock.now() >= refusedUntil) throw refusal;
      await admin.pause();
      continue;
    }
    if (digests.length === 0 && !late) {
      if (partial !== undefined) break;
      throw noDigest(admin);
    }
    const comparison = found.take(digests);
    if (comparison !== undefined && !late) return comparison;
    partial = comparison ?? partial;
    atLeastIndex = await indexIn(admin, members, aheadMs);
    aheadMs = Math.min(2 * aheadMs, limits.catchUpWaitMsMax / 2);
  }
  return partial;
}

/** All digests so far, of which those at one index are looked for. */
class CommonIndex {
  readonly #expected: readonly string[];
  readonly #seen = new Map<number, Map<string, DigestResponse>>();

  constructor(expected: readonly string[]) {
    this.#expected = expected;
  }

  /** Those of all who answered now, at an index at which each of them was seen. */
  take(answers: readonly DigestResponse[]): Comparison | undefined {
    for (const answer of answers) {
      const row = this.#seen.get(answer.appliedIndex) ?? new Map<string, DigestResponse>();
      this.#seen.set(answer.appliedIndex, row.set(answer.id, answer));
      if (!answers.every(({ id }) => row.has(id))) continue;
      const digests = answers.map(({ id }) => row.get(id) ?? answer);
      const missing = new Set(this.#expected);
      for (const { id } of digests) missing.delete(id);
      return { digests, missing: [...missing] };
    }
    return undefined;
  }
}

/**
 * The index that the cluster will have come to in so many ms, if it goes on as it does now: each
 * member stops there for its digest, if it hears of that before. 0 if none of them answers.
 */
async function indexIn(
  admin: AdminCluster,
  members: readonly StatusMember[],
  ms: number,
): Promise<number> {
  const before = await appliedBy(admin, members);
  const beganMs = admin.clock.now();
  await admin.pause();
  const now = await appliedBy(admin, members);
  return now + Math.ceil((now - before) * ms / Math.max(1, admin.clock.now() - beganMs));
}

/** The newest index that any of these says is applied. */
async function appliedBy(admin: AdminCluster, members: readonly StatusMember[]): Promise<number> {
  const answers = await Promise.allSettled(
    members.map(({ clientAddress }) => admin.statusOf(clientAddress)),
  );
  return newestOf(answers.flatMap((one) => one.status === "fulfilled" ? one.value.members : []));
}

async function digestsAt(
  admin: AdminCluster,
  members: readonly StatusMember[],
  atLeastIndex: number,
): Promise<Answers> {
  const answers = await Promise.allSettled(
    members.map(({ clientAddress }) => digestOf(admin, clientAddress, atLeastIndex)),
  );
  const digests = answers.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  // A comparison without a voter would hide what it has; who joins may know no token yet.
  const failed = members.flatMap(({ id, voter }, place) => {
    const answer = answers[place];
    const isOne = voter && answer?.status === "rejected";
    return isOne ? [{ id, cause: ChatError.from(answer.reason) }] : [];
  });
  const late = failed.some(({ cause }) => cause.reason === "NOT_UP_TO_DATE");
  const refused = failed.filter(({ cause }) => isRefused(cause));
  if (refused[0] === undefined) return { digests, late };
  const { cause } = refused[0];
  const ids = refused.map(({ id }) => id);
  return { digests, late, refusal: admin.isLocal ? localTokenRefused(ids, { cause }) : cause };
}

function noDigest(admin: AdminCluster): ChatError {
  const why = admin.clock.now() < admin.deadlineMs
    ? "as no member answers; try again"
    : "in time: that of a large database takes longer; give a longer --timeout";
  return new ChatError("NOT_UP_TO_DATE", `Cannot read a digest ${why}`);
}

/** A large state takes its time: it is waited for, but only as long as its node tells its status. */
async function digestOf(
  admin: AdminCluster,
  address: string,
  atLeastIndex: number,
): Promise<DigestResponse> {
  const silent = new AbortController();
  const look = async () => {
    try {
      await admin.statusOf(address);
    } catch (error) {
      // Who says that it has too much to do is no silent one.
      if (ChatError.from(error).reason !== "OVERLOADED") silent.abort(error);
    }
  };
  const { clock, deadlineMs, token } = admin;
  const unwatch = clock.every(limits.adminCallMsMax, () => void look());
  const late = clock.timeout(Math.max(0, deadlineMs - clock.now()));
  const signal = AbortSignal.any([silent.signal, late]);
  try {
    return await admin.member(address).digest({ atLeastIndex }, { deadlineMs, signal, token });
  } finally {
    unwatch();
  }
}

/** Nothing is being written, as far as all of them show: all will be found where they are now. */
function isAtRest(members: readonly StatusMember[]): boolean {
  const newest = newestOf(members);
  return members.every((one) => one.appliedIndex === newest && one.lastIndex === newest);
}

function newestOf(members: readonly StatusMember[]): number {
  return Math.max(0, ...members.map(({ appliedIndex }) => appliedIndex));
}
