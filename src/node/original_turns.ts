/**
 * Turns: of those who want something of one account one goes first, and the others after it, in
 * their order. Owns the queues and their bound.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

interface Queue {
  count: number;
  /** Resolves when whoever came last has gone. Never rejects. */
  last: Promise<void>;
}

/** One queue for each key that anybody waits for. */
export class Turns {
  readonly #queues = new Map<string, Queue>();

  /** Resolves when it is one's turn, with what ends it. Throws `OVERLOADED`. */
  async take(key: string): Promise<() => void> {
    const queue = this.#queues.get(key) ?? { count: 0, last: Promise.resolve() };
    if (queue.count >= limits.originalTurnsMax) {
      throw new ChatError("OVERLOADED", "Too many calls of this account wait: try again later", {
        retryAfterMs: limits.overloadRetryMs,
      });
    }
    this.#queues.set(key, queue);
    queue.count += 1;
    const before = queue.last;
    const mine = Promise.withResolvers<void>();
    queue.last = mine.promise;
    await before;
    return () => {
      queue.count -= 1;
      if (queue.count === 0) this.#queues.delete(key);
      mine.resolve();
    };
  }
}
