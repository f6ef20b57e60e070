/**
 * What a simulated node is made of and how it ends, as data. Owns no behaviour.
 *
 * @module
 */

import type { KeptBounds } from "../node/driver_options.ts";
import type { NodeDriver } from "../node/driver_api.ts";
import type { Clock, LogStore, StateStore } from "../node/ports.ts";
import type { SnapshotServer } from "../node/snapshot_server.ts";
import type { Core } from "../raft/core_api.ts";
import type { Chain, CoreOptions } from "../raft/io.ts";
import type { Member, NodeId, Role, Term } from "../raft/types.ts";
import type { PortCall, Process } from "./process.ts";
import type { Recorder } from "./recorder.ts";
import type { SimLogStore } from "./sim_disk.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { SimState } from "./sim_state.ts";
import type { World } from "./world.ts";

/** Id of every simulated cluster. */
export const CLUSTER_ID = "simulated";

/** How a process ends. */
export interface CrashOptions {
  /** What it was doing; left out if nothing. */
  readonly during?: PortCall;
  /** The whole machine: nobody hears of it, and what was not synced is gone. */
  readonly powerCut: boolean;
}

/** What a node is made of; tests of the checkers replace parts of it by broken ones. */
export interface NodeParts {
  readonly createCore: (options: CoreOptions) => Core;
  /** Wraps the log store of each start. */
  readonly wrapLog: (log: LogStore) => LogStore;
  /** Wraps the state of each start. */
  readonly wrapState: (state: StateStore) => StateStore;
}

export interface SimNodeOptions {
  readonly member: Member;
  readonly world: World;
  readonly network: SimNetwork;
  readonly recorder: Recorder;
  readonly state: SimState;
  readonly parts: NodeParts;
  readonly chain: Chain;
  readonly bounds: KeptBounds;
}

/** One start of a node, while it lives. */
export interface Running {
  readonly process: Process;
  readonly driver: NodeDriver;
  readonly clock: Clock;
  readonly log: SimLogStore;
  readonly snapshots: SnapshotServer;
  role: Role;
  term: Term;
  ready: boolean;
  leader: NodeId | null;
}
