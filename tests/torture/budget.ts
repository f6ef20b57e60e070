/**
 * How much may go wrong at once: what README and DESIGN §1 promise for the policy, asked before
 * each fault, as `src/sim/budget.ts` does for simulated clusters. Owns who counts as faulty, and
 * until when; it injects nothing.
 *
 * @module
 */

import type { Policy } from "../../src/raft/types.ts";
import type { StatusResponse } from "../../src/rpc/api.ts";
import { configQuorum } from "../../src/sim/quorum.ts";

/** Silences of a pair shorter than this part of T are no partition, with a margin for the machine. */
const SHORT_PART = 0.5;
/** Silences of a pair closer together than this part of T count as one. */
const MERGED_WITHIN = 0.5;
/** A node whose fault has ended shows what became of it only after so many T. */
const SHOWS_AFTER = 1.5;

/** A place as the budget sees it. */
export interface BudgetPlace {
  readonly name: string;
  readonly id: string;
  mayEnd: "removed" | "damaged" | "full disk" | null;
  /** Whether the node says that it serves. */
  ready(): Promise<boolean>;
  /** How the node sees the cluster; `null` if it does not answer. */
  status(): Promise<Pick<StatusResponse, "members"> | null>;
}

/** One way between two places. */
export interface Way {
  readonly from: Pick<BudgetPlace, "name">;
  readonly to: Pick<BudgetPlace, "name">;
}

export interface BudgetOptions {
  readonly nodes: {
    /** Members that the cluster is to have. */
    readonly count: number;
    readonly running: readonly BudgetPlace[];
  };
  readonly policy: Policy;
  /** Resolves with whether a write that began after the call was acknowledged soon. */
  readonly confirm: () => Promise<boolean>;
  /** Monotonic ms; this process's if not given. */
  readonly now?: () => number;
}

/** Faulty nodes and silent ways of a run. */
export class Budget {
  readonly #options: BudgetOptions;
  readonly #now: () => number;
  /** Faulty places, with the time before which they cannot count as recovered, ms. */
  readonly #faulty = new Map<BudgetPlace, number>();
  readonly #silences = new Map<string, { since: number; until: number }>();
  /** Under `all` with the last resort on: a long silence lasts, or not everybody is back. */
  #alone = false;
  /** Whether there was a partition since the last {@linkcode Budget.takePartitioned}. */
  #partitioned = false;

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether the cluster may go on by one node, so that a partition may cost what both took. */
  get livesByOne(): boolean {
    const { quorum, lastResort } = this.#options.policy;
    return quorum === "all" && lastResort;
  }

  /** Whether there was a partition since the last call. */
  takePartitioned(): boolean {
    const before = this.#partitioned;
    this.#partitioned = false;
    return before;
  }

  /** The place is faulty until it is ready again, and at least for `ms`. */
  note(place: BudgetPlace, ms: number): void {
    const until = this.#now() + ms + SHOWS_AFTER * this.#options.policy.failureTimeoutMs;
    this.#faulty.set(place, Math.max(until, this.#faulty.get(place) ?? 0));
  }

  /** Whether this place may be faulty from now on, beside those that are. */
  async allows(place: BudgetPlace): Promise<boolean> {
    const left = (await this.#healthy()).filter((one) => one !== place);
    if (left.length === 0 || this.#alone) return false;
    return this.livesByOne || await this.#quorumWithout(place, left);
  }

  /** Whether this place may lose its data: nothing else that it depends on may be cut off. */
  async allowsLoss(place: BudgetPlace): Promise<boolean> {
    return !this.#isCut() && await this.allows(place);
  }

  /** Whether everybody is well: what hits all at once asks for that. */
  async allWell(): Promise<boolean> {
    const healthy = await this.#healthy();
    return !this.#alone && !this.#isCut() &&
      this.#options.nodes.running.every((place) => healthy.includes(place)) &&
      healthy.length >= this.#options.nodes.count;
  }

  /** Whether a stall of `ms` may be: as no fault if it is short, else as one. Noted if so. */
  async takesPause(place: BudgetPlace, ms: number): Promise<boolean> {
    const { heartbeatMs, failureTimeoutMs } = this.#options.policy;
    const others = this.#options.nodes.running.filter((one) => one !== place);
    const ways = others.flatMap((
      other,
    ) => [{ from: place, to: other }, { from: other, to: place }]);
    const short = ms < failureTimeoutMs / 2 - heartbeatMs;
    if (short && ways.every((way) => this.#isShort(way, ms))) {
      for (const way of ways) this.#noteSilence(way, ms);
      return true;
    }
    if (!await this.allows(place)) return false;
    this.note(place, ms);
    return true;
  }

  /**
   * Whether nothing may pass these ways for `ms`. Where the last node goes on alone, a silence
   * that is no short one must be the only trouble there is, and end before anybody may do that.
   */
  async takesSilence(ways: readonly Way[], ms: number): Promise<boolean> {
    if (!ways.every((way) => this.#isShort(way, ms))) {
      if (this.livesByOne) {
        if (ms > this.longestSilenceMs || !await this.allWell()) return false;
        this.#alone = true;
        for (const place of this.#options.nodes.running) this.note(place, ms);
      }
      this.#partitioned = true;
    }
    for (const way of ways) this.#noteSilence(way, ms);
    return true;
  }

  /**
   * Whether two sides may be parted for up to `ms` so that both go on, which they do with the last
   * resort on alone: it must be the only trouble there is. {@linkcode Budget.recovers} ends it.
   */
  async takesSplit(ms: number): Promise<boolean> {
    const { running } = this.#options.nodes;
    if (!this.livesByOne || running.length < 2 || !await this.allWell()) return false;
    this.#alone = true;
    this.#partitioned = true;
    for (const place of running) this.note(place, ms);
    return true;
  }

  /** What the place was noted for is over: it is faulty until it is ready again. */
  recovers(place: BudgetPlace): void {
    this.#faulty.delete(place);
    this.note(place, 0);
  }

  /** Longest silence that is no partition, ms. */
  get shortSilenceMs(): number {
    return this.#options.policy.failureTimeoutMs * SHORT_PART;
  }

  /** Longest silence that may be at all, ms. */
  get longestSilenceMs(): number {
    const { failureTimeoutMs, isolationGraceMs } = this.#options.policy;
    return this.livesByOne ? (failureTimeoutMs + isolationGraceMs) * 0.6 : Infinity;
  }

  /** Places that run and serve, and that no fault has hit since. */
  async #healthy(): Promise<readonly BudgetPlace[]> {
    const { running } = this.#options.nodes;
    const ready = await Promise.all(running.map((place) => place.ready()));
    const now = this.#now();
    for (const [index, place] of running.entries()) {
      if (ready[index] && now >= (this.#faulty.get(place) ?? Infinity)) {
        this.#faulty.delete(place);
        if (place.mayEnd === "full disk") place.mayEnd = null;
      }
    }
    if (this.#faulty.size === 0) this.#alone = false;
    // What is on damaged files counts for nothing, whatever the node says.
    return running.filter((place, index) =>
      ready[index] && !this.#faulty.has(place) && place.mayEnd !== "damaged"
    );
  }

  /** A place that is empty for good is nobody's fault. */
  forget(place: BudgetPlace): void {
    this.#faulty.delete(place);
  }

  /** Whether those left are a quorum of every config that may be in force (§1, §4). */
  async #quorumWithout(place: BudgetPlace, left: readonly BudgetPlace[]): Promise<boolean> {
    const asked = [...left, place];
    const before = await Promise.all(asked.map((one) => one.status()));
    // What was acknowledged since then says that this config is committed (§4).
    if (!await this.#options.confirm()) return false;
    const now = await Promise.all(asked.map((one) => one.status()));
    const has = new Set(left.map(({ id }) => id));
    return now.every((status, index) => {
      const old = before[index];
      if (status === null || old === null || old === undefined) return false;
      const voters = votersOf(status);
      if (voters.join() !== votersOf(old).join()) return false;
      return [voters, membersOf(status)]
        .every((ids) => configQuorum(this.#options.policy, ids, has));
    });
  }

  #isCut(): boolean {
    const now = this.#now();
    return [...this.#silences.values()].some(({ until }) => until > now);
  }

  #isShort(way: Way, ms: number): boolean {
    const { since, until } = this.#silenceWith(way, ms);
    return until - since < this.shortSilenceMs;
  }

  #noteSilence(way: Way, ms: number): void {
    this.#silences.set(keyOf(way), this.#silenceWith(way, ms));
  }

  /** Silences that overlap, or nearly touch, add up. */
  #silenceWith(way: Way, ms: number): { since: number; until: number } {
    const now = this.#now();
    const old = this.#silences.get(keyOf(way));
    const gap = this.#options.policy.failureTimeoutMs * MERGED_WITHIN;
    if (old === undefined || now > old.until + gap) return { since: now, until: now + ms };
    return { since: old.since, until: Math.max(now, old.until) + ms };
  }
}

function keyOf({ from, to }: Way): string {
  return `${from.name}>${to.name}`;
}

/** Voters by rank: the smallest address first. */
function votersOf(status: Pick<StatusResponse, "members">): readonly string[] {
  return idsByRank(status.members.filter(({ voter }) => voter));
}

/** With the learners: what makes a voter of one may be on its way. */
function membersOf(status: Pick<StatusResponse, "members">): readonly string[] {
  return idsByRank(status.members);
}

function idsByRank(members: StatusResponse["members"]): readonly string[] {
  const port = (address: string) => Number(address.split(":").at(-1));
  return members
    .toSorted((left, right) => port(left.peerAddress) - port(right.peerAddress))
    .map(({ id }) => id);
}
