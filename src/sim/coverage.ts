/**
 * Coverage of a campaign: how often each kind of fault hit each state of the protocol. Owns what
 * the states are and how a history shows them; judges nothing.
 *
 * @module
 */

import type { Index, NodeId, Role } from "../raft/types.ts";
import type { HistoryEvent } from "./history.ts";

/** How often: with the cluster in the state, and with a node that was hit in it. */
export interface Hits {
  readonly cluster: number;
  readonly node: number;
}

/** By kind of fault, by state. A cell that is not there is zero. */
export type Coverage = Readonly<Record<string, Readonly<Record<string, Hits>>>>;

/** What the states are made from, as the facts so far show it. */
class ClusterView {
  readonly roles = new Map<NodeId, Role>();
  /** Who takes a snapshot in, and from whom. */
  readonly snapshots = new Map<NodeId, NodeId>();
  readonly leaving = new Set<NodeId>();
  /** Leadership that is being handed over: who leads, and to whom if that was said. */
  transfers: readonly NodeId[] | null = null;
  /** Indexes of the configs on each disk that a commit may have yet to pass. */
  readonly #configs = new Map<NodeId, Index[]>();
  #committed: Index = 0;

  nodesWith(...roles: readonly Role[]): NodeId[] {
    return [...this.roles].flatMap(([node, role]) => roles.includes(role) ? [node] : []);
  }

  /** Living nodes on whose disks a config is that nobody knows to be committed. */
  get pending(): NodeId[] {
    return [...this.#configs].flatMap(([node, configs]) =>
      this.roles.has(node) && (configs.at(-1) ?? 0) > this.#committed ? [node] : []
    );
  }

  /** True if a state may have begun or ended. */
  take(event: HistoryEvent): boolean {
    switch (event.kind) {
      case "started":
        this.roles.set(event.node, "joiner");
        return true;
      case "role":
        this.roles.set(event.node, event.role);
        return true;
      case "crashed":
      case "left":
        this.#end(event.node);
        return true;
      case "written":
        return this.#written(event);
      case "applied":
        return this.#commits(Math.max(event.commitIndex, event.entries.at(-1)?.index ?? 0));
      case "snapshot":
        if (event.running) this.snapshots.set(event.node, event.from);
        else this.snapshots.delete(event.node);
        return true;
      case "settled":
        if (event.what === "transfer") this.transfers = null;
        else if (event.node !== null) this.leaving.delete(event.node);
        return true;
      case "fault":
        return this.#fault(event);
      default:
        return false;
    }
  }

  #end(node: NodeId): void {
    this.roles.delete(node);
    this.snapshots.delete(node);
    this.leaving.delete(node);
  }

  #fault({ injected }: HistoryEvent & { kind: "fault" }): boolean {
    if (injected === null) return false;
    const { kind, nodes } = injected;
    if (kind === "leave" || kind === "remove") {
      for (const node of nodes) if (this.roles.has(node)) this.leaving.add(node);
    }
    if (kind === "transfer") this.transfers = [...this.nodesWith("leader"), ...nodes];
    return true;
  }

  #written({ node, batches }: HistoryEvent & { kind: "written" }): boolean {
    let changed = false;
    for (const { installed, truncateFrom = Infinity, entries, commitIndex = 0 } of batches) {
      const added = entries.flatMap(({ index, voters }) => voters === undefined ? [] : [index]);
      if (installed !== undefined || truncateFrom < Infinity || added.length > 0) {
        const before = installed === undefined ? this.#configs.get(node) ?? [] : [];
        const kept = before.filter((index) => index < truncateFrom && index > this.#committed);
        this.#configs.set(node, [...kept, ...added]);
        changed = true;
      }
      changed = this.#commits(commitIndex) || changed;
    }
    return changed;
  }

  #commits(index: Index): boolean {
    const passes = index > this.#committed && this.pending.length > 0;
    this.#committed = Math.max(this.#committed, index);
    return passes;
  }
}

/** A state: the nodes that are in it, none if it is the cluster's alone; `null` if it is not. */
interface ProtocolState {
  readonly name: string;
  readonly nodes: (view: ClusterView) => readonly NodeId[] | null;
}

const someOf = (nodes: readonly NodeId[]) => nodes.length === 0 ? null : nodes;

/** All states but the one that is none of them. A new one is a line here, and a fact that shows it. */
const STATES: readonly ProtocolState[] = [
  {
    name: "election",
    nodes: (view) => {
      const candidates = view.nodesWith("candidate");
      return view.nodesWith("leader").length === 0 ? candidates : someOf(candidates);
    },
  },
  { name: "join", nodes: (view) => someOf(view.nodesWith("joiner", "learner")) },
  { name: "snapshot", nodes: ({ snapshots }) => someOf([...snapshots].flat()) },
  { name: "config", nodes: ({ pending }) => someOf(pending) },
  { name: "transfer", nodes: ({ transfers }) => transfers },
  { name: "leaving", nodes: ({ leaving }) => someOf([...leaving]) },
];

const STEADY = "steady";

/** Names of all states, in the order in which they are shown. */
export const STATE_NAMES: readonly string[] = [STEADY, ...STATES.map(({ name }) => name)];

/** Of these a length says how long the fault lasts; a jump of a clock is over at once. */
const atOnce = new Set(["clockJump"]);

/** One fault that was carried out, and in which states it was seen so far. */
interface Acting {
  readonly kind: string;
  readonly nodes: ReadonlySet<NodeId>;
  readonly until: number;
  readonly cluster: Set<string>;
  readonly node: Set<string>;
}

type StatesNow = ReadonlyMap<string, readonly NodeId[]>;

/**
 * What the faults of one history hit. A fault that lasts hits every state that it meets, once; a
 * crash is counted where it happens, and states are those before the fault.
 */
export function coverageOf(events: readonly HistoryEvent[]): Coverage {
  const view = new ClusterView();
  const faults: Acting[] = [];
  let acting: Acting[] = [];
  let now = statesOf(view);
  /** As it was before anything happened at the time that it is. */
  let before = now;
  let [changed, at, stoppedAt] = [false, 0, -1];
  const hit = (fault: Acting, states: StatesNow) => {
    faults.push(fault);
    see(fault, states);
    if (fault.until > at) acting.push(fault);
  };
  for (const event of events) {
    if (event.kind === "healed") break;
    if (event.at > at) {
      at = event.at;
      if (changed) now = statesOf(view);
      changed = false;
      before = now;
      if (acting.length > 0) acting = acting.filter(({ until }) => until >= at);
    }
    // One that stops itself crashes right after: that is no fault.
    if (event.kind === "fatal") stoppedAt = at;
    if (event.kind === "crashed" && stoppedAt !== at) {
      const states = changed ? statesOf(view) : now;
      hit({ ...newFault("crash", [event.node]), until: at }, states);
    }
    if (event.kind === "fault" && event.injected !== null && event.injected.kind !== "crash") {
      const { kind, nodes, ms } = event.injected;
      hit({ ...newFault(kind, nodes), until: atOnce.has(kind) ? at : at + ms }, before);
    }
    if (!view.take(event)) continue;
    changed = true;
    if (acting.length === 0) continue;
    now = statesOf(view);
    for (const fault of acting) see(fault, now);
  }
  return sumOf(faults);
}

function newFault(kind: string, nodes: readonly NodeId[]): Omit<Acting, "until"> {
  return { kind, nodes: new Set(nodes), cluster: new Set(), node: new Set() };
}

function statesOf(view: ClusterView): StatesNow {
  const states = new Map<string, readonly NodeId[]>();
  for (const { name, nodes } of STATES) {
    const some = nodes(view);
    if (some !== null) states.set(name, some);
  }
  // In a steady cluster whoever is hit is steady, too.
  if (states.size === 0) states.set(STEADY, [...view.roles.keys()]);
  return states;
}

function see(fault: Acting, states: StatesNow): void {
  for (const [name, nodes] of states) {
    fault.cluster.add(name);
    if (nodes.some((node) => fault.nodes.has(node))) fault.node.add(name);
  }
}

function sumOf(faults: readonly Acting[]): Coverage {
  const sum: Record<string, Record<string, { cluster: number; node: number }>> = {};
  for (const { kind, cluster, node } of faults) {
    const row = sum[kind] ??= {};
    for (const state of cluster) {
      const cell = row[state] ??= { cluster: 0, node: 0 };
      cell.cluster++;
      if (node.has(state)) cell.node++;
    }
  }
  return sum;
}

/** Both together. */
export function addCoverage(one: Coverage, other: Coverage): Coverage {
  const sum: Record<string, Record<string, Hits>> = {};
  for (const coverage of [one, other]) {
    for (const [kind, row] of Object.entries(coverage)) {
      const into = sum[kind] ??= {};
      for (const [state, { cluster, node }] of Object.entries(row)) {
        const { cluster: clusters, node: nodes } = into[state] ?? { cluster: 0, node: 0 };
        into[state] = { cluster: clusters + cluster, node: nodes + node };
      }
    }
  }
  return sum;
}
