/**
 * What fails is tried again: a person is told why once, not at each try, and each try waits longer
 * than the one before. Owns the count and the waiting; what is tried is the caller's.
 *
 * @module
 */

import { pause } from "./pause.ts";
import type { Clock } from "./ports.ts";

export interface RetriesOptions {
  readonly clock: Clock;
  /** Time after the first failure, ms; it doubles with each one, up to `mostMs`. */
  readonly firstMs: number;
  readonly mostMs: number;
  readonly onNotice: (text: string) => void;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** Failures in a row of one thing. */
export class Retries {
  readonly #options: RetriesOptions;
  #failures = 0;
  #told = "";

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /** Tells what failed, unless that was told last, and resolves when it may be tried again. */
  async failed(what: string): Promise<void> {
    const { clock, firstMs, mostMs, onNotice, signal } = this.#options;
    if (signal.aborted) return;
    if (what !== this.#told) onNotice(`${what}: it will be tried again`);
    this.#told = what;
    await pause(clock, Math.min(firstMs * 2 ** this.#failures++, mostMs), signal);
  }

  /** It worked: the next failure is a new one. */
  succeeded(): void {
    this.#failures = 0;
    this.#told = "";
  }
}
