/**
 * How much may go wrong at once: the promises of §1, asked before each fault. Owns who counts as
 * faulty, and until when; injects nothing.
 *
 * @module
 */

import { configQuorum } from "./quorum.ts";
import type { ConfigEntry, Member, NodeId } from "../raft/types.ts";
import type { Cluster } from "./cluster.ts";
import type { Budget, ScenarioConfig } from "./scenario.ts";
import type { Pair } from "./partition_shapes.ts";
import type { SimNode } from "./sim_node.ts";

/** After a stall or a hang a node is looked at again this much later: it has had its turn, ms. */
const RECOVERY_MS = 60;

/** Silences of a pair closer together than this count as one, as parts of T. */
const MERGED_WITHIN = 0.5;

/** A pair that is silent for this part of T may miss its lease: it counts as partitioned. */
const PARTITIONED_AT = 0.75;

/** Faulty nodes and silent pairs of one run. */
export class FaultBudget {
  readonly #cluster: Cluster;
  readonly #budget: Budget;
  /** The log is compacted after a few entries. */
  readonly #compacts: boolean;
  /** Faulty nodes, with the virtual time before which they cannot have recovered. */
  readonly #faulty = new Map<NodeId, number>();
  /** Until when what was noted lasts, whatever else is over before: a disk hangs on at a restart. */
  readonly #lasts = new Map<NodeId, number>();
  /** Silences by ordered pair of nodes: since when, and until when. */
  readonly #silences = new Map<string, { since: number; until: number }>();
  /** The end of the last silence that was long enough for a node to be dropped. */
  #longUntil = 0;
  /** Stalls and hangs too short to be faults; two that touch add up (§1). */
  readonly #pauses = new Map<NodeId, { since: number; until: number }>();
  #partitioned = false;
  /** Disks that are gone for good, or must count as gone. */
  readonly #lost = new Set<NodeId>();
  /** No fault may be at the moment. */
  #held = false;

  constructor(
    cluster: Cluster,
    { budget, logTailEntries }: Pick<ScenarioConfig, "budget" | "logTailEntries">,
  ) {
    this.#cluster = cluster;
    this.#budget = budget;
    this.#compacts = logTailEntries != null;
  }

  /** Whether the policy promises that writes are accepted once the faults are over (§1). */
  promisesWrites(ending: ScenarioConfig["ending"]): boolean {
    // Beyond the promise everybody has to come back, also to hand over what one side alone has.
    return this.#budget === "in" || (ending === "everyone" && this.#lost.size === 0);
  }

  /** Whether this node may be faulty from now on, beside those that are. */
  allows(node: SimNode): boolean {
    if (this.#held) return false;
    return this.#budget === "over" || this.#isWithin(node);
  }

  /**
   * Whether an operator may remove it: not where sides may have parted, since what it alone has
   * then goes with it, as the command says beforehand.
   */
  allowsRemoval(node: SimNode): boolean {
    return this.allowsLater(node) && !(this.#forks && this.#partitioned);
  }

  /**
   * The same of a fault that comes some time later: not in a long silence, in which the others drop
   * whom they do not hear, so that by then they may need this very node.
   */
  allowsLater(node: SimNode): boolean {
    return this.allows(node) && !this.#driftsApart;
  }

  /** Whether the node's disk may go for good: never more of them than the policy can lose. */
  allowsLoss(node: SimNode): boolean {
    return !this.#held && this.#isWithin(node);
  }

  /** The same of a disk of which it shows some time later. */
  allowsLaterLoss(node: SimNode): boolean {
    return this.allowsLoss(node) && !this.#driftsApart;
  }

  /** Within the promise, where only a quorum goes on: a side may be without some of the others now. */
  get #driftsApart(): boolean {
    return this.#keepsQuorum && this.#cluster.world.now < this.#longUntil;
  }

  get #keepsQuorum(): boolean {
    return this.#budget === "in" && !this.#forks;
  }

  /** Whether a node that lives will be gone at some moment. */
  get #awaitsFault(): boolean {
    return this.#cluster.nodes.some((node) =>
      node.alive && !node.isCopy && this.#faulty.get(node.id) === Infinity
    );
  }

  /** The node's disk is gone from now on, or must be taken for gone. */
  lose(node: SimNode): void {
    this.#lost.add(node.id);
    this.#faulty.set(node.id, Infinity);
  }

  /** It is not, after all. */
  regain(node: SimNode): void {
    this.#lost.delete(node.id);
    this.settled(node);
  }

  /**
   * Whether all may lose power at once: within the promise only if nobody is missing that a view
   * which may be in force needs, since all of its voters have to come back (§1).
   */
  takesBlackout(): boolean {
    if (this.#held) return false;
    const { nodes } = this.#cluster;
    const live = nodes.filter((node) => node.alive);
    if (this.#budget === "in") {
      const sound = new Set(this.#sound().map(({ id }) => id));
      const whole = live.every((node) =>
        sound.has(node.id) && openVoters(node).every((ids) => ids.every((id) => sound.has(id)))
      );
      if (!whole) return false;
    }
    for (const node of live) this.note(node, 0);
    return true;
  }

  /** A time without any fault, and in which nobody starts. */
  get quiet(): boolean {
    return this.#held;
  }

  /** Whether a time without any fault may begin; it does so until `release`. */
  takesQuiet(): boolean {
    const { now } = this.#cluster.world;
    const silent = [...this.#silences.values()].some(({ until }) => until > now);
    const begun = this.#cluster.nodes.filter((node) => node.alive || node.down);
    if (this.#held || silent || this.#sound().length < begun.length) return false;
    this.#held = true;
    return true;
  }

  release(): void {
    this.#held = false;
  }

  #isWithin(node: SimNode): boolean {
    const left = this.#sound().filter((one) => one !== node);
    return left.length > 0 && this.#survives(left, node);
  }

  /** Nodes that are ready and not faulty. */
  #sound(): readonly SimNode[] {
    this.#recover();
    return this.#cluster.nodes.filter((one) =>
      one.ready && !one.isCopy && !this.#faulty.has(one.id)
    );
  }

  /**
   * Whether a cluster may be parted for T or longer: where only the side with a quorum goes on,
   * always. Where the last resort lets both go on nothing is promised within the budget, and they
   * heal by themselves only if each still has the log since the fork (§9).
   */
  get #splitsHeal(): boolean {
    return !this.#forks || (this.#budget === "over" && !this.#compacts);
  }

  get #forks(): boolean {
    const { policy } = this.#cluster;
    return policy.quorum === "all" && policy.lastResort;
  }

  /** The node is faulty until it is ready, and at least for `ms`. */
  note(node: SimNode, ms: number): void {
    const until = this.#cluster.world.now + ms + RECOVERY_MS;
    this.#lasts.set(node.id, Math.max(until, this.#lasts.get(node.id) ?? 0));
    this.#faulty.set(node.id, Math.max(until, this.#faulty.get(node.id) ?? 0));
  }

  /**
   * Whether a stall or a hang of `ms` may be: as no fault if it is short and touches no other,
   * else as one. It is noted if so.
   */
  takesPause(node: SimNode, ms: number): boolean {
    if (this.#held) return false;
    const { world, policy } = this.#cluster;
    const gap = policy.heartbeatMs + RECOVERY_MS;
    const merged = merge(
      this.#pauses.get(node.id),
      { since: world.now, until: world.now + ms },
      gap,
    );
    // A heartbeat's margin: what the loop itself takes comes on top.
    const short = merged.until - merged.since < policy.failureTimeoutMs / 2 - policy.heartbeatMs;
    if (short) {
      const others = this.#cluster.nodes.filter((one) => one !== node);
      const quiet = others.every((other) =>
        this.#silence(node, other, ms).short && this.#silence(other, node, ms).short
      );
      if (quiet) {
        for (const other of others) {
          this.#noteSilence(node, other, ms);
          this.#noteSilence(other, node, ms);
        }
        this.#pauses.set(node.id, merged);
        return true;
      }
    }
    if (!this.allows(node)) return false;
    this.#pauses.set(node.id, merged);
    // Ready again is who was granted something since: its next ping is a heartbeat later at most.
    this.note(node, ms + policy.heartbeatMs);
    return true;
  }

  /**
   * Whether nothing may pass between nodes for `ms`. Where it adds up to a partition it may be as
   * long as it likes if its sides find together again: all is promised once it is over.
   */
  takesSilences(pairs: readonly Pair[], ms: number): boolean {
    if (this.#held) return false;
    const short = pairs.every(({ from, to }) => this.#silence(from, to, ms).short);
    if (!short && !this.#splitsHeal) return false;
    if (!short) {
      if (this.#keepsQuorum && this.#awaitsFault) return false;
      this.#longUntil = Math.max(this.#longUntil, this.#cluster.world.now + ms);
      if (!this.#partitioned) this.#cluster.recorder.fact({ kind: "partitioned" });
      this.#partitioned = true;
    }
    for (const { from, to } of pairs) this.#noteSilence(from, to, ms);
    return true;
  }

  #silence(from: SimNode, to: SimNode, ms: number): { readonly short: boolean } {
    const { policy } = this.#cluster;
    const { since, until } = this.#silenceWith(from, to, ms);
    return { short: until - since < policy.failureTimeoutMs * PARTITIONED_AT };
  }

  #noteSilence(from: SimNode, to: SimNode, ms: number): void {
    this.#silences.set(`${from.id}>${to.id}`, this.#silenceWith(from, to, ms));
  }

  /** Silences that overlap add up: what one has held back meets the other. */
  #silenceWith(from: SimNode, to: SimNode, ms: number): Span {
    const { world, policy } = this.#cluster;
    const old = this.#silences.get(`${from.id}>${to.id}`);
    const begins = Math.max(world.now, old?.until ?? 0);
    const added = { since: world.now, until: begins + ms };
    return merge(old, added, policy.failureTimeoutMs * MERGED_WITHIN);
  }

  /** The node will be gone at some moment from now on; faulty at least until `settled`. */
  expect(node: SimNode): void {
    this.#faulty.set(node.id, Infinity);
  }

  /** It may recover from now on; not one whose disk is gone, whatever else is over. */
  settled(node: SimNode): void {
    if (this.#lost.has(node.id)) return;
    const until = this.#cluster.world.now + RECOVERY_MS;
    this.#faulty.set(node.id, Math.max(until, this.#lasts.get(node.id) ?? 0));
  }

  /** Forgets the faults of those that are ready again, or whose place a copy has taken. */
  #recover(): void {
    const { world, nodes } = this.#cluster;
    for (const [id, until] of this.#faulty) {
      const node = nodes.find((one) => one.id === id && !one.isCopy);
      if (node === undefined || (world.now >= until && node.ready)) this.#faulty.delete(id);
    }
  }

  /**
   * What the policy promises with only these nodes left (§1): also by a config that the one that
   * is to go has on its disk, or one that is down, and may have sent before.
   */
  #survives(left: readonly SimNode[], gone: SimNode): boolean {
    const { policy } = this.#cluster;
    if (this.#forks) return true;
    const ids = new Set(left.map(({ id }) => id));
    const live = [...left, gone];
    const committed = Math.max(...live.map((node) => node.status()?.commitIndex ?? 0));
    const sent = this.#cluster.nodes.filter((node) => node.down && !node.isCopy)
      .flatMap((node) => votersOf(node.image.configs().filter(({ index }) => index > committed)));
    return [...live.flatMap(openVoters), ...sent].every((voters) =>
      configQuorum(policy, voters, ids)
    );
  }
}

/**
 * Voters of every config that may be in force for a node: from its C0 on, and with its learners,
 * since what makes a voter of one may be on its way when the learner dies.
 */
function openVoters(node: SimNode): readonly (readonly NodeId[])[] {
  const commitIndex = node.status()?.commitIndex ?? 0;
  const known = node.image.configAt(commitIndex);
  const later = node.image.configs().filter(({ index }) => index > commitIndex);
  return votersOf([...(known === null ? [] : [known]), ...later]);
}

function votersOf(configs: readonly ConfigEntry[]): readonly (readonly NodeId[])[] {
  return configs
    .flatMap(({ config: { voters, learners } }) =>
      learners.length === 0 ? [voters] : [voters, [...voters, ...learners]]
    )
    .map((members) => members.toSorted(byRank).map(({ id }) => id));
}

/** Hosts here have one digit that tells them apart. */
function byRank(one: Member, other: Member): number {
  return one.peerAddress < other.peerAddress ? -1 : 1;
}

interface Span {
  since: number;
  until: number;
}

/** One span of the two if they touch within `gap`, else the new one. */
function merge(old: Span | undefined, added: Span, gap: number): Span {
  if (old === undefined || added.since > old.until + gap) return added;
  return { since: old.since, until: Math.max(old.until, added.until) };
}
