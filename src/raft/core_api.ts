/**
 * The surface of the replication core as its host sees it. `core.ts` implements it.
 *
 * @module
 */

import type { CoreStatus, Effect, Input } from "./io.ts";
import type { Clocks, Index, Term, TermStart } from "./types.ts";

/** One node's replication state machine: pure, synchronous, deterministic (§2). */
export interface Core {
  /** Takes one input and says what to do about it, in order. */
  step(input: Input, clocks: Clocks): readonly Effect[];
  /**
   * Whether this node may answer a linearizable read right now (§8): `true`, then the state as
   * applied here is new enough. Reads clocks only; has no effects.
   */
  canRead(clocks: Clocks): boolean;
  /** True while this node leads, its first config is committed, and proposals are taken. */
  canPropose(): boolean;
  /** As of the last input. */
  status(): CoreStatus;
  /** Last index up to which this log is the same as one with these term starts and this end. */
  commonIndex(theirs: { readonly starts: readonly TermStart[]; readonly last: Index }): Index;
  /** Term of an index on this log (by term starts, also below the base), else `null`. */
  termAt(index: Index): Term | null;
}
