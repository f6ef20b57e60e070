/**
 * Time that runs out once, for whatever is done in it one after another. Owns what counts as
 * taken: what somebody else takes can be left out. It ends nothing by itself.
 *
 * @module
 */

import type { ClientClock } from "./clock.ts";

/** The time of one call, or of several that belong together. */
export class Deadline {
  /** All of it, ms: what a person is told. */
  readonly timeoutMs: number;
  readonly #clock: Pick<ClientClock, "mono">;
  #endMs: number;
  /** Since when it stands still, and for how many waits. */
  #aside = { sinceMs: 0, waits: 0 };

  constructor(clock: Pick<ClientClock, "mono">, timeoutMs: number) {
    this.#clock = clock;
    this.timeoutMs = timeoutMs;
    this.#endMs = clock.mono() + timeoutMs;
  }

  /** What is left of it, ms; 0 once it is over. */
  leftMs(): number {
    const { sinceMs, waits } = this.#aside;
    return Math.max(0, this.#endMs - (waits > 0 ? sinceMs : this.#clock.mono()));
  }

  /** Waits for what takes no time of it: a person who types, a reader who is slow. */
  async aside<T>(wait: () => T | Promise<T>): Promise<T> {
    const aside = this.#aside;
    if (aside.waits++ === 0) aside.sinceMs = this.#clock.mono();
    try {
      return await wait();
    } finally {
      if (--aside.waits === 0) this.#endMs += this.#clock.mono() - aside.sinceMs;
    }
  }
}
