/**
 * Callers that wait for this node: until an index is applied, until a linearizable read is
 * safe, until the core answers a join, a transfer or a removal (DESIGN §6, §8). Owns their
 * bounds and deadlines; never decides anything itself.
 *
 * @module
 */

import { ChatError, type Reason } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Refusal } from "../raft/io.ts";
import type { DriverQueues } from "./measures.ts";

interface Expiring {
  /** Monotonic ms. */
  readonly until: number;
  readonly reject: (error: ChatError) => void;
}

interface Waiter<T> extends Expiring {
  readonly resolve: (value: T) => void;
}

interface IndexWaiter extends Waiter<void> {
  readonly index: number;
}

function late(reason: Reason, message: string): ChatError {
  return new ChatError(reason, message);
}

function tooMany(): ChatError {
  return new ChatError("OVERLOADED", "Too many callers wait on this node: try again later", {
    retryAfterMs: limits.overloadRetryMs,
  });
}

/** Fails and forgets every waiter whose time is over. */
function expire<W extends Expiring>(waiters: W[], now: number, error: () => ChatError): W[] {
  if (waiters.every((waiter) => waiter.until > now)) return waiters;
  for (const waiter of waiters) if (waiter.until <= now) waiter.reject(error());
  return waiters.filter((waiter) => waiter.until > now);
}

/** Waits for an applied index, and for the lease that makes a read linearizable. */
export class Waits {
  #indexes: IndexWaiter[] = [];
  #reads: Waiter<void>[] = [];

  /** True while a read waits for the lease: only then is it worth asking the core again. */
  get readsWait(): boolean {
    return this.#reads.length > 0;
  }

  get queues(): Pick<DriverQueues, "indexWaits" | "readWaits"> {
    return { indexWaits: this.#indexes.length, readWaits: this.#reads.length };
  }

  forIndex(index: number, until: number): Promise<void> {
    if (this.#indexes.length >= limits.waitsPendingMax) return Promise.reject(tooMany());
    return new Promise((resolve, reject) => {
      this.#indexes.push({ index, until, resolve, reject });
    });
  }

  forRead(until: number): Promise<void> {
    if (this.#reads.length >= limits.waitsPendingMax) return Promise.reject(tooMany());
    return new Promise((resolve, reject) => {
      this.#reads.push({ until, resolve, reject });
    });
  }

  applied(index: number): void {
    if (this.#indexes.length === 0) return;
    for (const waiter of this.#indexes) if (waiter.index <= index) waiter.resolve();
    this.#indexes = this.#indexes.filter((waiter) => waiter.index > index);
  }

  /** The core can read (no error), or this node does not lead any more (the error says so). */
  settleReads(error: ChatError | null): void {
    const reads = this.#reads;
    this.#reads = [];
    for (const waiter of reads) {
      if (error === null) waiter.resolve();
      else waiter.reject(error);
    }
  }

  expire(now: number): void {
    this.#indexes = expire(this.#indexes, now, () =>
      late(
        "NOT_UP_TO_DATE",
        "This node has not caught up in time: try another member or the leader",
      ));
    this.#reads = expire(
      this.#reads,
      now,
      () => late("NO_LEADER", "The leader cannot confirm that it still leads: try again"),
    );
  }

  close(error: ChatError): void {
    for (const waiter of this.#indexes) waiter.reject(error);
    this.#indexes = [];
    this.settleReads(error);
  }
}

/** Requests that the core answers by their id. */
export class Requests {
  readonly #waiting = new Map<number, Waiter<Refusal | null>>();
  #lastId = 0;

  get queues(): Pick<DriverQueues, "requests"> {
    return { requests: this.#waiting.size };
  }

  /** Hands `ask` a fresh id; the promise is the core's answer to it. */
  ask(until: number, ask: (id: number) => void): Promise<Refusal | null> {
    if (this.#waiting.size >= limits.requestsPendingMax) return Promise.reject(tooMany());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { until, resolve, reject });
      ask(id);
    });
  }

  /** An answer that comes after its caller has given up is dropped. */
  answer(id: number, refusal: Refusal | null): void {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiter?.resolve(refusal);
  }

  expire(now: number): void {
    for (const [id, waiter] of this.#waiting) {
      if (waiter.until > now) continue;
      this.#waiting.delete(id);
      waiter.reject(
        late("COMMIT_TIMEOUT", "The cluster did not confirm it in time: see admin status"),
      );
    }
  }

  close(error: ChatError): void {
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
  }
}
