/**
 * Scenarios made by fast-check: what is likely enough to hurt, small enough to shrink. Owns the
 * distributions; knows nothing of how a scenario is run.
 *
 * @module
 */

import fc from "fast-check";
import type { Policy } from "../raft/types.ts";
import type {
  Budget,
  Fault,
  Operation,
  Scenario,
  ScenarioConfig,
  Target,
  WriteKind,
} from "./scenario.ts";

/** Which scenarios to make. */
export interface ScenarioChoices {
  readonly nodesMin: number;
  readonly nodesMax: number;
  /** `undefined`: any. */
  readonly quorum?: "all" | "majority" | undefined;
  readonly lastResort?: boolean | undefined;
  readonly budget?: Budget | undefined;
  /** Operations and faults together are at most this many. */
  readonly stepsMax: number;
}

/** How long operations and faults go on, ms: a few failure timeouts. */
const DURATION_MS = 6_000;

const FAILURE_TIMEOUT_MS = 1_000;

/** Port calls after which a planned crash comes, at most: a few writes and what they bring. */
const CALLS_MAX = 40;

/** Moments of a schedule around which its faults lie. */
const MOMENTS_MAX = 4;

/** Any scenario of these choices. */
export function scenarios(choices: ScenarioChoices): fc.Arbitrary<Scenario> {
  const faultsMax = Math.max(Math.ceil(choices.stepsMax / 2), 1);
  const operationsMax = choices.stepsMax - faultsMax;
  const moments = fc.array(instant(), { minLength: 1, maxLength: MOMENTS_MAX });
  return fc.tuple(configs(choices), moments).chain(([config, some]) =>
    fc.record({
      seed: fc.nat(0x7fff_ffff),
      config: fc.constant(config),
      operations: fc.array(operations(some), { maxLength: operationsMax, size: "max" }),
      faults: faultLists(config, { moments: some, max: faultsMax }),
    })
  );
}

function configs(choices: ScenarioChoices): fc.Arbitrary<ScenarioConfig> {
  return fc.record({
    nodes: fc.integer({ min: choices.nodesMin, max: choices.nodesMax }),
    spares: fc.nat(2),
    policy: policies(choices),
    budget: choices.budget === undefined
      ? fc.constantFrom<Budget>("in", "over")
      : fc.constant(choices.budget),
    ending: fc.constantFrom<ScenarioConfig["ending"]>("everyone", "survivors"),
    users: fc.constant(3),
    durationMs: fc.constant(DURATION_MS),
    writeEveryMs: fc.constantFrom(null, 400, 150, 40),
    state: weighted<ScenarioConfig["state"]>([19, fc.constant("model")], [
      1,
      fc.constant("libsql"),
    ]),
  });
}

function policies({ quorum, lastResort }: ScenarioChoices): fc.Arbitrary<Policy> {
  const timing = {
    heartbeatMs: 100,
    failureTimeoutMs: FAILURE_TIMEOUT_MS,
    isolationGraceMs: 3 * FAILURE_TIMEOUT_MS,
  };
  const all: Policy[] = [
    { quorum: "all", lastResort: true, ...timing },
    { quorum: "all", lastResort: false, ...timing },
    { quorum: "majority", lastResort: false, ...timing },
  ];
  const fitting = all.filter((policy) =>
    (quorum === undefined || policy.quorum === quorum) &&
    (lastResort === undefined || policy.quorum === "majority" || policy.lastResort === lastResort)
  );
  return fc.constantFrom(...fitting);
}

function instant(): fc.Arbitrary<number> {
  return fc.nat(DURATION_MS - 1);
}

/** What clients do: any time, or while something goes wrong. */
function operations(moments: readonly number[]): fc.Arbitrary<Operation> {
  const user = fc.nat(2);
  const atMs = fc.oneof(instant(), near(moments));
  return weighted<Operation>(
    [8, fc.record({ atMs, kind: fc.constant("send"), from: user, to: user })],
    [1, fc.record({ atMs, kind: fc.constant("acknowledge"), user })],
    [1, fc.record({ atMs, kind: fc.constant("renewSession"), user })],
    [
      3,
      fc.record({
        atMs,
        kind: fc.constant("read"),
        user,
        linearizable: fc.boolean(),
        node: fc.nat(6),
      }),
    ],
    [1, fc.record({ atMs, kind: fc.constant("moveSubscriber"), user, node: fc.nat(6) })],
  );
}

/** Parts of T around which the protocol changes its mind. */
const STALLS = [0.2, 0.4, 0.6, 1.1, 1.5, 2.5, 4.5, 6].map((part) => part * FAILURE_TIMEOUT_MS);

/**
 * A list of faults of a few kinds only, around a few moments: many of one kind find what a few
 * of every kind do not (Groce et al. 2012, swarm testing), and so do those that coincide.
 */
function faultLists(
  config: ScenarioConfig,
  { moments, max }: { readonly moments: readonly number[]; readonly max: number },
): fc.Arbitrary<Fault[]> {
  const node = targets(config.nodes + config.spares);
  const kinds = faultKinds(node, near(moments));
  const single = ([weight, fault]: Weighted<Fault>): Weighted<Fault[]> => [
    weight,
    fault.map((one) => [one]),
  ];
  return fc.subarray([...kinds.map(single), ...plots(node, near(moments))], { minLength: 1 })
    .chain((few) => fc.array(weighted<Fault[]>(...few), { maxLength: max, size: "max" }))
    .map((lists) => lists.flat().slice(0, max));
}

/** At one of the moments, or soon after it, or when the protocol has drawn its conclusions. */
function near(moments: readonly number[]): fc.Arbitrary<number> {
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

type Weighted<T> = readonly [weight: number, arbitrary: fc.Arbitrary<T>];

/** Two faults that the protocol fears together, and that chance seldom brings together. */
function plots(node: fc.Arbitrary<Target>, atMs: fc.Arbitrary<number>): Weighted<Fault[]>[] {
  return [[3, lagAndCrash(node, atMs)], [3, absenceAndCrash(node)]];
}

/** The leader dies while one of the others lacks its newest entries. */
function lagAndCrash(node: fc.Arbitrary<Target>, atMs: fc.Arbitrary<number>) {
  const later = fc.integer({ min: 20, max: 0.6 * FAILURE_TIMEOUT_MS });
  return fc.record({ atMs, to: node, later, afterCalls: fc.nat(CALLS_MAX) })
    .map(({ atMs, to, later, afterCalls }): Fault[] => [
      { atMs, kind: "block", from: "leader", to, ms: later + 50 },
      {
        atMs: Math.min(atMs + later, DURATION_MS - 1),
        kind: "crash",
        node: "leader",
        powerCut: false,
        afterCalls,
      },
    ]);
}

/** Whoever went on without one that stood still for long dies as that one wakes up. */
function absenceAndCrash(node: fc.Arbitrary<Target>) {
  const absence = around([4.5, 5, 5.5].map((part) => part * FAILURE_TIMEOUT_MS));
  const pair = { sleeper: fc.oneof(fc.constant<Target>("leader"), node), other: node };
  const early = fc.integer({ min: 0, max: 0.5 * FAILURE_TIMEOUT_MS });
  return fc.record({ ...pair, atMs: early, absence, before: fc.nat(300) })
    .map(({ sleeper, other, atMs, absence, before }): Fault[] => [
      { atMs, kind: "stall", node: sleeper, ms: absence },
      {
        atMs: Math.min(atMs + absence - before, DURATION_MS - 1),
        kind: "crash",
        node: other,
        powerCut: false,
        afterCalls: 0,
      },
    ]);
}

function faultKinds(node: fc.Arbitrary<Target>, atMs: fc.Arbitrary<number>): Weighted<Fault>[] {
  const stall = around(STALLS);
  const pair = { from: node, to: node };
  const short = fc.integer({ min: 50, max: 0.6 * FAILURE_TIMEOUT_MS });
  const long = fc.integer({ min: 50, max: 4 * FAILURE_TIMEOUT_MS });
  const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);
  const isolated = fc.array(node, { minLength: 1, maxLength: 2 });
  return [
    [8, fc.record({ atMs, kind: kind("crash"), node, ...crashes() })],
    [7, fc.record({ atMs, kind: kind("restart"), node })],
    [3, fc.record({ atMs, kind: kind("stall"), node, ms: stall })],
    [3, fc.record({ atMs, kind: kind("hang"), node, ms: stall })],
    [2, fc.record({ atMs, kind: kind("slow"), ...pair, delayMs: short, ms: long })],
    [1, fc.record({ atMs, kind: kind("lose"), ...pair, chance: fc.constant(0.5), ms: short })],
    [1, fc.record({ atMs, kind: kind("duplicate"), ...pair, ms: long })],
    [2, fc.record({ atMs, kind: kind("block"), ...pair, ms: fc.oneof(short, long) })],
    [1, fc.record({ atMs, kind: kind("isolate"), nodes: isolated, ms: fc.oneof(short, long) })],
    [1, fc.record({ atMs, kind: kind("reset"), ...pair })],
    [1, fc.record({ atMs, kind: kind("clockJump"), node, ms: stall })],
    [2, fc.record({ atMs, kind: kind("join") })],
    [1, fc.record({ atMs, kind: kind("leave"), node })],
    [1, fc.record({ atMs, kind: kind("remove"), node })],
    [1, fc.record({ atMs, kind: kind("transfer"), to: fc.option(node, { nil: null }) })],
  ];
}

function crashes() {
  return {
    powerCut: fc.boolean(),
    // Most at once; the rest a few port calls later, between any two effects.
    afterCalls: weighted<number>([2, fc.constant(0)], [1, fc.integer({ min: 1, max: CALLS_MAX })]),
    onWrite: weighted<WriteKind | null>(
      [6, fc.constant(null)],
      [2, fc.constant("config")],
      [1, fc.constant("promise")],
    ),
    restartAfterMs: fc.option(fc.integer({ min: 1, max: 400 }), { nil: null }),
  };
}

function targets(nodes: number): fc.Arbitrary<Target> {
  return weighted<Target>(
    [4, fc.nat(nodes - 1)],
    [2, fc.constant("leader")],
    [1, fc.constant("follower")],
  );
}

function around(values: readonly number[]): fc.Arbitrary<number> {
  return fc.tuple(fc.constantFrom(...values), fc.integer({ min: -20, max: 20 }))
    .map(([value, off]) => value + off);
}

function weighted<T>(...choices: readonly Weighted<T>[]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}
