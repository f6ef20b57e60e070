/**
 * What is to go wrong, drawn from a seed: rounds of faults that are likely to hurt together.
 * Owns kinds, moments and targets; whether a fault is carried out is the budget's business, so
 * the same seed draws the same faults whatever becomes of them.
 *
 * @module
 */

import { Random } from "../../src/sim/random.ts";

/** Every kind of fault, with how often it is drawn. */
const WEIGHTS = {
  /** SIGKILL, and a start with the old data. */
  kill: 8,
  /** SIGKILL for all at once, and a start of all. */
  killAll: 1,
  /** SIGTERM, and a start with the old data. */
  stop: 3,
  /** SIGSTOP, and SIGCONT. */
  stall: 5,
  /** SIGKILL and the data gone: it joins again as another node at the same address. */
  wipe: 2,
  /** SIGKILL and a flipped bit in one of its files. */
  corrupt: 2,
  /** No room on its disk any more. */
  fullDisk: 3,
  /** One more node joins. */
  join: 2,
  /** A member is removed by the operator's command. */
  remove: 2,
  /** Leadership is handed over. */
  transfer: 2,
  /** Connections of a pair of nodes are reset. */
  reset: 2,
  /** Connections of a pair of nodes are closed. */
  close: 1,
  /** What one node sends another is late. */
  delay: 2,
  /** What one node sends another is held back for a while. */
  hold: 3,
  /** What one node sends another is lost for a while. */
  lose: 2,
  /** Nothing passes between one node and the others. */
  isolate: 3,
  /** What one node sends another passes slowly. */
  throttle: 1,
} as const;

/** What is drawn with others; a split fills a round of its own: both sides go on, and meet. */
type MixedKind = keyof typeof WEIGHTS;
const MIXED_KINDS = Object.keys(WEIGHTS) as readonly MixedKind[];
export type FaultKind = MixedKind | "split";
export const FAULT_KINDS: readonly FaultKind[] = [...MIXED_KINDS, "split"];

/** A place among the nodes, or a role. */
export type Target = number | "leader" | "follower";

/** One fault, as drawn. */
export interface Fault {
  readonly kind: FaultKind;
  /** Time since the one before it, ms. */
  readonly afterMs: number;
  readonly target: Target;
  /** The other end, where the fault is about a pair. */
  readonly other: Target;
  /** How long it lasts, or how long a node stays down, ms; `null`: until everybody is healed. */
  readonly ms: number | null;
  /** In [0, 1): what else has to be chosen. */
  readonly dice: number;
}

/** Faults that come together, and whether everybody must be whole again before the next ones. */
export interface Round {
  readonly faults: readonly Fault[];
  readonly wholeAfter: boolean;
}

/** Times of stalls, around which the protocol changes its mind, s. */
const STALLS_S = [0.2, 0.4, 0.6, 1.1, 1.5, 2.5, 4.5, 6];
const FAULTS_PER_ROUND_MAX = 7;
/** Rounds that are a split: each takes as long as a few others. */
const SPLIT_CHANCE = 0.15;

/** Rounds without end. */
export function* drawRounds(seed: number, nodes: number): Generator<Round, never, void> {
  const random = new Random(seed).fork("torture");
  for (let number = 1;; number++) yield drawRound(random.fork(`round ${number}`), nodes);
}

function drawRound(random: Random, nodes: number): Round {
  // By numbers of its own, so that what is drawn in the other rounds is not moved by it.
  const apart = random.fork("split");
  if (apart.chance(SPLIT_CHANCE)) {
    return { faults: [drawFault(apart, "split", nodes)], wholeAfter: true };
  }
  const kinds = someKinds(random);
  const count = 1 + random.below(FAULTS_PER_ROUND_MAX);
  const faults = random.chance(0.15)
    ? downfall(random, nodes)
    : Array.from({ length: count }, () => drawFault(random, pickKind(random, kinds), nodes));
  return { faults, wholeAfter: random.chance(0.4) };
}

/** A few kinds a round: many of one find what a few of each do not (Groce et al. 2012). */
function someKinds(random: Random): readonly MixedKind[] {
  const chosen = MIXED_KINDS.filter(() => random.chance(0.4));
  return chosen.length > 0 ? chosen : ["kill"];
}

function pickKind(random: Random, kinds: readonly MixedKind[]): MixedKind {
  const total = kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  let left = random.below(total);
  for (const kind of kinds) {
    left -= WEIGHTS[kind];
    if (left < 0) return kind;
  }
  return "kill";
}

/** One after another, or nearly at once, until one is left. */
function downfall(random: Random, nodes: number): readonly Fault[] {
  const gapMs = random.pick([0, 20, 300, 1_500, 3_000]);
  const first = random.below(nodes);
  const kind = random.pick(["kill", "kill", "kill", "stop", "wipe"] as const);
  return Array.from({ length: nodes - 1 }, (_, place) => ({
    ...drawFault(random, kind, nodes),
    afterMs: gapMs,
    target: (first + place) % nodes,
    ms: null,
  }));
}

function drawFault(random: Random, kind: FaultKind, nodes: number): Fault {
  return {
    kind,
    afterMs: Math.round(random.next() * random.pick([30, 30, 500, 2_000])),
    target: drawTarget(random, nodes),
    other: random.below(nodes),
    ms: duration(random, kind),
    dice: random.next(),
  };
}

function drawTarget(random: Random, nodes: number): Target {
  const role = random.next();
  if (role < 0.3) return "leader";
  return role < 0.4 ? "follower" : random.below(nodes);
}

function duration(random: Random, kind: FaultKind): number | null {
  switch (kind) {
    case "stall":
      return Math.round(1_000 * random.pick(STALLS_S) + random.between(-20, 20));
    case "kill":
    case "killAll":
    case "stop":
    case "wipe":
    case "corrupt":
      return random.chance(0.4) && kind !== "killAll" ? null : random.below(4_000);
    case "hold":
    case "lose":
    case "isolate":
      return random.chance(0.4) ? 50 + random.below(400) : 600 + random.below(5_400);
    case "split":
      // It lasts until both sides have gone on.
      return null;
    case "fullDisk":
      return 2_000 + random.below(4_000);
    default:
      return 200 + random.below(3_000);
  }
}
