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

  /**
   * What the promise comes to. Where damage ends it the listener is told first, and whoever waits
   * is sent elsewhere, as the node is stopping; without a listener they are told themselves.
   */
  async over<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      if (!(error instanceof ChatError) || error.reason !== "CORRUPT") throw error;
      const isFirst = this.#found === null;
      this.#found ??= error;
      if (this.#listener === null) throw error;
      if (isFirst) this.#listener(error);
      throw new ChatError("SHUTTING_DOWN", "The node is stopping: try another");
    }
  }
}
