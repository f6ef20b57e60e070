/**
 * Reads of the state that wait for an index, so that two nodes read at the very same one while
 * writes go on. Owns who waits for which; reads nothing itself.
 *
 * @module
 */

import type { Index } from "../raft/types.ts";

/** Begins a read; never throws. What is applied stays as it is until this has resolved. */
type Begin = () => Promise<void>;

/** Reads by the index that they wait for. As many as callers that are let in, which is bounded. */
export class AwaitedIndexes {
  readonly #waiting = new Map<Begin, Index>();

  /**
   * Resolves with what `begin` gives at `index`, or behind it if the state goes on from a snapshot
   * there. Rejects once the signal is aborted, and begins nothing then.
   */
  at<T>(index: Index, begin: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        signal?.removeEventListener("abort", giveUp);
        await begin().then(resolve, reject);
      };
      const giveUp = () => {
        this.#waiting.delete(run);
        reject(signal?.reason);
      };
      if (signal?.aborted) return giveUp();
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#waiting.set(run, index);
    });
  }

  /** The first index behind this one that is waited for; `Infinity` if none is. */
  after(index: Index): Index {
    let first = Infinity;
    for (const one of this.#waiting.values()) if (one > index && one < first) first = one;
    return first;
  }

  /** The state is at this index: begins what has waited for it. */
  async reached(index: Index): Promise<void> {
    for (const [begin, one] of this.#waiting) {
      if (one > index) continue;
      this.#waiting.delete(begin);
      await begin();
    }
  }
}
