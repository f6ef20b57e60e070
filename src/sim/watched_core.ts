/**
 * The core of a simulated node as the simulation looks on. Owns what is told of its effects; changes
 * none.
 *
 * @module
 */

import type { Core } from "../raft/core_api.ts";
import type { Clocks, Index, NodeId } from "../raft/types.ts";
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
 * until the run is over, any event may be what it waits for. Tells of each hand-over; of a node that
 * is certain (§5) while the newest acknowledged entry is not on its disk; and of one that would
 * answer a linearizable read then, or before it has applied that entry, or without what another
 * leader has begun with. At each step: what it was
 * sure of at the last one it does not act on any more.
 */
export function watched(core: Core, options: WatchOptions): Core {
  const { node, image, world, recorder } = options;
  let taker: NodeId | null = null;
  /** The entry of which it was told last that the node would read without it, or is certain. */
  const told: Record<"mayRead" | "certain", Recorder["decided"]> = {
    mayRead: null,
    certain: null,
  };
  const hands = (to: NodeId | null) => {
    if (taker !== null) recorder.fact({ kind: "handOver", node, to: taker, running: false });
    taker = to;
    if (to !== null) recorder.fact({ kind: "handOver", node, to, running: true });
  };
  /** What costs most is asked last, and told once for each entry: mostly a node has them all. */
  const look = (decided: NonNullable<Recorder["decided"]>, clocks: Clocks) => {
    const { acknowledged } = recorder;
    const stored = image.holds(decided);
    const isCertainWithout = acknowledged !== null && told.certain !== acknowledged &&
      !(acknowledged === decided ? stored : image.holds(acknowledged)) && core.status().certain;
    if (isCertainWithout) {
      told.certain = acknowledged;
      recorder.fact({ kind: "certain", node });
    }
    if (told.mayRead === decided) return;
    const appliedIndex = options.appliedIndex();
    if ((!stored || appliedIndex < decided.index) && core.canRead(clocks)) {
      told.mayRead = decided;
      recorder.fact({ kind: "mayRead", node, appliedIndex });
    }
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
      if (recorder.decided !== null) look(recorder.decided, clocks);
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
