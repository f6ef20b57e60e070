/**
 * How long this process itself stood still: the proxies and clients live in it, so a stall of it
 * is a silence between all nodes, which must be known when a run is judged.
 *
 * @module
 */

const EVERY_MS = 50;

/** Measures the event loop from its making on. */
export class LoopWatch {
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMs = performance.now();
  #longestMs = 0;

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#longestMs = Math.max(this.#longestMs, now - this.#lastMs - EVERY_MS);
      this.#lastMs = now;
    }, EVERY_MS);
  }

  /** Longest time for which nothing could be done, ms. */
  get longestMs(): number {
    return Math.round(this.#longestMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
