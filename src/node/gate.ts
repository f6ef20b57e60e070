/**
 * The gate of a service: calls wait before it while the node starts, go in through it while it
 * serves, and the node stops only when those that went in have come out. Owns the count, and that what comes out of
 * a failing call is a `ChatError`.
 *
 * @module
 */

import { ChatError } from "../errors.ts";

/** Closed, then open, then shut for good. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>();
  #inside = 0;
  #shut = false;
  #empty: () => void = () => {};

  /** Lets in whoever waits, and everybody from now on. */
  open(): void {
    this.#opened.resolve();
  }

  /** Resolves once the gate is open; throws `SHUTTING_DOWN` if it is shut. */
  async wait(): Promise<void> {
    await this.#opened.promise;
    if (this.#shut) throw new ChatError("SHUTTING_DOWN", "The node is stopping: try another");
  }

  /** Runs the call once the gate is open, or throws `SHUTTING_DOWN`. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    await this.wait();
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
    this.open();
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => this.#empty = resolve);
  }
}
