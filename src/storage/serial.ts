/**
 * One thing after another: tasks that must not overlap, in the order in which they were asked
 * for. Owns only the order; what waits is bounded by whoever asks.
 *
 * @module
 */

export class Serial {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `task` once everything asked for before is done, whether it failed or not. */
  async run<T>(task: () => T | Promise<T>): Promise<T> {
    const before = this.#tail;
    const done = Promise.withResolvers<void>();
    this.#tail = done.promise;
    await before;
    try {
      return await task();
    } finally {
      done.resolve();
    }
  }
}
