/**
 * Coverage of a campaign: how often each kind of fault hit each state of the protocol. Owns what
 * counts as a hit; judges nothing. The states are those of `protocol_states.ts`.
 *
 * @module
 */

import type { NodeId } from "../raft/types.ts";
import type { HistoryEvent } from "./history.ts";
import { ClusterView, type StatesNow, statesOf } from "./protocol_states.ts";

/** How often: with the cluster in the state, and with a node that was hit in it. */
export interface Hits {
  readonly cluster: number;
  readonly node: number;
}

/** By kind of fault, by state. A cell that is not there is zero. */
export type Coverage = Readonly<Record<string, Readonly<Record<string, Hits>>>>;

/** One that others are added to. */
export type CoverageSum = Record<string, Record<string, { cluster: number; node: number }>>;

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
    // One that stops itself crashes right after: that is no fault, or not this one.
    if (event.kind === "fatal" || event.kind === "stopped") stoppedAt = at;
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

function see(fault: Acting, states: StatesNow): void {
  for (const [name, nodes] of states) {
    fault.cluster.add(name);
    if (nodes.some((node) => fault.nodes.has(node))) fault.node.add(name);
  }
}

function sumOf(faults: readonly Acting[]): Coverage {
  const sum: CoverageSum = {};
  for (const { kind, cluster, node } of faults) {
    for (const state of cluster) {
      const cell = cellOf(sum, kind, state);
      cell.cluster++;
      if (node.has(state)) cell.node++;
    }
  }
  return sum;
}

/** Adds it to the sum: a campaign has thousands of them, each of some hundred cells. */
export function addCoverage(sum: CoverageSum, coverage: Coverage): void {
  for (const [kind, row] of Object.entries(coverage)) {
    for (const [state, { cluster, node }] of Object.entries(row)) {
      const cell = cellOf(sum, kind, state);
      cell.cluster += cluster;
      cell.node += node;
    }
  }
}

function cellOf(sum: CoverageSum, kind: string, state: string): CoverageSum[string][string] {
  return (sum[kind] ??= {})[state] ??= { cluster: 0, node: 0 };
}
