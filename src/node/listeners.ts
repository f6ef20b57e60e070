/**
 * Who wants to hear of something, in the order in which they asked. Owns the list only.
 *
 * @module
 */

/** Listeners for one kind of event. They must not throw: an error of theirs is a bug of ours. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #listeners = new Set<(...args: Args) => void>();

  /** The result removes the listener. */
  add(listener: (...args: Args) => void): () => void {
    // Wrapped, so that one function added twice is two listeners.
    const own = (...args: Args) => listener(...args);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  tell(...args: Args): void {
    for (const listener of this.#listeners) listener(...args);
  }
}
