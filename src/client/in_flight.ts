/**
 * The requests that wait for an answer. Owns their time limits and their abandonment: one timer
 * watches all of them, so a call costs no timer of its own. It never repeats a request.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ClientClock } from "./clock.ts";

interface Flight {
  readonly address: string;
  readonly startedMs: number;
  readonly deadlineMs: number;
  /** Ends the wait with an error; the request itself may still happen. */
  abandon(error: ChatError): void;
}

/** How long a request may take, and who may give it up. */
export interface FlightOptions {
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Called now and then while some request has waited longer than `limits.slowMs`. */
export type SlowListener = () => void;

/** Requests of one kind on their way. */
export class InFlight {
  readonly #clock: ClientClock;
  readonly #onSlow: SlowListener;
  /** In the order of their start. */
  readonly #flights = new Set<Flight>();
  #cancelWatch: (() => void) | null = null;
  /** When the listener may be called again, and how long after that, ms. */
  #slowAt = 0;
  #slowPauseMs: number = limits.slowMs;

  constructor(clock: ClientClock, onSlow: SlowListener = () => {}) {
    this.#clock = clock;
    this.#onSlow = onSlow;
  }

  get size(): number {
    return this.#flights.size;
  }

  /** Makes one request. Rejects with whatever `request` does, or `NO_ANSWER` if given up. */
  run<T>(
    address: string,
    options: FlightOptions,
    request: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(givenUp(address, "the caller gave up"));
    return new Promise((resolve, reject) => {
      const controller = new AbortController();
      const now = this.#clock.mono();
      const giveUp = () => flight.abandon(givenUp(address, "the caller gave up"));
      const end = () => {
        this.#flights.delete(flight);
        signal?.removeEventListener("abort", giveUp);
      };
      const flight: Flight = {
        address,
        startedMs: now,
        deadlineMs: now + options.limitMs,
        abandon(error) {
          end();
          reject(error);
          controller.abort();
        },
      };
      this.#flights.add(flight);
      signal?.addEventListener("abort", giveUp);
      this.#watch();
      // After an abandonment these settle a promise that is settled already.
      request(controller.signal).then(
        (value) => (end(), resolve(value)),
        (error: unknown) => (end(), reject(error)),
      );
    });
  }

  /** Gives up everything that is not on its way to `address`: it is known to be in vain. */
  abandonOthers(address: string): void {
    for (const flight of [...this.#flights]) {
      if (flight.address !== address) {
        flight.abandon(givenUp(flight.address, `the leader is now at ${address}`));
      }
    }
  }

  /** Gives up everything. */
  close(): void {
    for (const flight of [...this.#flights]) {
      flight.abandon(givenUp(flight.address, "the client was closed"));
    }
    this.#cancelWatch?.();
    this.#cancelWatch = null;
  }

  #watch(): void {
    this.#cancelWatch ??= this.#clock.after(limits.flightCheckMs, () => this.#check());
  }

  #check(): void {
    this.#cancelWatch = null;
    const now = this.#clock.mono();
    let slow = false;
    for (const flight of [...this.#flights]) {
      if (flight.deadlineMs <= now) {
        flight.abandon(givenUp(flight.address, "it took too long"));
      } else if (now - flight.startedMs >= limits.slowMs) slow = true;
    }
    if (this.#flights.size > 0) this.#watch();
    this.#tellSlow(slow, now);
  }

  /** Ever more rarely while it lasts: a slow cluster must not be asked why all the time. */
  #tellSlow(slow: boolean, now: number): void {
    if (!slow) this.#slowPauseMs = limits.slowMs;
    else if (now >= this.#slowAt) {
      this.#slowAt = now + this.#slowPauseMs;
      this.#slowPauseMs = Math.min(2 * this.#slowPauseMs, limits.slowPauseMsMax);
      this.#onSlow();
    }
  }
}

function givenUp(address: string, why: string): ChatError {
  return new ChatError("NO_ANSWER", `No answer from ${address}: ${why}`);
}
