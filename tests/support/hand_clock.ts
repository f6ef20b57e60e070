/**
 * A clock that stands still until the test moves it. Timers run in order of their time, each
 * with whatever it makes ready done before the next.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../../src/node/ports.ts";

/** Lets everything run that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** All three clocks as one, moved by hand. */
export class HandClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #timers = new Set<{ at: number; readonly task: () => void }>();

  mono(): number {
    return this.#now;
  }

  fast(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  defer(task: () => void): void {
    queueMicrotask(task);
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + ms, task };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  random(): number {
    return 0.5;
  }

  /** Timers that have yet to run: none should be left when everything is closed. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Days go by at once: every timer is as far away as before. */
  async leap(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of this.#timers) timer.at += ms;
    await settled();
  }

  /** Moves on, running what falls due on the way. */
  async advance(ms: number): Promise<void> {
    await settled();
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until);
      const [next] = due.sort((left, right) => left.at - right.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
      await settled();
    }
    this.#now = until;
    await settled();
  }
}
