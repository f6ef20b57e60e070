/**
 * How long this process itself stood still: the proxies and clients live in it, so a stall of it
 * is a silence between all nodes, and what starves it starves them too. Owns the measurement,
 * and the waiting that does not count such time.
 *
 * @module
 */

import { until } from "../cluster/wait.ts";

const EVERY_MS = 50;
/** A stall of so long is a fault by DESIGN §1, T/2: nothing is owed before it is over, ms. */
const FAULT_MS = 500;
/**
 * A stall of so long may be what was missing for a node to go on alone: a silence between two of
 * them, which is no partition by itself, may have come just before, ms.
 */
const PARTS_MS = 1_000;
/** On a machine that is never well a demand still ends, after so many times what it allows. */
const PATIENCE = 6;

/** Measures the event loop from its making on. */
export class LoopWatch {
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMs = performance.now();
  #longestMs = 0;
  #stalledAtMs = -Infinity;
  /** Told of a stall that may have parted the nodes, when it is over: how long it was, ms. */
  onParting: (stallMs: number) => void = () => {};

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#took(now - this.#lastMs - EVERY_MS);
      this.#lastMs = now;
    }, EVERY_MS);
  }

  /** Longest time for which nothing could be done, ms. */
  get longestMs(): number {
    return Math.round(this.#longestMs);
  }

  /**
   * Whether the condition comes to hold within `ms` in which the machine was well: a stall that
   * is a fault by itself starts the time anew, as any fault does.
   */
  async within(ms: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
    const since = performance.now();
    const isOver = () => {
      const now = performance.now();
      // A stall that has just ended was not measured yet.
      if (now - this.#lastMs - EVERY_MS >= FAULT_MS) return false;
      return now - Math.max(since, this.#stalledAtMs) >= ms;
    };
    let holds = false;
    const either = async () => (holds = await condition()) || isOver();
    await until(either, { what: "an end", ms: PATIENCE * ms }).catch(() => {});
    return holds;
  }

  #took(stallMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, stallMs);
    if (stallMs >= FAULT_MS) this.#stalledAtMs = performance.now();
    if (stallMs >= PARTS_MS) this.onParting(stallMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
