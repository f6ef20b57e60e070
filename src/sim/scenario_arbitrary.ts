/**
 * Scenarios made by fast-check: what is likely enough to hurt, small enough to shrink. Owns the
 * distributions but for those of faults (`fault_arbitrary.ts`); knows nothing of how a scenario is run.
 *
 * @module
 */

import fc from "fast-check";
import type { Policy } from "../raft/types.ts";
import { DURATION_MS, FAILURE_TIMEOUT_MS, instant, SHORT_DURATION_MS, weighted } from "./dice.ts";
import { amidstLists, faultLists, meetings, near } from "./fault_arbitrary.ts";
import { COPY_ENDS_TIMEOUTS } from "./machine_faults.ts";
import type { Budget, Fault, Operation, Scenario, ScenarioConfig } from "./scenario.ts";

/** Which scenarios to make. */
export interface ScenarioChoices {
  readonly nodesMin: number;
  readonly nodesMax: number;
  /** `undefined`: any. */
  readonly quorum?: "all" | "majority" | undefined;
  readonly lastResort?: boolean | undefined;
  readonly budget?: Budget | undefined;
  /** `undefined`: the model, and now and then libSQL. */
  readonly state?: ScenarioConfig["state"] | undefined;
  /** Every schedule parts the cluster for so long that both sides go on, and meet again (§9). */
  readonly meets?: true | undefined;
  /** Every fault comes while something else is under way: each kind in each state, before long. */
  readonly amidst?: true | undefined;
  /** Operations and faults together are at most this many. */
  readonly stepsMax: number;
}

/** Moments of a schedule around which its faults lie. */
const MOMENTS_MAX = 4;

/** Faults beside a split, at most: with many, one side seldom lives to meet the other. */
const MEETING_FAULTS_MAX = 3;

/** Any scenario of these choices. */
export function scenarios(choices: ScenarioChoices): fc.Arbitrary<Scenario> {
  const faultsMax = Math.max(Math.ceil(choices.stepsMax / 2), 1);
  const operationsMax = choices.stepsMax - faultsMax;
  const drawn = fc.array(instant(), { minLength: 1, maxLength: MOMENTS_MAX });
  return fc.tuple(configs(choices), drawn).chain(([config, instants]) => {
    // Drawn from the same for all durations: another config, in shrinking, leaves them as they are.
    const within = (ms: number) => Math.floor(ms * config.durationMs / DURATION_MS);
    const some = instants.map(within);
    return fc.record({
      seed: fc.nat(0x7fff_ffff),
      config: fc.constant(config),
      faults: choices.meets
        ? meetings(config, { moments: some, max: MEETING_FAULTS_MAX })
        : choices.amidst
        ? amidstLists(config, { moments: some, max: faultsMax })
        : faultLists(config, { moments: some, max: faultsMax }),
      // Behind the faults: what clients do does not change which of these are drawn.
      operations: fc.array(operations(choices, instant().map(within), some), {
        maxLength: operationsMax,
        size: "max",
      }),
    });
  }).map(tightened);
}

/** Undisturbed time before the first fault, ms. */
const LEAD_MS = 100;

/** How long everything goes on after a fault has begun, ms: until the others draw conclusions. */
const AFTER_FAULT_MS = FAILURE_TIMEOUT_MS;

/** The same after the last operation, and after the last fault is over, ms. */
const AFTER_END_MS = 200;

/** The same without the time before the first fault, and after the last, in which nothing happens. */
function tightened(scenario: Scenario): Scenario {
  const { faults, operations, config } = scenario;
  const first = Math.min(...faults.map(({ atMs }) => atMs), config.durationMs);
  const earlierMs = Math.max(first - LEAD_MS, 0);
  const earlier = <T extends { readonly atMs: number }>(step: T): T => ({
    ...step,
    atMs: Math.max(Math.min(step.atMs, config.durationMs - 1) - earlierMs, 0),
  });
  const ends = [
    ...operations.map((operation) => earlier(operation).atMs + AFTER_END_MS),
    ...faults.map((fault) => earlier(fault).atMs + AFTER_FAULT_MS),
    ...faults.map(earlier).map((fault) =>
      endOf(fault, config.nodes + config.spares) + AFTER_END_MS
    ),
  ];
  const durationMs = Math.min(config.durationMs - earlierMs, Math.max(...ends, LEAD_MS));
  return {
    ...scenario,
    config: { ...config, durationMs },
    operations: operations.map(earlier),
    faults: faults.map(earlier),
  };
}

/** The last moment at which a fault does something, as far as it says so, ms. */
function endOf(fault: Fault, nodes: number): number {
  const { atMs } = fault;
  if ("restartAfterMs" in fault) return atMs + (fault.restartAfterMs ?? 0);
  switch (fault.kind) {
    case "partition":
      return atMs + fault.times * (fault.ms + fault.pauseMs);
    case "blackout":
      return atMs + fault.downMs + nodes * fault.gapMs + fault.lateMs;
    case "rollingRestart":
      return atMs + nodes * fault.gapMs;
    case "copy":
      return atMs + COPY_ENDS_TIMEOUTS * FAILURE_TIMEOUT_MS;
    default:
      return atMs + ("ms" in fault && fault.kind !== "clockJump" ? fault.ms : 0);
  }
}

function configs(choices: ScenarioChoices): fc.Arbitrary<ScenarioConfig> {
  const drawn = fc.record({
    nodes: fc.integer({ min: choices.nodesMin, max: choices.nodesMax }),
    spares: fc.constantFrom(0, 1, 1, 2, 2),
    policy: policies(choices),
    budget: choices.budget === undefined
      ? fc.constantFrom<Budget>("in", "over")
      : fc.constant(choices.budget),
    ending: choices.meets
      ? fc.constant<ScenarioConfig["ending"]>("everyone")
      : fc.constantFrom<ScenarioConfig["ending"]>("everyone", "survivors"),
    users: fc.constant(3),
    // Each costs as much as forty ms of what goes on by itself: what faults meet, and no more.
    writeEveryMs: fc.constantFrom(null, 400, 250, 120),
    // Short enough for whoever was away, or joins, to need a snapshot.
    logTailEntries: choices.meets ? fc.constant(null) : fc.constantFrom(null, 3, 12),
    // What lags behind, or is to be cut, is mostly more than one of these.
    appendEntriesMax: fc.constantFrom(null, null, 1, 3),
    // On libSQL a schedule takes six times as long, and finds the same but for what is wrong in the
    // tables themselves, for which there are campaigns on it alone. Of the tens of thousands of a
    // night, one of so many is still hundreds.
    state: choices.state === undefined
      ? weighted<ScenarioConfig["state"]>([255, fc.constant("model")], [1, fc.constant("libsql")])
      : fc.constant(choices.state),
  });
  // As short as leaves time for what may happen: half as long again finds little more for its time.
  return drawn.map((config) => ({
    ...config,
    durationMs: config.policy.lastResort ? DURATION_MS : SHORT_DURATION_MS,
  }));
}

function policies({ quorum, lastResort }: ScenarioChoices): fc.Arbitrary<Policy> {
  const timing = {
    failureTimeoutMs: FAILURE_TIMEOUT_MS,
    isolationGraceMs: 3 * FAILURE_TIMEOUT_MS,
  };
  const all: Omit<Policy, "heartbeatMs">[] = [
    { quorum: "all", lastResort: true, ...timing },
    { quorum: "all", lastResort: false, ...timing },
    { quorum: "majority", lastResort: false, ...timing },
  ];
  const fitting = all.filter((policy) =>
    (quorum === undefined || policy.quorum === quorum) &&
    (lastResort === undefined || policy.quorum === "majority" || policy.lastResort === lastResort)
  );
  // The longer one leaves the least room that there may be, and takes half as many events.
  return fc.tuple(
    fc.constantFrom(...fitting),
    fc.constantFrom(100, 200, 200, 200, 200, 200, 200, 200),
  )
    .map(([policy, heartbeatMs]) => ({ ...policy, heartbeatMs }));
}

/** What clients do: any time, or while something goes wrong. */
function operations(
  { meets }: ScenarioChoices,
  instants: fc.Arbitrary<number>,
  moments: readonly number[],
): fc.Arbitrary<Operation> {
  const user = fc.nat(2);
  const atMs = fc.oneof(instants, near(moments));
  return weighted<Operation>(
    [8, fc.record({ atMs, kind: fc.constant("send"), from: user, to: user })],
    [1, fc.record({ atMs, kind: fc.constant("acknowledge"), user })],
    [1, fc.record({ atMs, kind: fc.constant("renewSession"), user })],
    [1, fc.record({ atMs, kind: fc.constant<"visit">("visit") })],
    // A session that one side knows alone is what sides most easily answer differently.
    [meets ? 3 : 1, seldom(atMs, user)],
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
    [3, races(atMs, user)],
  );
}

/** What people do now and then. */
function seldom(
  atMs: fc.Arbitrary<number>,
  user: fc.Arbitrary<number>,
): fc.Arbitrary<Operation> {
  const count = fc.integer({ min: 1, max: 2 });
  return weighted<Operation>(
    [2, fc.record({ atMs, kind: fc.constant("loseSession"), user })],
    [1, fc.record({ atMs, kind: fc.constant("endAllSessions"), user })],
    [1, fc.record({ atMs, kind: fc.constant("endAnothers"), user })],
    [1, fc.record({ atMs, kind: fc.constant("useSession"), user })],
    [2, fc.record({ atMs, kind: fc.constant("setAdminToken"), count })],
  );
}

/** What clients do at once. */
function races(
  atMs: fc.Arbitrary<number>,
  user: fc.Arbitrary<number>,
): fc.Arbitrary<Operation> {
  const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);
  const sends = fc.integer({ min: 1, max: 4 });
  const count = fc.integer({ min: 2, max: 30 });
  const ms = fc.integer({ min: 100, max: 3 * FAILURE_TIMEOUT_MS });
  // A few are as good as many, and cheaper.
  const names = weighted<number>([8, fc.integer({ min: 2, max: 8 })], [1, fc.constant(100)]);
  return weighted<Operation>(
    [2, fc.record({ atMs, kind: kind("burst"), from: user, to: user, count })],
    [1, fc.record({ atMs, kind: kind("crowd"), from: user, names })],
    [3, fc.record({ atMs, kind: kind("sendTwice"), from: user, to: user })],
    [2, fc.record({ atMs, kind: kind("deleteRace"), from: user, sends })],
    [2, fc.record({ atMs, kind: kind("logoutRace"), user, sends })],
    [2, fc.record({ atMs, kind: kind("stallSubscriber"), user, ms })],
  );
}
