/**
 * Who leads. Owns the belief about the leader and the one search for it that all waiting calls
 * share: members are asked with GetCluster, a few at a time, until one names a leader that is
 * not the one that failed. It never sends a request of a user.
 *
 * @module
 */

import type { TermKey } from "../chat/command.ts";
import { limits } from "../limits.ts";
import type { AddressBook } from "./address_book.ts";
import type { ClientClock } from "./clock.ts";
import { compareTerms, termOf } from "./term_order.ts";

/** What the tracker needs from the client around it. */
export interface TrackerOptions {
  readonly clock: ClientClock;
  readonly book: AddressBook;
  /** GetCluster at one member; its answer comes back through {@linkcode LeaderTracker.hint}. */
  readonly ask: (address: string) => Promise<unknown>;
  /** True while somebody waits for a leader. */
  readonly wanted: () => boolean;
  /** A leader was found, or the one believed in became doubtful. */
  readonly onChange: (leader: string | null) => void;
}

interface Belief {
  readonly address: string;
  readonly term: TermKey;
}

/** The newest belief about the leader. */
export class LeaderTracker {
  readonly #options: TrackerOptions;
  #belief: Belief | null = null;
  /** The believed leader failed: only a newer term, or its own word, restores it. */
  #doubted = false;
  #searching = false;
  #searchStartedMs = 0;
  readonly #asked = new Set<string>();
  #cancelRound: (() => void) | null = null;

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  /** Client address of the leader, or `null` if none is known or it is in doubt. */
  current(): string | null {
    return this.#doubted ? null : this.#belief?.address ?? null;
  }

  /** The newest term that was heard of. */
  get term(): TermKey {
    return this.#belief?.term ?? termOf("");
  }

  get searching(): boolean {
    return this.#searching;
  }

  /**
   * The member at `from` says who leads. Older terms are ignored; so is the term of a leader in
   * doubt, unless that leader says itself that it is well.
   */
  hint(leader: string, term: string, from: string): void {
    if (leader === "") return;
    const key = termOf(term);
    if (this.#belief !== null) {
      const order = compareTerms(key, this.#belief.term);
      const same = leader === this.#belief.address;
      if (order < 0 || (order === 0 && !this.#doubted)) return;
      if (order === 0 && same && from !== leader) return;
    }
    this.#options.book.learn([leader]);
    this.#believe({ address: leader, term: key });
  }

  /** The member at `address` answered a request that only a leader answers. */
  confirm(address: string): void {
    if (this.current() !== null) return;
    this.#believe({ address, term: this.term });
  }

  /** The leader at `address` failed, or says that it leads no more. */
  doubt(address: string): void {
    if (this.#belief?.address === address && !this.#doubted) {
      this.#doubted = true;
      this.#options.onChange(null);
    }
    if (this.current() === null) this.search();
  }

  /** Starts to look for a leader, unless a search is on. */
  search(): void {
    if (this.#searching) return;
    this.#searching = true;
    this.#searchStartedMs = this.#options.clock.mono();
    this.#round();
  }

  close(): void {
    this.#searching = false;
    this.#cancelRound?.();
    this.#cancelRound = null;
  }

  /** One look at the believed leader and another member; a slow leader shows by itself. */
  check(): void {
    if (!this.#searching) this.#askSome();
  }

  #believe(belief: Belief): void {
    this.#belief = belief;
    this.#doubted = false;
    this.close();
    this.#options.onChange(belief.address);
  }

  #round(): void {
    this.#cancelRound = null;
    if (!this.#searching) return;
    if (!this.#options.wanted()) return this.close();
    this.#askSome();
    const { clock } = this.#options;
    const elapsed = clock.mono() - this.#searchStartedMs;
    const step = Math.min(limits.searchMs + elapsed / 50, limits.searchMsMax);
    this.#cancelRound = clock.after(step * (0.5 + clock.random()), () => this.#round());
  }

  /** Asks up to two members that have no question open. */
  #askSome(): void {
    for (let count = 0; count < limits.searchMembers; count++) {
      const address = this.#options.book.next();
      if (this.#asked.has(address)) continue;
      this.#asked.add(address);
      // What a member answered came through `hint`; what it did not is in the book.
      this.#options.ask(address).then(() => {}, () => {}).finally(() => {
        this.#asked.delete(address);
      });
    }
  }
}
