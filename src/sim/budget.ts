/**
 * How much may go wrong at once: the promises of §1, asked before each fault. Owns who counts as
 * faulty, and until when; injects nothing.
 *
 * @module
 */

import { configQuorum } from "./quorum.ts";
import type { NodeId } from "../raft/types.ts";
import type { Cluster } from "./cluster.ts";
import type { Budget } from "./scenario.ts";
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
  /** Faulty nodes, with the virtual time before which they cannot have recovered. */
  readonly #faulty = new Map<NodeId, number>();
  /** Silences by ordered pair of nodes: since when, and until when. */
  readonly #silences = new Map<string, { since: number; until: number }>();
  /** Stalls and hangs too short to be faults; two that touch add up (§1). */
  readonly #pauses = new Map<NodeId, { since: number; until: number }>();
  #partitioned = false;

  constructor(cluster: Cluster, budget: Budget) {
    this.#cluster = cluster;
    this.#budget = budget;
  }

  get partitioned(): boolean {
    return this.#partitioned;
  }

  /** Whether this node may be faulty from now on, beside those that are. */
  allows(node: SimNode): boolean {
    if (this.#budget === "over") return true;
    this.#recover();
    const left = this.#cluster.nodes.filter((one) =>
      one !== node && one.ready && !this.#faulty.has(one.id)
    );
    return left.length > 0 && this.#survives(left, node);
  }

  /** The node is faulty until it is ready, and at least for `ms`. */
  note(node: SimNode, ms: number): void {
    const until = this.#cluster.world.now + ms + RECOVERY_MS;
    this.#faulty.set(node.id, Math.max(until, this.#faulty.get(node.id) ?? 0));
  }

  /**
   * Whether a stall or a hang of `ms` may be: as no fault if it is short and touches no other,
   * else as one. It is noted if so.
   */
  takesPause(node: SimNode, ms: number): boolean {
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
    this.note(node, ms);
    return true;
  }

  /**
   * Whether nothing may pass between two nodes for `ms`. Where it adds up to a partition it is
   * allowed only if `partitions` are judged or anything goes, and the run says so.
   */
  takesSilence(
    pair: { readonly from: SimNode; readonly to: SimNode },
    ms: number,
    partitions: boolean,
  ): boolean {
    const { short } = this.#silence(pair.from, pair.to, ms);
    if (!short && !partitions) return false;
    if (!short) this.#partitioned = true;
    this.#noteSilence(pair.from, pair.to, ms);
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

  settled(node: SimNode): void {
    this.#faulty.set(node.id, this.#cluster.world.now + RECOVERY_MS);
  }

  /** Forgets the faults of those that are ready again. */
  #recover(): void {
    const { world } = this.#cluster;
    for (const [id, until] of this.#faulty) {
      if (world.now >= until && this.#cluster.node(id).ready) this.#faulty.delete(id);
    }
  }

  /**
   * What the policy promises with only these nodes left (§1): also by a config that the one that
   * is to go has on its disk, and may have sent before.
   */
  #survives(left: readonly SimNode[], gone: SimNode): boolean {
    const { policy } = this.#cluster;
    if (policy.quorum === "all" && policy.lastResort) return true;
    const ids = new Set(left.map(({ id }) => id));
    return [...left, gone].every((node) =>
      openVoters(node).every((voters) => configQuorum(policy, voters, ids))
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
  return [...(known === null ? [] : [known]), ...later]
    .flatMap(({ config: { voters, learners } }) => {
      const ids = voters.map(({ id }) => id);
      return learners.length === 0 ? [ids] : [ids, [...voters, ...learners].map(({ id }) => id)];
    })
    // Places are ranks: the smallest address comes first.
    .map((ids) => ids.sort());
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
