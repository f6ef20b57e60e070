/**
 * Short runs of the simulator for tests of its faults: a scenario of a few steps, and what came of
 * it. Owns the scenario's frame; judges nothing.
 *
 * @module
 */

import type { HistoryEvent, HistoryFact } from "../../src/sim/history.ts";
import { type RunResult, runScenario } from "../../src/sim/run.ts";
import type { Fault, Operation, Scenario, ScenarioConfig } from "../../src/sim/scenario.ts";
import { judge } from "../../src/sim/simulate.ts";

export const TIMING = { heartbeatMs: 100, failureTimeoutMs: 1_000, isolationGraceMs: 3_000 };
export const MAJORITY = { quorum: "majority", lastResort: false, ...TIMING } as const;
export const ALL = { quorum: "all", lastResort: true, ...TIMING } as const;
export const ALL_WITHOUT = { quorum: "all", lastResort: false, ...TIMING } as const;

export interface FrameOptions extends Partial<ScenarioConfig> {
  readonly faults?: readonly Fault[];
  readonly operations?: readonly Operation[];
  readonly seed?: number;
}

/** A scenario of three nodes under a steady load, unless told otherwise. */
export function frame(options: FrameOptions): Scenario {
  const { faults = [], operations = [], seed = 1, ...config } = options;
  return {
    seed,
    config: {
      nodes: 3,
      spares: 0,
      policy: MAJORITY,
      budget: "in",
      ending: "everyone",
      users: 3,
      durationMs: 6_000,
      writeEveryMs: 100,
      state: "model",
      ...config,
    },
    operations,
    faults,
  };
}

/** Runs it, with what the nodes say, and adds what the checkers find. */
export async function runFrame(
  options: FrameOptions,
): Promise<RunResult & { readonly broken: readonly string[] }> {
  const scenario = frame(options);
  const result = await runScenario(scenario, { traced: true });
  const { violations } = await judge(scenario);
  return { ...result, broken: violations.map(({ checker, message }) => `${checker}: ${message}`) };
}

export type EventOf<K extends HistoryFact["kind"]> = HistoryEvent & { readonly kind: K };

/** The events of one kind, of one node if it is given. */
export function eventsOf<K extends HistoryFact["kind"]>(
  { history }: RunResult,
  kind: K,
  node?: string,
): EventOf<K>[] {
  return history.events.filter((event): event is EventOf<K> =>
    event.kind === kind && (node === undefined || ("node" in event && event.node === node))
  );
}

/** Who is a member in the end. */
export function membersOf(result: RunResult): string[] {
  return eventsOf(result, "final").filter(({ member }) => member).map(({ node }) => node);
}
