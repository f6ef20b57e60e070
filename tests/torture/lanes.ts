/**
 * The ways from node to node, one for each ordered pair, and what is wrong with each now. Owns
 * these conditions alone; the bytes are {@linkcode Flow}'s.
 *
 * @module
 */

/** What happens to bytes on one way. */
export interface Condition {
  /** Held back, and delivered when that ends. */
  readonly held: boolean;
  /** Lost; a connection that lost any is reset when that ends. */
  readonly lost: boolean;
  readonly delayMs: number;
  /** Infinity: as fast as they come. */
  readonly bytesPerSecond: number;
}

const CLEAR: Condition = { held: false, lost: false, delayMs: 0, bytesPerSecond: Infinity };

/** One way. */
export class Lane {
  readonly #listeners = new Set<() => void>();
  /** What lasts now: each fault adds its own and takes it away again. */
  readonly #conditions = new Set<Partial<Condition>>();

  /** Adds a condition; the result takes it away. */
  worsen(condition: Partial<Condition>): () => void {
    this.#conditions.add(condition);
    this.#tell();
    return () => {
      if (this.#conditions.delete(condition)) this.#tell();
    };
  }

  heal(): void {
    this.#conditions.clear();
    this.#tell();
  }

  get now(): Condition {
    let now = CLEAR;
    for (const one of this.#conditions) {
      now = {
        held: now.held || (one.held ?? false),
        lost: now.lost || (one.lost ?? false),
        delayMs: now.delayMs + (one.delayMs ?? 0),
        bytesPerSecond: Math.min(now.bytesPerSecond, one.bytesPerSecond ?? Infinity),
      };
    }
    return now;
  }

  /** Calls back after each change; the result ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** All ways, made as they are asked for. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  lane(from: string, to: string): Lane {
    const key = `${from}>${to}`;
    const lane = this.#lanes.get(key) ?? new Lane();
    this.#lanes.set(key, lane);
    return lane;
  }

  heal(): void {
    for (const lane of this.#lanes.values()) lane.heal();
  }
}
