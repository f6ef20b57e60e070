/**
 * A simulated cluster: the nodes, what lies between them, and one record of what they did. Owns
 * their making and the moment at which the first of them serves; faults and clients act on it
 * from outside.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { KEPT_BOUNDS, type KeptBounds } from "../node/driver_options.ts";
import { bootstrapConfig } from "../raft/config.ts";
import type { Chain } from "../raft/io.ts";
import { createCore } from "../raft/core.ts";
import { compareTerms } from "../raft/term.ts";
import type { Member, NodeId, PersistBatch, Policy, Term } from "../raft/types.ts";
import { chain } from "../storage/checksum.ts";
import { ModelState } from "./model_state.ts";
import { quickChain } from "./quick_chain.ts";
import { Recorder } from "./recorder.ts";
import type { ScenarioConfig, Target } from "./scenario.ts";
import { SimNetwork } from "./sim_network.ts";
import { SimNode } from "./sim_node.ts";
import type { NodeParts } from "./sim_node_options.ts";
import type { SimState } from "./sim_state.ts";
import type { World } from "./world.ts";

/** Production's parts. */
export const SOUND_PARTS: NodeParts = {
  createCore,
  wrapLog: (log) => log,
  wrapState: (state) => state,
};

/** How often a node without a config asks to be taken in, ms. */
const JOIN_RETRY_MS = 150;

/** All nodes of a run, in rank order. */
export class Cluster {
  readonly world: World;
  readonly network: SimNetwork;
  readonly recorder: Recorder;
  readonly policy: Policy;
  readonly nodes: readonly SimNode[];
  #sparesUsed = 0;
  readonly #voters: number;
  readonly #chain: Chain;

  constructor(world: World, options: {
    readonly config: ScenarioConfig;
    readonly parts: NodeParts;
    readonly states: readonly SimState[];
  }) {
    const { config, parts, states } = options;
    this.world = world;
    this.network = new SimNetwork(world);
    this.recorder = new Recorder(world);
    this.policy = config.policy;
    this.#voters = config.nodes;
    this.#chain = config.state === "libsql" ? chain : quickChain;
    const bounds = boundsOf(config);
    this.nodes = Array.from({ length: config.nodes + config.spares }, (_, place) => {
      const { network, recorder } = this;
      const chain = this.#chain;
      const state = states[place] ?? new ModelState();
      const member = memberAt(place);
      return new SimNode({ member, world, network, recorder, state, parts, chain, bounds });
    });
  }

  /** Writes the same first config to the first nodes' disks and starts them. */
  start(): void {
    const founders = this.nodes.slice(0, this.#voters);
    const batch = firstBatch(founders.map(({ member }) => member), this.policy, this.#chain);
    for (const node of founders) node.install(batch);
    for (const node of founders) node.start();
  }

  node(id: NodeId): SimNode {
    const node = this.nodes.find((one) => one.id === id);
    assert(node !== undefined, `No node ${id} in this simulation`);
    return node;
  }

  get leader(): SimNode | null {
    let newest: { node: SimNode; term: Term } | null = null;
    for (const node of this.nodes) {
      if (node.role !== "leader") continue;
      const { term } = node;
      if (newest === null || compareTerms(term, newest.term) > 0) newest = { node, term };
    }
    return newest?.node ?? null;
  }

  /** The node that a fault means, at this moment; `null` if there is none such. */
  target(target: Target): SimNode | null {
    if (target === "leader") return this.leader;
    if (target === "follower") {
      const leader = this.leader;
      return this.nodes.find((node) => node.alive && node !== leader) ?? null;
    }
    if (target === "down") return this.nodes.find((node) => node.down) ?? null;
    return this.nodes[target % this.nodes.length] ?? null;
  }

  /** Starts the next spare node, which asks whoever lives to take it in. */
  join(): SimNode | null {
    const node = this.#takeSpare();
    return node && this.#begin(node);
  }

  /** Starts the next spare node at the address of one that is gone for good. */
  replace(gone: SimNode): SimNode | null {
    const node = this.#takeSpare();
    if (node === null) return null;
    node.takePlaceOf(gone);
    return this.#begin(node);
  }

  /** Starts a copy of a node on the machine of the next spare one. */
  copy(original: SimNode): SimNode | null {
    const node = this.nodes[this.#voters + this.#sparesUsed];
    if (node === undefined || !node.copy(original)) return null;
    this.#sparesUsed++;
    node.start();
    return node;
  }

  #takeSpare(): SimNode | null {
    const node = this.nodes[this.#voters + this.#sparesUsed] ?? null;
    if (node !== null) this.#sparesUsed++;
    return node;
  }

  #begin(node: SimNode): SimNode {
    node.start();
    this.#askToJoin(node, 0);
    return node;
  }

  #askToJoin(joiner: SimNode, turn: number): void {
    if (joiner.image.last.index > 0) return;
    const process = joiner.process;
    const others = this.nodes.filter((node) => node !== joiner);
    const asked = others[turn % others.length]!;
    if (process !== null) {
      const connect = this.network.connector(joiner.machine, process);
      const context = { deadlineMs: Infinity, signal: new AbortController().signal };
      const ask = { clusterId: "", member: joiner.member };
      connect(asked.member.peerAddress).join(ask, context).catch(() => undefined);
    }
    this.world.after(JOIN_RETRY_MS, () => this.#askToJoin(joiner, turn + 1));
  }
}

/** Everything in proportion: what is sent from memory, from the disk, and by a snapshot. */
function boundsOf({ logTailEntries, appendEntriesMax }: ScenarioConfig): KeptBounds {
  const sent = appendEntriesMax == null ? {} : { appendEntriesMax };
  if (logTailEntries == null) return { ...KEPT_BOUNDS, ...sent };
  const tailEntries = logTailEntries;
  return {
    ...KEPT_BOUNDS,
    ...sent,
    tailEntries,
    memoryEntriesMax: Math.max(Math.floor(tailEntries / 2), 2),
    cutPointEntries: 3,
    checkpointEntries: Math.max(Math.floor(tailEntries / 2), 5),
  };
}

function memberAt(place: number): Member {
  const host = `10.0.0.${place + 1}`;
  return { id: `n${place}`, peerAddress: `${host}:2626`, clientAddress: `${host}:2625` };
}

/** A cluster that was founded long ago: everybody has its config and knows it to be committed. */
function firstBatch(members: readonly Member[], policy: Policy, chain: Chain): PersistBatch {
  const term: Term = { epoch: 0, number: 1, nodeId: members[0]!.id };
  const config = { ...bootstrapConfig(members[0]!, policy), voters: members };
  const body = { kind: "config", config } as const;
  const entry = { index: 1, term, checksum: chain("", 1, term, body), ...body };
  return { number: 1, promised: term, commitIndex: 1, entries: [entry] };
}
