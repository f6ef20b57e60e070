/**
 * Partitions by their shape: which ordered pairs of nodes can exchange nothing. Owns the shapes;
 * whether one may be, and for how long, is the budget's and the injector's business.
 *
 * @module
 */

import type { PartitionShape } from "./scenario.ts";
import type { SimNode } from "./sim_node.ts";

/** One direction between two nodes. */
export interface Pair {
  readonly from: SimNode;
  readonly to: SimNode;
}

export function bothWays({ from, to }: Pair): readonly Pair[] {
  return [{ from, to }, { from: to, to: from }];
}

/** The pairs that a partition parts; the order of the nodes says who is the first. */
export function partedPairs(shape: PartitionShape, nodes: readonly SimNode[]): readonly Pair[] {
  return pairsOf(nodes).filter(({ from, to }) =>
    isParted(shape, { from: nodes.indexOf(from), to: nodes.indexOf(to), count: nodes.length })
  );
}

/** Pairs with one node inside of a group and the other outside. */
export function crossing(inside: ReadonlySet<SimNode | null>, nodes: readonly SimNode[]): Pair[] {
  return pairsOf(nodes).filter(({ from, to }) => inside.has(from) !== inside.has(to));
}

function isParted(
  shape: PartitionShape,
  { from, to, count }: { readonly from: number; readonly to: number; readonly count: number },
): boolean {
  const half = Math.max(Math.floor(count / 2), 1);
  const apart = Math.abs(from - to);
  switch (shape) {
    case "halves":
      return from < half !== to < half;
    case "oneWay":
      return from < half && to >= half;
    case "alone":
      return from === 0 || to === 0;
    case "ring":
      return apart !== 1 && apart !== count - 1;
    case "bridge": {
      const middle = Math.ceil((count - 1) / 2);
      return from > 0 && to > 0 && from <= middle !== to <= middle;
    }
  }
}

function pairsOf(nodes: readonly SimNode[]): Pair[] {
  return nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to): Pair => ({ from, to }))
  );
}
