/**
 * A scenario: everything that a run is made from, as plain data. Owns its shape, its text as
 * numbered steps, and its JSON; making and running it are others' business.
 *
 * @module
 */

import type { Policy } from "../raft/types.ts";
import type { PortCall } from "./process.ts";

/** How much may go wrong, and with that, what is judged (§1). */
export type Budget =
  /** Never more than the policy promises to survive: safety and liveness are judged. */
  | "in"
  /** Anything: safety is judged, and liveness only if everybody comes back at the end. */
  | "over";

export interface ScenarioConfig {
  /** Voters at the start. */
  readonly nodes: number;
  /** Nodes that join when a fault says so. */
  readonly spares: number;
  readonly policy: Policy;
  readonly budget: Budget;
  /** Whether those that are down at the end come back. */
  readonly ending: "survivors" | "everyone";
  readonly users: number;
  /** How long operations and faults go on, ms. */
  readonly durationMs: number;
  /** One more message is sent this often all the time, ms; `null`: only the operations. */
  readonly writeEveryMs?: number | null;
  /** So short a log that nodes compact it and fetch snapshots; `null`: production's bounds. */
  readonly logTailEntries?: number | null;
  /** So few entries in one append that whoever lags gets several; `null`: production's bound. */
  readonly appendEntriesMax?: number | null;
  /** What holds the replicated state: the model, or libSQL in memory. */
  readonly state: "model" | "libsql";
}

/** Something that a client does. `user` and the like count from 0, modulo the users. */
export type Operation =
  & { readonly atMs: number }
  & (
    | { readonly kind: "send"; readonly from: number; readonly to: number }
    | { readonly kind: "acknowledge"; readonly user: number }
    /** A logout and a new login. */
    | { readonly kind: "renewSession"; readonly user: number }
    /** A new login, from which the session before is ended by its id. */
    | { readonly kind: "loseSession"; readonly user: number }
    /** A new login, from which all sessions are ended, and another one. */
    | { readonly kind: "endAllSessions"; readonly user: number }
    /** The session of the next user is named by its id: it is not this user's to end. */
    | { readonly kind: "endAnothers"; readonly user: number }
    /** The session was used: it lives longer. */
    | { readonly kind: "useSession"; readonly user: number }
    /** So many operators put an admin token of their own in the place of the one there is. */
    | { readonly kind: "setAdminToken"; readonly count: number }
    /** An account that is made and deleted again. */
    | { readonly kind: "visit" }
    | {
      readonly kind: "read";
      readonly user: number;
      readonly linearizable: boolean;
      readonly node: number;
    }
    | { readonly kind: "moveSubscriber"; readonly user: number; readonly node: number }
    /** So many messages at once. */
    | {
      readonly kind: "burst";
      readonly from: number;
      readonly to: number;
      readonly count: number;
    }
    /** One message to each of so many accounts; those that are not there yet are made. */
    | { readonly kind: "crowd"; readonly from: number; readonly names: number }
    /** Asked of two nodes at once, with one request id: the client went on to the second too soon. */
    | { readonly kind: "sendTwice"; readonly from: number; readonly to: number }
    /** An account is deleted while so many messages to it are on their way. */
    | { readonly kind: "deleteRace"; readonly from: number; readonly sends: number }
    /** A session ends while so many messages that it sends are on their way. */
    | { readonly kind: "logoutRace"; readonly user: number; readonly sends: number }
    /** The client takes nothing off its stream for so long. */
    | { readonly kind: "stallSubscriber"; readonly user: number; readonly ms: number }
  );

/** Which node a fault hits: by place in rank order, or by what it is at that moment. */
export type Target = number | "leader" | "follower" | "down";

/** Which pairs of nodes a partition parts, in the order of the nodes from one of them on. */
export type PartitionShape =
  /** The first half, the smaller one, hears nothing of the others, and they nothing of it. */
  | "halves"
  /** The others hear nothing of the first half; it hears them. */
  | "oneWay"
  /** The first one hears nobody, and nobody hears it. */
  | "alone"
  /** Each hears its two neighbours only. */
  | "ring"
  /** The first one hears everybody; the halves of the others hear only it and themselves. */
  | "bridge";

/** Something that goes wrong, or that an operator does. */
export type Fault =
  & {
    readonly atMs: number;
    /** Waits from then on until the cluster is in this state (`protocol_states.ts`). */
    readonly during?: string | null;
  }
  & (
    | {
      readonly kind: "crash";
      /** `any`, with `on`: whichever node makes such a call first. */
      readonly node: Target | "any";
      /** The whole machine: no refusals, and the state is back at its last checkpoint. */
      readonly powerCut: boolean;
      /** 0: at once; else at so many port calls of the node later, between any two effects. */
      readonly afterCalls: number;
      /** Count only from the node's next call of this kind on. */
      readonly on?: PortCall | null;
      /** Starts again so long after the crash; otherwise only a `restart` does it. */
      readonly restartAfterMs?: number | null;
    }
    | { readonly kind: "restart"; readonly node: Target }
    | { readonly kind: "stall"; readonly node: Target; readonly ms: number }
    | { readonly kind: "hang"; readonly node: Target; readonly ms: number }
    | {
      readonly kind: "slow";
      readonly from: Target;
      readonly to: Target;
      readonly delayMs: number;
      readonly ms: number;
    }
    | {
      readonly kind: "lose";
      readonly from: Target;
      readonly to: Target;
      readonly chance: number;
      readonly ms: number;
    }
    | {
      readonly kind: "duplicate";
      readonly from: Target;
      readonly to: Target;
      readonly ms: number;
    }
    /** What is sent later overtakes some of it. */
    | {
      readonly kind: "reorder";
      readonly from: Target;
      readonly to: Target;
      readonly ms: number;
    }
    | { readonly kind: "block"; readonly from: Target; readonly to: Target; readonly ms: number }
    | { readonly kind: "isolate"; readonly nodes: readonly Target[]; readonly ms: number }
    | {
      readonly kind: "partition";
      readonly shape: PartitionShape;
      /** The first node of the order. */
      readonly around: Target;
      readonly ms: number;
      /** So often, with pauses of `pauseMs` between: more than once is flapping. */
      readonly times: number;
      readonly pauseMs: number;
    }
    | { readonly kind: "reset"; readonly from: Target; readonly to: Target }
    /** The wall clock is set forward, or back if `ms` is negative. */
    | { readonly kind: "clockJump"; readonly node: Target; readonly ms: number }
    /** The clocks run faster by so much, or slower if it is negative, for so long. */
    | {
      readonly kind: "drift";
      readonly node: Target;
      readonly monoPercent: number;
      readonly wallPercent: number;
      readonly ms: number;
    }
    /** The disk fails the node's next write: the node stops, and starts again so much later. */
    | { readonly kind: "writeError"; readonly node: Target; readonly restartAfterMs: number }
    /** The disk is full for so long: the node stops at its next write, and starts again then. */
    | { readonly kind: "diskFull"; readonly node: Target; readonly ms: number }
    /** Each fsync takes so much longer, for so long. */
    | {
      readonly kind: "slowDisk";
      readonly node: Target;
      readonly delayMs: number;
      readonly ms: number;
    }
    /**
     * A bit of a log entry on the node's disk is another. So much later the node is killed and
     * started; it must refuse to start, and a new one with an empty disk takes its address.
     */
    | {
      readonly kind: "flipEntry";
      readonly node: Target;
      /** Which entry above the base: 0 is the first one, 999 the last. */
      readonly permille: number;
      readonly restartAfterMs: number;
    }
    /** A bit of the next part of a snapshot that the node gives out is another. */
    | { readonly kind: "flipChunk"; readonly node: Target; readonly bit: number }
    /** All machines lose power at once, and get it back one after the other. */
    | {
      readonly kind: "blackout";
      readonly downMs: number;
      readonly gapMs: number;
      /** The last one gets it back so much later still. */
      readonly lateMs: number;
      /** Numbers the orders in which they come back. */
      readonly order: number;
    }
    /** The machine burns down; a new node with an empty disk takes its address. */
    | { readonly kind: "replace"; readonly node: Target }
    /** A second node is started elsewhere with a copy of the data directory (§3). */
    | { readonly kind: "copy"; readonly node: Target }
    /** One node after the other is restarted, this much apart; orderly: by SIGTERM. */
    | {
      readonly kind: "rollingRestart";
      readonly orderly: boolean;
      readonly gapMs: number;
    }
    | { readonly kind: "join" }
    | { readonly kind: "leave"; readonly node: Target }
    | { readonly kind: "remove"; readonly node: Target }
    | { readonly kind: "transfer"; readonly to: Target | null }
  );

export type FaultOf<K extends Fault["kind"]> = Extract<Fault, { kind: K }>;

export interface Scenario {
  /** Decides delays, jitter and all other dice. */
  readonly seed: number;
  readonly config: ScenarioConfig;
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
}

/** A scenario as numbered steps, in the order in which they happen. */
export function printScenario(scenario: Scenario): string {
  const { nodes, spares, policy, budget, ending, state } = scenario.config;
  const { logTailEntries, appendEntriesMax } = scenario.config;
  const steps = [...scenario.operations, ...scenario.faults]
    .map((step, order) => ({ step, order }))
    .sort((one, other) => one.step.atMs - other.step.atMs || one.order - other.order);
  const lastResort = policy.quorum === "all"
    ? `, last resort ${policy.lastResort ? "on" : "off"}`
    : "";
  const spare = spares === 0 ? "" : ` and ${spares} to join`;
  const tail = logTailEntries == null ? "" : `, log tail ${logTailEntries}`;
  const sent = appendEntriesMax == null ? "" : `, ${appendEntriesMax} entries in an append`;
  return [
    `${nodes} nodes${spare}, quorum ${policy.quorum}${lastResort}, ` +
    `T ${policy.failureTimeoutMs} ms, G ${policy.isolationGraceMs} ms, budget ${budget}, ` +
    `ending ${ending}, state ${state}${tail}${sent}, seed ${scenario.seed}`,
    ...steps.map(({ step }, at) => `${at + 1}. ${stepText(step)}`),
  ].join("\n");
}

function stepText(step: Operation | Fault): string {
  const { atMs, kind, ...rest } = step;
  const details = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return `at ${atMs} ms: ${kind}${details.length === 0 ? "" : ` (${details.join(", ")})`}`;
}

/** Reads what `JSON.stringify` wrote. Throws `SyntaxError` if it is no scenario. */
export function parseScenario(text: string): Scenario {
  const value: unknown = JSON.parse(text);
  const shaped = typeof value === "object" && value !== null && "seed" in value &&
    "config" in value && "operations" in value && "faults" in value;
  if (!shaped) throw new SyntaxError("A scenario has a seed, a config, operations and faults");
  return value as Scenario;
}
