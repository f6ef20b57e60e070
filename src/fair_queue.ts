/**
 * A queue that is fair to those who stand in it: by the first key, an address say, and within it
 * by the next one. Whoever has just come with one item is served before those with many, and
 * these in turn; items of one last key keep their order. Owns the order only; how many may wait
 * is its user's to bound.
 *
 * The scheme is that of fq_codel (RFC 8290, section 4) without its timers: a key that was not
 * waiting is new for one turn, and goes round with the others afterwards.
 *
 * @module
 */

/** What waits under one key: items under the last one, more keys under the others. */
type Waiting<T> = Line<T> | Keys<T>;

/** Items in the order in which they came. */
class Line<T> {
  readonly #items: T[] = [];

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  push(_keys: readonly string[], item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    return this.#items.shift();
  }
}

class Keys<T> {
  readonly #depth: number;
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #fresh: string[] = [];
  /** Keys that had their turn; one with nothing left goes round once more, and is not new then. */
  readonly #others: string[] = [];
  #count = 0;

  constructor(depth: number) {
    this.#depth = depth;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  push(keys: readonly string[], item: T): void {
    const key = keys[keys.length - this.#depth] ?? "";
    let waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      waiting = this.#depth === 1 ? new Line() : new Keys(this.#depth - 1);
      this.#waiting.set(key, waiting);
      this.#fresh.push(key);
    }
    waiting.push(keys, item);
    this.#count += 1;
  }

  shift(): T | undefined {
    while (true) {
      const key = this.#fresh.shift() ?? this.#others.shift();
      if (key === undefined) return undefined;
      const item = this.#waiting.get(key)?.shift();
      if (item === undefined) {
        this.#waiting.delete(key);
        continue;
      }
      this.#others.push(key);
      this.#count -= 1;
      return item;
    }
  }
}

/** Items under paths of as many keys as `depth` says, the most general first. */
export class FairQueue<T> {
  readonly #keys: Keys<T>;

  constructor(depth: number) {
    this.#keys = new Keys(depth);
  }

  get isEmpty(): boolean {
    return this.#keys.isEmpty;
  }

  push(keys: readonly string[], item: T): void {
    this.#keys.push(keys, item);
  }

  /** The item whose turn it is; `undefined` if none waits. */
  shift(): T | undefined {
    return this.#keys.shift();
  }
}
