/**
 * What a reader has seen: the last position of each term and the ids of the newest messages
 * (DESIGN §8). Owns the decision whether a message is new; it never talks to a server. Memory
 * is bounded by `positionsMax` and `seenIdsMax`.
 *
 * @module
 */

import type { EntryPlace } from "../chat/command.ts";
import { limits } from "../limits.ts";
import { compareTerms, placeOf } from "./term_order.ts";

/** A cursor as plain data, to be kept between runs. */
export interface CursorState {
  /** Newest first, one a term, at most `limits.positionsMax`. */
  readonly positions: readonly string[];
  /** Ids of the messages seen last, oldest first. */
  readonly recentIds: readonly string[];
}

interface SeenPlace {
  readonly position: string;
  readonly place: EntryPlace;
}

/** Knows what was seen, across servers, elections and forks. */
export class Cursor {
  /** Newest first, by when they were seen. */
  #seen: SeenPlace[] = [];
  /** In order of insertion: the first is the oldest. */
  readonly #ids = new Set<string>();

  constructor(state: CursorState = { positions: [], recentIds: [] }) {
    for (const position of [...state.positions].reverse()) this.advance(position);
    for (const id of state.recentIds) this.#remember(id);
  }

  /** What to offer to a server: newest first, one a term. */
  positions(): readonly string[] {
    return this.#seen.map((seen) => seen.position);
  }

  /** Takes a position as seen. Within a term it never goes back; an unknown form is ignored. */
  advance(position: string): void {
    const place = placeOf(position);
    if (place === null) return;
    const known = this.#seen.findIndex((seen) => compareTerms(seen.place.term, place.term) === 0);
    const before = this.#seen[known];
    const newer = before === undefined || before.place.index < place.index;
    const entry = newer ? { position, place } : before;
    if (known >= 0) this.#seen.splice(known, 1);
    this.#seen.unshift(entry);
    if (this.#seen.length > limits.positionsMax) this.#seen.pop();
  }

  /**
   * True if the message was not seen before; takes it as seen. One log has one message at an
   * index, and messages come in its order: what is at or below a position of the same term was
   * seen. A message that moved to another term by a merge of two histories is known by its id.
   */
  take(message: { readonly id: string; readonly position: string }): boolean {
    const fresh = !this.#ids.has(message.id) && !this.#isBehind(message.position);
    this.#remember(message.id);
    this.advance(message.position);
    return fresh;
  }

  /** As plain data, with at most `idsMax` of the ids. */
  state(idsMax: number = limits.seenIdsMax): CursorState {
    return { positions: this.positions(), recentIds: [...this.#ids].slice(-idsMax) };
  }

  #isBehind(position: string): boolean {
    const place = placeOf(position);
    if (place === null) return false;
    return this.#seen.some((seen) =>
      compareTerms(seen.place.term, place.term) === 0 && place.index <= seen.place.index
    );
  }

  #remember(id: string): void {
    this.#ids.delete(id);
    this.#ids.add(id);
    if (this.#ids.size <= limits.seenIdsMax) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }
}
