/**
 * Which nodes a fault hits, for the record. Owns no rule of what may be hit: that is the
 * injector's.
 *
 * @module
 */

import type { NodeId } from "../raft/types.ts";
import type { Cluster } from "./cluster.ts";
import type { Fault, Target } from "./scenario.ts";

/** At this moment: asked before the fault, since after it the leader may be another. */
export function targetsOf(cluster: Cluster, fault: Fault): readonly NodeId[] {
  const targets: (Target | "any" | null)[] = [];
  if ("node" in fault) targets.push(fault.node);
  if ("nodes" in fault) targets.push(...fault.nodes);
  if ("from" in fault) targets.push(fault.from);
  if ("to" in fault) targets.push(fault.to);
  return targets.flatMap((target) => {
    if (target === null || target === "any") return [];
    const node = cluster.target(target);
    return node === null ? [] : [node.id];
  });
}
