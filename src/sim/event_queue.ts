/**
 * What happens when, in virtual time: a heap ordered by time, and among equals by the order of
 * scheduling. Owns order only; time itself is the world's.
 *
 * @module
 */

/** A task at a virtual time. `live` is cleared to cancel it. */
export interface SimEvent {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
  live: boolean;
}

function before(one: SimEvent, other: SimEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** A binary heap of events. */
export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(at: number, task: () => void): SimEvent {
    const event: SimEvent = { at, order: this.#order++, task, live: true };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
    return event;
  }

  /**
   * Takes the first event out; `null` if there is none until then. Cancelled ones are skipped.
   * One that is not due stays where it is: put back it would come behind others of its time,
   * and could be cancelled no more.
   */
  next(untilMs: number): SimEvent | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || (first.live && first.at > untilMs)) return null;
      this.#removeFirst();
      if (first.live) return first;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}
