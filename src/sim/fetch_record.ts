/**
 * Writes down when a simulated node takes a snapshot in: from the fetch on, until it has switched
 * to it or given it up. Owns that span only.
 *
 * @module
 */

import type { NodeId } from "../raft/types.ts";
import type { Recorder } from "./recorder.ts";

/** Fetches of one node, one at a time. */
export class FetchRecord {
  readonly #recorder: Recorder;
  #from: NodeId | null = null;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  begins(node: NodeId, from: NodeId): void {
    this.#from = from;
    this.#recorder.fact({ kind: "snapshot", node, from, running: true });
  }

  ends(node: NodeId): void {
    const from = this.#from;
    this.#from = null;
    if (from === null) return;
    this.#recorder.fact({ kind: "snapshot", node, from, running: false });
  }

  /** The process is gone, and its fetch with it. */
  forget(): void {
    this.#from = null;
  }
}
