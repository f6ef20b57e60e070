/**
 * Tells one listener of damage that is found while a database is in use, whoever found it: a query,
 * a digest, a snapshot. Owns nothing else; what is done about it is the node's.
 *
 * @module
 */

import { ChatError } from "../errors.ts";

/** Told once at most: the node stops then. */
export type DamageListener = (error: ChatError) => void;

export class DamageWatch {
  #listener: DamageListener | null = null;
  #found: ChatError | null = null;

  /** Calls back at the first damage, also if it was found already. */
  listen(listener: DamageListener): void {
    this.#listener = listener;
    if (this.#found !== null) listener(this.#found);
  }

  /** What the promise comes to; damage is told before it is thrown on. */
  async over<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      if (error instanceof ChatError && error.reason === "CORRUPT" && this.#found === null) {
        this.#found = error;
        this.#listener?.(error);
      }
      throw error;
    }
  }
}
