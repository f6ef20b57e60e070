/**
 * What a driver is made from: the core's factory and the ports it runs on. Production fills it
 * in with libSQL, gRPC and the machine's clocks, the simulator with its own.
 *
 * @module
 */

import type { Command } from "../chat/command.ts";
import type { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Core } from "../raft/core_api.ts";
import type { Chain, CoreOptions, LogBounds } from "../raft/io.ts";
import { LOG_BOUNDS } from "../raft/log.ts";
import type { Member } from "../raft/types.ts";
import type { DriverMeasures } from "./measures.ts";
import type { Clock, LogStore, StateStore, Transport } from "./ports.ts";

/** {@linkcode LogBounds} with how often the state is made durable, so that the log may shrink. */
export interface KeptBounds extends LogBounds {
  readonly checkpointEntries: number;
}

/** Production's bounds. */
export const KEPT_BOUNDS: KeptBounds = {
  ...LOG_BOUNDS,
  checkpointEntries: limits.checkpointEntries,
};

/** What a driver runs on. */
export interface DriverOptions {
  readonly createCore: (options: CoreOptions) => Core;
  /** This node as it wants to be recorded. */
  readonly self: Member;
  /** This start of it, already stored (§3). */
  readonly incarnation: number;
  readonly chain: Chain;
  readonly encode: (command: Command) => Uint8Array;
  readonly log: LogStore;
  readonly state: StateStore;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Why no command may be proposed just now; `null` if one may. */
  readonly refusal?: () => ChatError | null;
  /** How much is kept; the production values unless a simulation wants less. */
  readonly bounds?: KeptBounds;
  /** Whoever counts; nobody unless given. */
  readonly measures?: DriverMeasures;
  /** The node has stopped for good; called once. */
  readonly onFatal: (error: Error) => void;
  /** A line for people. */
  readonly onNotice: (level: "info" | "warn", text: string) => void;
}
