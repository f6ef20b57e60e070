/**
 * The search for an order: whether operations that overlapped in time can have taken effect one
 * after another, each at some instant between its start and its end. Depth first over the
 * operations that may come next (Wing & Gong, "Testing and Verifying Concurrent Objects", 1993),
 * with a memory of the sets that led nowhere (Lowe, "Testing for Linearizability", 2017; the same
 * in Athalye's Porcupine). Owns the search and its bound; what an operation does, the model says.
 *
 * @module
 */

/** An operation with what the search needs to know of it. */
export interface SearchedOperation {
  /** When it was begun and answered: any clock. `end` is infinite if it may never have happened. */
  readonly start: number;
  readonly end: number;
  /** Places of other operations that took effect before, though time does not say so. */
  readonly after: readonly number[];
  /** It changes nothing wherever it is possible: then it is taken at once, which loses no order. */
  readonly pure: boolean;
  /** Those with the least are tried first. A wrong one costs time, never an answer. */
  readonly hint: number;
}

/** A sequential object, at some state. */
export interface SearchedModel<Operation> {
  /** What of the state does not follow from the set of operations taken, in whatever order. */
  readonly key: string;
  /** Takes the operation if it is possible here, as it was answered; the result takes it back. */
  step(operation: Operation): (() => void) | null;
}

/** What came of a search. */
export type Verdict =
  | { readonly kind: "linearizable"; readonly steps: number }
  /** `blocked`: the place of the first operation to end that no order got past. */
  | { readonly kind: "impossible"; readonly steps: number; readonly blocked: number }
  | { readonly kind: "undecided"; readonly steps: number; readonly blocked: number };

/** Searches for an order of all operations that ended, with any of the others in between. */
export function linearize<Operation extends SearchedOperation>(
  operations: readonly Operation[],
  model: SearchedModel<Operation>,
  { stepsMax }: { readonly stepsMax: number },
): Verdict {
  return new Search(operations, model, stepsMax).run();
}

/** An operation taken, and from which place on another one is tried instead. */
interface Taken {
  readonly place: number;
  readonly undo: () => void;
  readonly next: number;
}

class Search<Operation extends SearchedOperation> {
  readonly #operations: readonly Operation[];
  readonly #model: SearchedModel<Operation>;
  readonly #stepsMax: number;
  readonly #pure: readonly number[];
  readonly #changing: readonly number[];
  readonly #byEnd: readonly number[];
  readonly #done: Uint8Array;
  /** Sets from which no order leads on. */
  readonly #failed = new Set<string>();
  readonly #path: Taken[] = [];
  #left: number;
  #steps = 0;
  #deepest = { depth: -1, blocked: 0 };

  constructor(operations: readonly Operation[], model: SearchedModel<Operation>, max: number) {
    this.#operations = operations;
    this.#model = model;
    this.#stepsMax = max;
    const sorted = (fits: (one: Operation) => boolean, by: (one: Operation) => number) =>
      operations.flatMap((one, place) => fits(one) ? [place] : [])
        .sort((one, other) =>
          compare(by(operations[one]!), by(operations[other]!)) ||
          operations[one]!.start - operations[other]!.start
        );
    this.#pure = sorted(({ pure }) => pure, ({ start }) => start);
    this.#changing = sorted(({ pure }) => !pure, ({ hint }) => hint);
    this.#byEnd = sorted(({ end }) => end < Infinity, ({ end }) => end);
    this.#done = new Uint8Array(operations.length);
    this.#left = this.#byEnd.length;
  }

  run(): Verdict {
    let from = 0;
    while (this.#left > 0) {
      if (this.#steps > this.#stepsMax) {
        return { kind: "undecided", steps: this.#steps, blocked: this.#deepest.blocked };
      }
      const taken = from === 0 && this.#isKnownToFail() ? null : this.#take(from);
      if (taken !== null) {
        this.#path.push(taken);
        from = 0;
        continue;
      }
      this.#failed.add(this.#key());
      const last = this.#path.pop();
      if (last === undefined) {
        return { kind: "impossible", steps: this.#steps, blocked: this.#deepest.blocked };
      }
      this.#mark(last.place, 0);
      last.undo();
      from = last.next;
    }
    return { kind: "linearizable", steps: this.#steps };
  }

  /** The next operation in the order, of those at or behind a place in the order of hints. */
  #take(from: number): Taken | null {
    const first = this.#byEnd.find((place) => this.#done[place] === 0)!;
    const endsFirst = this.#operations[first]!.end;
    if (this.#path.length > this.#deepest.depth) {
      this.#deepest = { depth: this.#path.length, blocked: first };
    }
    if (from === 0) {
      for (const place of this.#pure) {
        if (this.#operations[place]!.start > endsFirst) break;
        const undo = this.#step(place);
        if (undo !== null) return { place, undo, next: Infinity };
      }
    }
    for (let at = from; at < this.#changing.length; at++) {
      const place = this.#changing[at]!;
      if (this.#operations[place]!.start > endsFirst) continue;
      const undo = this.#step(place);
      if (undo !== null) return { place, undo, next: at + 1 };
    }
    return null;
  }

  #step(place: number): (() => void) | null {
    if (this.#done[place] === 1) return null;
    const operation = this.#operations[place]!;
    if (operation.after.some((other) => this.#done[other] === 0)) return null;
    this.#steps++;
    const undo = this.#model.step(operation);
    if (undo !== null) this.#mark(place, 1);
    return undo;
  }

  #mark(place: number, done: 0 | 1): void {
    this.#done[place] = done;
    if (this.#operations[place]!.end < Infinity) this.#left += done === 1 ? -1 : 1;
  }

  #isKnownToFail(): boolean {
    return this.#failed.size > 0 && this.#failed.has(this.#key());
  }

  /** The set of operations taken, sixteen of them in each character, and the state they led to. */
  #key(): string {
    let key = "";
    for (let from = 0; from < this.#done.length; from += 16) {
      let bits = 0;
      for (let at = from; at < Math.min(from + 16, this.#done.length); at++) {
        bits = bits * 2 + this.#done[at]!;
      }
      key += String.fromCharCode(bits);
    }
    return `${key}${this.#model.key}`;
  }
}

/** Also for two that are infinite, whose difference is no number. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
