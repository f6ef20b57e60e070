/**
 * A clock that tests move by hand: no test of the client waits for real time. Used by tests
 * alone.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { ClientClock } from "./clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

/** Time stands still until a test moves it; chance comes from a seed. */
export class ManualClock implements ClientClock {
  #now = 0;
  readonly #wallStart: number;
  #seed: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(options: { wall?: number; seed?: number } = {}) {
    this.#wallStart = options.wall ?? 1_700_000_000_000;
    this.#seed = (options.seed ?? 1) >>> 0;
  }

  mono = (): number => this.#now;
  wall = (): number => this.#wallStart + this.#now;

  after = (ms: number, task: () => void): () => void => {
    const timer = { at: this.#now + ms, order: this.#order++, task };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** mulberry32. */
  random = (): number => {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let mixed = this.#seed;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };

  randomBytes = (count: number): Uint8Array => {
    return Uint8Array.from({ length: count }, () => Math.floor(this.random() * 256));
  };

  /** Timers that are set: what a closed client must not leave behind. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves time without running anything. */
  skip(ms: number): void {
    this.#now += ms;
  }

  /** Lets everything that is resolved go on. */
  async settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Moves time by `ms`, running each timer at its time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      await this.#fire(next);
    }
    this.#now = end;
  }

  /** Moves time until the promise settles; throws if nothing more would happen by `limitMs`. */
  async until<T>(promise: Promise<T>, limitMs = 120_000): Promise<T> {
    let settled = false;
    const mark = () => void (settled = true);
    promise.then(mark, mark);
    const end = this.#now + limitMs;
    await this.settle();
    while (!settled) {
      const next = this.#next(end);
      if (next === undefined) throw new Error(`Nothing settled it within ${limitMs} ms`);
      await this.#fire(next);
    }
    return await promise;
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.task();
    await this.settle();
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > end) continue;
      if (
        first === undefined || timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order)
      ) first = timer;
    }
    return first;
  }
}
