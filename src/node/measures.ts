/**
 * What the parts of a node tell of their work to whoever counts it. Types and one that counts
 * nothing: those who tell know no metrics, and a node without them pays next to nothing.
 *
 * @module
 */

import type { Outcome } from "../chat/command.ts";
import type { Entry, Index } from "../raft/types.ts";

/** Told by the driver; times in ms. Must not throw. */
export interface DriverMeasures {
  /** So many entries, and what belongs to them, are on this node's disk: how long the write took. */
  appended(entries: number, ms: number): void;
  /** These entries were applied in one transaction, and what came of them by their indexes. */
  applied(entries: readonly Entry[], outcomes: ReadonlyMap<Index, Outcome>, ms: number): void;
  /** What is applied was made durable. */
  checkpointed(ms: number): void;
  /** A proposal of this node is applied here: how long its caller has waited. */
  committed(ms: number): void;
}

/** How much waits in a driver. */
export interface DriverQueues {
  /** Inputs that the core has not taken. */
  readonly inputs: number;
  /** Proposals that are not decided, and the bytes of their commands. */
  readonly proposals: number;
  readonly proposalBytes: number;
  /** Batches for the next write of the log. */
  readonly writes: number;
  /** Messages that leave once a write is on disk. */
  readonly heldMessages: number;
  /** Committed entries that are not applied. */
  readonly applies: number;
  /** Callers that wait for an index. */
  readonly indexWaits: number;
  /** Callers that wait until a read is safe. */
  readonly readWaits: number;
  /** Joins, transfers and removals that the core has not answered. */
  readonly requests: number;
}

/** Counts nothing. */
export const NO_MEASURES: DriverMeasures = {
  appended() {},
  applied() {},
  checkpointed() {},
  committed() {},
};
