/**
 * The core of a simulated node as the simulation looks on. Owns what is told of its effects; changes
 * none.
 *
 * @module
 */

import type { Core } from "../raft/core_api.ts";
import type { NodeId } from "../raft/types.ts";
import type { World } from "./world.ts";

/**
 * A fetch of a snapshot, or a hand-over, waits for what nobody here sees: from the first one on,
 * until the run is over, any event may be what it waits for. Tells of each hand-over.
 */
export function watched(
  core: Core,
  world: World,
  onHandOver: (to: NodeId, running: boolean) => void,
): Core {
  let taker: NodeId | null = null;
  const hands = (to: NodeId | null) => {
    if (taker !== null) onHandOver(taker, false);
    taker = to;
    if (to !== null) onHandOver(to, true);
  };
  return {
    step(input, clocks) {
      if (input.kind === "handedOver") hands(null);
      const effects = core.step(input, clocks);
      for (const effect of effects) {
        const { kind } = effect;
        if (kind === "fetchSnapshot" || kind === "handOver") world.ask(new Promise(() => {}));
        if (kind === "handOver") hands(effect.to);
        if (kind === "handOverEnded") hands(null);
      }
      return effects;
    },
    canRead: (clocks) => core.canRead(clocks),
    canPropose: () => core.canPropose(),
    commitIndex: () => core.commitIndex(),
    commonIndex: (theirs) => core.commonIndex(theirs),
    status: () => core.status(),
    termAt: (index) => core.termAt(index),
  };
}
