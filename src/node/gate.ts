/**
 * The gate of a service: every call goes in through it while the node serves, and the node
 * stops only when those that went in have come out. Owns the count, and that what comes out of
 * a failing call is a `ChatError`.
 *
 * @module
 */

import { ChatError } from "../errors.ts";

/** Lets calls in until it is shut. */
export class Gate {
  #inside = 0;
  #shut = false;
  #empty: () => void = () => {};

  /** Runs the call, or throws `SHUTTING_DOWN`. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    if (this.#shut) {
      throw new ChatError("SHUTTING_DOWN", "The node is stopping: try another");
    }
    this.#inside += 1;
    try {
      return await call();
    } catch (error) {
      throw ChatError.from(error);
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#empty();
    }
  }

  /** Lets nobody in any more; resolves when everybody is out. */
  shut(): Promise<void> {
    this.#shut = true;
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => this.#empty = resolve);
  }
}
