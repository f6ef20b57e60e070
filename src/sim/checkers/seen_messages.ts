/**
 * What reads have to show: by user, the messages that count as seen, and what was among them when
 * each read that is still open began. Owns this bookkeeping; what counts, each checker says.
 *
 * @module
 */

import type { HistoryEvent } from "../history.ts";

interface OpenRead {
  readonly user: number;
  readonly atLeast: ReadonlySet<string>;
}

/** An answered read. */
export interface EndedRead {
  readonly user: number;
  readonly shown: ReadonlySet<string>;
  /** The first message that it had to show and does not; `null` if there is none. */
  readonly missing: string | null;
}

/** Messages that the users of one run have seen. */
export class SeenMessages {
  readonly #seen = new Map<number, Set<string>>();
  readonly #open = new Map<number, OpenRead>();

  add(user: number, id: string): void {
    this.#of(user).add(id);
  }

  /** The read `operation` begins; one that is not `bound` need show nothing. */
  begin(operation: number, user: number, bound = true): void {
    this.#open.set(operation, { user, atLeast: new Set(bound ? this.#of(user) : []) });
  }

  /** A read is answered: what it shows is seen. `null` if it was never begun. */
  end({ operation, messages }: HistoryEvent & { kind: "readAnswered" }): EndedRead | null {
    const read = this.#open.get(operation);
    if (read === undefined) return null;
    const shown = new Set(messages.map(({ id }) => id));
    for (const id of shown) this.add(read.user, id);
    const missing = [...read.atLeast].find((id) => !shown.has(id)) ?? null;
    return { user: read.user, shown, missing };
  }

  #of(user: number): Set<string> {
    const ids = this.#seen.get(user) ?? new Set();
    this.#seen.set(user, ids);
    return ids;
  }
}
