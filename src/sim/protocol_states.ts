/**
 * The states of the protocol that faults hit, and how the facts of a history show them. Owns the
 * table of states; what happens in them, the history's other readers say.
 *
 * @module
 */

import type { Index, NodeId, Role } from "../raft/types.ts";
import type { HistoryEvent } from "./history.ts";

/** The states that hold at one moment, each with the nodes that are in it. */
export type StatesNow = ReadonlyMap<string, readonly NodeId[]>;

/** What the states are made from, as the facts so far show it. */
export class ClusterView {
  readonly roles = new Map<NodeId, Role>();
  /** Who takes a snapshot in, and from whom. */
  readonly snapshots = new Map<NodeId, NodeId>();
  /** Who hands over to the leader of another side, and to whom. */
  readonly handOvers = new Map<NodeId, NodeId>();
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
      case "handOver":
        if (event.running) this.handOvers.set(event.node, event.to);
        else this.handOvers.delete(event.node);
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
    this.handOvers.delete(node);
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
    if (index <= this.#committed) return false;
    const passes = this.pending.length > 0;
    this.#committed = index;
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
  { name: "healing", nodes: ({ handOvers }) => someOf([...handOvers].flat()) },
];

/** None of the others. */
const STEADY = "steady";

/** Names of all states, in the order in which they are shown. */
export const STATE_NAMES: readonly string[] = [STEADY, ...STATES.map(({ name }) => name)];

export function statesOf(view: ClusterView): StatesNow {
  const states = new Map<string, readonly NodeId[]>();
  for (const { name, nodes } of STATES) {
    const some = nodes(view);
    if (some !== null) states.set(name, some);
  }
  // In a steady cluster whoever is hit is steady, too.
  if (states.size === 0) states.set(STEADY, [...view.roles.keys()]);
  return states;
}
