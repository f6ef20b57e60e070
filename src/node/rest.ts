/**
 * What a node does when it comes to rest after a load: it collects its garbage once. The runtime
 * collects when JavaScript's heap grows, and at rest nothing grows: what the last seconds of a
 * load left, most of it native memory that the heap's size does not show, would stay for hours.
 * Owns when that is; a node under load is left to the runtime.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { Clock } from "./ports.ts";

/** What a {@linkcode Rest} needs. */
export interface RestOptions {
  readonly driver: Pick<NodeDriver, "onApplied">;
  readonly clock: Clock;
  /** Collects all garbage; may take some ten ms. */
  readonly collect: () => void;
}

/** Watches what is applied until it is closed. */
export class Rest {
  readonly #options: RestOptions;
  readonly #stopListening: () => void;
  #appliedAt: number;
  /** Applies since the last collection. */
  #applies = 0;
  #cancelWatch: (() => void) | null = null;

  constructor(options: RestOptions) {
    this.#options = options;
    this.#appliedAt = options.clock.mono();
    this.#stopListening = options.driver.onApplied(() => this.#applied());
  }

  close(): void {
    this.#stopListening();
    this.#cancelWatch?.();
    this.#cancelWatch = null;
  }

  #applied(): void {
    this.#applies += 1;
    this.#appliedAt = this.#options.clock.mono();
    if (this.#applies >= limits.restAppliesMin && this.#cancelWatch === null) {
      this.#watch(limits.restMs);
    }
  }

  #watch(ms: number): void {
    this.#cancelWatch = this.#options.clock.after(ms, () => {
      const leftMs = this.#appliedAt + limits.restMs - this.#options.clock.mono();
      if (leftMs > 0) return this.#watch(leftMs);
      this.#cancelWatch = null;
      this.#applies = 0;
      this.#options.collect();
    });
  }
}
