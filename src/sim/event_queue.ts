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

  /** When the first event is due; `null` if there is none. Cancelled ones go. */
  get nextAt(): number | null {
    while (this.#heap[0]?.live === false) this.#removeFirst();
    return this.#heap[0]?.at ?? null;
  }

  /** Takes out the event that {@linkcode EventQueue.nextAt} has just told of. */
  takeFirst(): SimEvent {
    const first = this.#heap[0]!;
    this.#removeFirst();
    return first;
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
