/**
 * Faults made by fast-check: kinds, moments and targets that are likely to hurt together. Owns
 * their distributions; whether one is carried out is the injector's business.
 *
 * @module
 */

import fc from "fast-check";
import { around, DURATION_MS, FAILURE_TIMEOUT_MS, type Weighted, weighted } from "./dice.ts";
import { CALLS_MAX, leaderStories } from "./leader_stories.ts";
import type { PortCall } from "./process.ts";
import { machineFaultKinds } from "./machine_arbitrary.ts";
import type { Fault, PartitionShape, ScenarioConfig, Target } from "./scenario.ts";

/** Faults that wait for one state together, at most. */
const AMIDST_MAX = 8;

/** So long a silence makes a last resort of it: T + G, and a little, ms. */
const SPLIT_MS = 4_200;

/** Parts of T around which the protocol changes its mind. */
const STALLS = [0.2, 0.4, 0.6, 1.1, 1.5, 2.5, 4.5, 6].map((part) => part * FAILURE_TIMEOUT_MS);

/**
 * A list of faults of a few kinds only, around a few moments: many of one kind find what a few
 * of every kind do not (Groce et al. 2012, swarm testing), and so do those that coincide.
 */
export function faultLists(
  config: ScenarioConfig,
  { moments, max }: { readonly moments: readonly number[]; readonly max: number },
): fc.Arbitrary<Fault[]> {
  const atMs = near(moments);
  const single = swarms(faultKinds(config, atMs))
    .chain((few) => fc.array(weighted<Fault>(...few), { maxLength: max, size: "max" }));
  return fc.tuple(fc.array(stories(config, atMs), { maxLength: 2 }), single)
    .map(([told, others]) => [...told.flat(), ...others].slice(0, max));
}

/** Nothing but faults in the midst of something. */
export function amidstLists(
  config: ScenarioConfig,
  { moments, max }: { readonly moments: readonly number[]; readonly max: number },
): fc.Arbitrary<Fault[]> {
  const atMs = near(moments);
  return fc.array(amidst(config, atMs), { minLength: 1, maxLength: 3 })
    .map((told) => told.flat().slice(0, max));
}

/**
 * A split, and a few other faults. Early, so that both sides take writes for a while: a side goes on
 * by last resort after T + G.
 */
export function meetings(
  config: ScenarioConfig,
  others: { readonly moments: readonly number[]; readonly max: number },
): fc.Arbitrary<Fault[]> {
  const begin = fc.nat(FAILURE_TIMEOUT_MS / 2);
  const ms = fc.integer({ min: SPLIT_MS + 500, max: SPLIT_MS + 1_500 });
  const nodes = fc.uniqueArray(fc.nat(config.nodes - 1), { minLength: 1, maxLength: 2 });
  const parted = fc.record({ atMs: begin, kind: fc.constant<"isolate">("isolate"), nodes, ms });
  const lists = fc.tuple(parted, fc.option(lostTakeOver()), faultLists(config, others));
  return lists.map(([first, lost, more]) => [
    first,
    ...(lost ?? []).map((fault): Fault => ({ ...fault, atMs: first.atMs, during: "healing" })),
    ...more,
  ]);
}

/** Whoever takes over what another side had dies before it is on its disk. */
function lostTakeOver(): fc.Arbitrary<Fault[]> {
  const ms = fc.integer({ min: 50, max: 0.9 * FAILURE_TIMEOUT_MS });
  const atMs = fc.constant(0);
  const fields = { ...crashFields(atMs, fc.constant("leader")), afterCalls: fc.nat(CALLS_MAX) };
  return fc.tuple(
    fc.record({ atMs, kind: fc.constant<"hang">("hang"), node: fc.constant<Target>("leader"), ms }),
    fc.record({ ...fields, restartAfterMs: fc.integer({ min: 1, max: FAILURE_TIMEOUT_MS }) }),
  );
}

/** A few faults that belong together, and that dice alone would hardly ever put side by side. */
function stories(config: ScenarioConfig, atMs: fc.Arbitrary<number>): fc.Arbitrary<Fault[]> {
  const node = fc.nat(config.nodes - 1);
  const plan = (...on: readonly PortCall[]) =>
    fc.option(plannedCrash({ atMs, node: fc.constant("any"), on: fc.constantFrom(...on) }));
  const change = fc.oneof(
    fc.record({ atMs, kind: fc.constant<"join">("join") }),
    fc.record({ atMs, kind: fc.constantFrom<"leave" | "remove">("leave", "remove"), node }),
    crash(atMs, node),
  );
  const away = absence(atMs, node);
  const together = (parts: fc.Arbitrary<readonly (Fault | null)[]>) =>
    parts.map((some) => some.filter((one) => one !== null));
  return fc.oneof(
    together(fc.tuple(change, plan("config"), plan("config", "apply", "persist"))),
    together(
      fc.tuple(fc.record({ atMs, kind: fc.constant<"join">("join") }), plan("snapshot", "serve")),
    ),
    together(fc.tuple(away, plan("snapshot", "serve"), plan("snapshot", "serve"))),
    downfall(config.nodes),
    together(fc.tuple(apart(config, atMs), plan("config", "apply", "promise"))),
    ...leaderStories(config.nodes, node, atMs),
    ...(forks(config) ? [split(config).map((fault): Fault[] => [fault])] : []),
    // More often: most of them wait in vain, as what they wait for is refused or over at once.
    { weight: 6, arbitrary: amidst(config, atMs) },
  );
}

/** Long enough away to be dropped, and, where the log is short, to need a snapshot. */
function absence(atMs: fc.Arbitrary<number>, node: fc.Arbitrary<number>): fc.Arbitrary<Crash> {
  return fc.record({
    ...crashFields(atMs, node),
    restartAfterMs: fc.integer({ min: 1_100, max: 3_000 }),
  });
}

/** Something of any kind while what an operator asked for, or a return, is under way. */
function amidst(config: ScenarioConfig, atMs: fc.Arbitrary<number>): fc.Arbitrary<Fault[]> {
  const node = fc.nat(config.nodes - 1);
  const away = absence(atMs, node);
  const to = fc.option(node);
  const first = fc.oneof(
    fc.tuple(
      fc.record({ atMs, kind: fc.constant<"transfer">("transfer"), to }),
      fc.constant("transfer"),
    ),
    fc.tuple(
      fc.record({ atMs, kind: fc.constantFrom<"leave" | "remove">("leave", "remove"), node }),
      fc.constantFrom("leaving", "config"),
    ),
    fc.tuple(
      fc.oneof(fc.record({ atMs, kind: fc.constant<"join">("join") }), away),
      fc.constantFrom("join", "snapshot", "snapshot", "config"),
    ),
    // Both sides of it go on, and meet.
    ...(forks(config) ? [fc.tuple(split(config), fc.constant("healing"))] : []),
  );
  // What is rare elsewhere is to be seen here, and more often than the rest.
  const second = fc.oneof(
    ...faultKinds(config, atMs).map(([weight, arbitrary]) => ({
      weight: weight === 1 ? 2 : 1,
      arbitrary,
    })),
  );
  const amidst = fc.array(second, { minLength: 1, maxLength: AMIDST_MAX, size: "max" });
  return fc.tuple(first, amidst).map(([[one, during], others]) => [
    one,
    ...others.map((other): Fault => ({ ...other, atMs: one.atMs, during })),
  ]);
}

/** Whether sides that both went on are made, and meet (§9). */
function forks({ policy, budget, logTailEntries }: ScenarioConfig): boolean {
  return policy.quorum === "all" && policy.lastResort && budget === "over" &&
    logTailEntries == null;
}

/** The leader on one side, alone or with others, long enough for the other side to go on. */
function apart(config: ScenarioConfig, atMs: fc.Arbitrary<number>): fc.Arbitrary<Fault> {
  const others = fc.array(fc.nat(config.nodes - 1), { maxLength: 2 });
  const ms = fc.integer({ min: 1_100, max: 4 * FAILURE_TIMEOUT_MS });
  const nodes = others.map((some): Target[] => ["leader", ...some]);
  return fc.oneof(
    fc.record({ atMs, kind: fc.constant<"isolate">("isolate"), nodes, ms }),
    partition({ atMs, around: fc.constant<Target>("leader"), ms }),
  );
}

/** Long enough for both sides to go on by last resort, and early enough for them to meet again. */
function split(config: ScenarioConfig): fc.Arbitrary<Fault> {
  const ms = fc.integer({ min: SPLIT_MS, max: SPLIT_MS + FAILURE_TIMEOUT_MS });
  const atMs = fc.nat(DURATION_MS - SPLIT_MS - FAILURE_TIMEOUT_MS);
  const group = fc.uniqueArray(fc.nat(config.nodes - 1), { minLength: 1, maxLength: 2 });
  return fc.record({ atMs, kind: fc.constant<"isolate">("isolate"), nodes: group, ms });
}

/** Of any shape; one in three comes and goes. */
function partition({ atMs, around, ms }: {
  readonly atMs: fc.Arbitrary<number>;
  readonly around: fc.Arbitrary<Target>;
  readonly ms: fc.Arbitrary<number>;
}): fc.Arbitrary<Fault> {
  return fc.record({
    atMs,
    kind: fc.constant<"partition">("partition"),
    shape: fc.constantFrom<PartitionShape>("halves", "oneWay", "alone", "ring", "bridge"),
    around,
    ms,
    times: weighted<number>([2, fc.constant(1)], [1, fc.integer({ min: 2, max: 6 })]),
    pauseMs: fc.integer({ min: 20, max: 1_200 }),
  });
}

/** One after the other, or nearly at once, until one is left or none. */
function downfall(nodes: number): fc.Arbitrary<Fault[]> {
  const everybody = Array.from({ length: nodes }, (_, place) => place);
  const order = fc.shuffledSubarray(everybody, { minLength: nodes - 1 });
  const gap = fc.oneof(fc.nat(3), fc.nat(300), fc.nat(1_500));
  return fc.tuple(fc.nat(DURATION_MS / 2), gap, order).chain(([beginMs, gapMs, victims]) =>
    fc.tuple(
      ...victims.map((victim, place) =>
        crash(fc.constant(Math.min(beginMs + place * gapMs, DURATION_MS - 1)), fc.constant(victim))
      ),
    )
  );
}

/** Some of the kinds; crashes more often than not, since most rules are about them. */
function swarms(kinds: Weighted<Fault>[]): fc.Arbitrary<Weighted<Fault>[]> {
  const [crash, restart, ...others] = kinds as [Weighted<Fault>, ...Weighted<Fault>[]];
  const first = weighted<Weighted<Fault>[]>(
    [6, fc.constant([crash, restart!])],
    [2, fc.constant([crash])],
    [2, fc.constant([])],
  );
  return fc.tuple(first, fc.subarray(others, { minLength: 1 }))
    .map(([some, more]) => [...some, ...more]);
}

/** At one of the moments, or soon after it, or when the protocol has drawn its conclusions. */
export function near(moments: readonly number[]): fc.Arbitrary<number> {
  const soon = fc.oneof(
    fc.constant(0),
    fc.nat(30),
    fc.nat(300),
    fc.nat(2_000),
    around(STALLS),
  );
  return fc.tuple(fc.constantFrom(...moments), soon)
    .map(([moment, later]) => Math.min(moment + later, DURATION_MS - 1));
}

function faultKinds(config: ScenarioConfig, atMs: fc.Arbitrary<number>): Weighted<Fault>[] {
  const node = targets(config.nodes + config.spares);
  const stall = around(STALLS);
  const jump = fc.oneof(stall, stall.map((ms) => -ms));
  const pair = { from: node, to: node };
  const short = fc.integer({ min: 50, max: 0.6 * FAILURE_TIMEOUT_MS });
  const long = fc.integer({ min: 50, max: 4 * FAILURE_TIMEOUT_MS });
  const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);
  const isolated = fc.array(node, { minLength: 1, maxLength: 2 });
  return [
    [
      12,
      fc.oneof(
        crash(atMs, node),
        plannedCrash({ atMs, node: fc.oneof(fc.constant<"any">("any"), node), on: portCalls() }),
      ),
    ],
    // Nearly always one that is down: any other is left out.
    [4, fc.record({ atMs, kind: kind("restart"), node: fc.constant<Target>("down") })],
    [3, fc.record({ atMs, kind: kind("stall"), node, ms: stall })],
    [3, fc.record({ atMs, kind: kind("hang"), node, ms: stall })],
    [2, fc.record({ atMs, kind: kind("slow"), ...pair, delayMs: short, ms: long })],
    [1, fc.record({ atMs, kind: kind("lose"), ...pair, chance: fc.constant(0.5), ms: short })],
    [1, fc.record({ atMs, kind: kind("duplicate"), ...pair, ms: long })],
    [1, fc.record({ atMs, kind: kind("reorder"), ...pair, ms: long })],
    [2, fc.record({ atMs, kind: kind("block"), ...pair, ms: fc.oneof(short, long) })],
    [1, fc.record({ atMs, kind: kind("isolate"), nodes: isolated, ms: fc.oneof(short, long) })],
    [2, partition({ atMs, around: node, ms: fc.oneof(short, long) })],
    [2, fc.record({ atMs, kind: kind("reset"), ...pair })],
    [1, fc.record({ atMs, kind: kind("clockJump"), node, ms: jump })],
    [5, fc.record({ atMs, kind: kind("join") })],
    [1, fc.record({ atMs, kind: kind("leave"), node })],
    [1, fc.record({ atMs, kind: kind("remove"), node })],
    [1, fc.record({ atMs, kind: kind("transfer"), to: fc.option(node, { nil: null }) })],
    ...machineFaultKinds(atMs, node),
  ];
}

type Crash = Extract<Fault, { kind: "crash" }>;

function crashFields(atMs: fc.Arbitrary<number>, node: fc.Arbitrary<Target | "any">) {
  return {
    atMs,
    kind: fc.constant<"crash">("crash"),
    node,
    powerCut: fc.boolean(),
    afterCalls: fc.constant(0),
    restartAfterMs: outages(),
  };
}

/** At once, or a few port calls later. */
function crash(atMs: fc.Arbitrary<number>, node: fc.Arbitrary<Target>): fc.Arbitrary<Crash> {
  const afterCalls = weighted<number>([2, fc.constant(0)], [
    1,
    fc.integer({ min: 1, max: CALLS_MAX }),
  ]);
  return fc.record({ ...crashFields(atMs, node), afterCalls });
}

/** In the middle of something, or between it and what follows. */
function plannedCrash({ atMs, node, on }: {
  readonly atMs: fc.Arbitrary<number>;
  readonly node: fc.Arbitrary<Target | "any">;
  readonly on: fc.Arbitrary<PortCall>;
}): fc.Arbitrary<Crash> {
  const afterCalls = weighted<number>(
    [3, fc.constant(0)],
    [3, fc.integer({ min: 1, max: 6 })],
    [1, fc.integer({ min: 1, max: CALLS_MAX })],
  );
  return fc.record({ ...crashFields(atMs, node), on, afterCalls });
}

/** The rare ones more often: a plan waits for its call. */
function portCalls(): fc.Arbitrary<PortCall> {
  return weighted<PortCall>(
    [3, fc.constant("snapshot")],
    [2, fc.constant("serve")],
    [3, fc.constant("config")],
    [1, fc.constant("promise")],
    [1, fc.constant("apply")],
    [1, fc.constant("persist")],
    [1, fc.constant("compact")],
  );
}

/** How long a node is down; `null`: until somebody starts it. */
function outages(): fc.Arbitrary<number | null> {
  const short = fc.integer({ min: 1, max: 400 });
  return fc.option(fc.oneof(short, fc.integer({ min: 1, max: 3_000 })), { nil: null, freq: 2 });
}

function targets(nodes: number): fc.Arbitrary<Target> {
  return weighted<Target>(
    [4, fc.nat(nodes - 1)],
    [2, fc.constant("leader")],
    [1, fc.constant("follower")],
  );
}
