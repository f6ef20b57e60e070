/**
 * The core of a simulated node as the simulation looks on. Owns what is told of its effects; changes
 * none.
 *
 * @module
 */

import type { Core } from "../raft/core_api.ts";
import type { Index, NodeId } from "../raft/types.ts";
import type { Recorder } from "./recorder.ts";
import type { DiskImage } from "./sim_disk.ts";
import type { World } from "./world.ts";

/** Whose core it is, and whom it tells. */
export interface WatchOptions {
  readonly node: NodeId;
  readonly image: DiskImage;
  /** Up to where its state has applied the log. */
  readonly appliedIndex: () => Index;
  readonly world: World;
  readonly recorder: Recorder;
}

/**
 * A fetch of a snapshot, or a hand-over, waits for what nobody here sees: from the first one on,
 * until the run is over, any event may be what it waits for. Tells of each hand-over, and of a node
 * that would answer a linearizable read while it lacks the newest acknowledged entry, or has yet to
 * apply it.
 */
export function watched(core: Core, options: WatchOptions): Core {
  const { node, image, world, recorder } = options;
  let taker: NodeId | null = null;
  /** The entry of which it was told last that the node would read without it. */
  let told: Recorder["acknowledged"] = null;
  const hands = (to: NodeId | null) => {
    if (taker !== null) recorder.fact({ kind: "handOver", node, to: taker, running: false });
    taker = to;
    if (to !== null) recorder.fact({ kind: "handOver", node, to, running: true });
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
      const { acknowledged } = recorder;
      // Asked last, and once for each entry: whoever leads has them all but for a while.
      const isNew = acknowledged !== told && acknowledged !== null;
      const appliedIndex = isNew ? options.appliedIndex() : 0;
      const lacks = isNew && (appliedIndex < acknowledged.index || !image.holds(acknowledged));
      if (lacks && core.canRead(clocks)) {
        told = acknowledged;
        recorder.fact({ kind: "mayRead", node, appliedIndex });
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
