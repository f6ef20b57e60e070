/**
 * The cluster as one client sees it: addresses, connections, the leader and who waits for it,
 * joined so that what one call learns all others know. Owns how these parts tell one another;
 * it makes no request but GetCluster.
 *
 * @module
 */

import type { TermKey } from "../chat/command.ts";
import { ChatError, REASONS } from "../errors.ts";
import { limits } from "../limits.ts";
import type { GetClusterResponse } from "../rpc/api.ts";
import { AddressBook } from "./address_book.ts";
import type { ClientClock } from "./clock.ts";
import { type Connect, ConnectionPool } from "./connection.ts";
import { InFlight } from "./in_flight.ts";
import { LeaderTracker } from "./leader_tracker.ts";
import { compareTerms } from "./term_order.ts";

/** Where to find the cluster. */
export interface MembersOptions {
  readonly connect: Connect;
  readonly clock: ClientClock;
  /** Given by the user: tried first, in this order. */
  readonly servers: readonly string[];
  readonly clusterId?: string | undefined;
  /** The leader, or the number of those who wait for it, changed. */
  readonly onChange: () => void;
}

/** Who pauses. */
interface Sleeper {
  readonly untilLeader: boolean;
  /** Who counts as a leader only in a later term than this one. */
  readonly except: string | null;
  readonly term: TermKey;
  readonly wake: () => void;
}

/** What all calls of one client share. */
export class Members {
  readonly clock: ClientClock;
  readonly book: AddressBook;
  readonly pool: ConnectionPool;
  readonly tracker: LeaderTracker;
  /** Requests that only a leader takes. */
  readonly mutations: InFlight;
  readonly reads: InFlight;
  /** Attempts at mutations after the first, so far. */
  retries = 0;
  readonly #onChange: () => void;
  readonly #sleepers = new Set<Sleeper>();
  /** Mutations that failed at least once and go on. */
  #waiting = 0;
  #watching = false;
  #cancelWatch: (() => void) | null = null;
  #closed = false;

  constructor(options: MembersOptions) {
    const { clock } = options;
    this.clock = clock;
    this.#onChange = options.onChange;
    this.book = new AddressBook(clock, options.servers);
    this.pool = new ConnectionPool({
      connect: options.connect,
      clock,
      book: this.book,
      clusterId: options.clusterId ?? null,
      onCluster: (address, cluster) => this.#learn(address, cluster),
      onFailed: (address) => this.tracker.doubt(address),
    });
    this.tracker = new LeaderTracker({
      clock,
      book: this.book,
      ask: (address) => this.pool.ask(address),
      wanted: () => !this.#closed && (this.#waiting > 0 || this.#watching),
      onChange: (leader) => this.#leaderChanged(leader),
    });
    this.mutations = new InFlight(clock, () => this.tracker.check());
    this.reads = new InFlight(clock);
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Throws once the client is closed: a call must not hang on a timer that never comes. */
  assertOpen(): void {
    if (this.#closed) throw new ChatError("SHUTTING_DOWN", "The client was closed");
  }

  /** True if no other member would answer differently, now or later. */
  isFinal(error: ChatError): boolean {
    switch (error.reason) {
      case "WRONG_CLUSTER":
        return this.book.foreignCluster() !== null;
      case "REMOVED":
        return false;
      default:
        return REASONS[error.reason].retry === "never";
    }
  }

  /** A mutation goes on after a failure (1), or is done (-1). */
  countWaiting(change: 1 | -1): void {
    this.#waiting += change;
    this.#onChange();
  }

  /**
   * Resolves after `ms`, or as soon as a leader is found, or when the caller gives up. That `except`
   * leads counts only if it does so in a later term than it was last heard of.
   */
  pause(ms: number, options: {
    untilLeader: boolean;
    except?: string | null;
    signal?: AbortSignal | undefined;
  }) {
    return new Promise<void>((resolve) => {
      const { signal } = options;
      const wake = () => {
        cancel();
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const { untilLeader, except = null } = options;
      const sleeper = { untilLeader, except, term: this.tracker.term, wake };
      const cancel = this.clock.after(ms, wake);
      this.#sleepers.add(sleeper);
      if (signal?.aborted || this.#closed) return wake();
      signal?.addEventListener("abort", wake);
    });
  }

  /** What the promise comes to, or `null` after `ms`, or when the caller gives up. */
  async within<T>(
    ms: number,
    promise: Promise<T>,
    options: { untilLeader: boolean; signal?: AbortSignal | undefined },
  ): Promise<T | null> {
    // It may fail after the wait for it was given up.
    promise.catch(() => {});
    const done = new AbortController();
    const { untilLeader, signal: caller } = options;
    const signal = caller === undefined ? done.signal : AbortSignal.any([done.signal, caller]);
    const over = this.pause(ms, { untilLeader, signal });
    return await Promise.race([promise, over.then(() => null)]).finally(() => done.abort());
  }

  /**
   * Makes sure that the member is of our cluster; a silent one is not waited for long. Throws
   * `NO_ANSWER` or `WRONG_CLUSTER`; nothing but GetCluster was asked then.
   */
  async verify(address: string): Promise<void> {
    if (this.pool.isVerified(address)) return;
    const verified = this.pool.verify(address).then(() => true);
    const done = await this.within(limits.slowMs, verified, { untilLeader: true });
    if (done === null && !this.pool.isVerified(address) && this.tracker.current() === null) {
      throw new ChatError("NO_ANSWER", `No answer from ${address} yet`);
    }
  }

  /** Keeps an eye on the leader although no call waits for it. The result ends that. */
  watch(): () => void {
    this.#watching = true;
    const look = () => {
      this.tracker.check();
      this.#cancelWatch = this.clock.after(limits.watchMs, look);
    };
    look();
    return () => {
      this.#watching = false;
      this.#cancelWatch?.();
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelWatch?.();
    this.tracker.close();
    this.mutations.close();
    this.reads.close();
    this.pool.close();
    this.#wake();
  }

  #learn(address: string, cluster: GetClusterResponse): void {
    this.book.learn(cluster.members.map((member) => member.clientAddress).filter((one) => one));
    this.tracker.hint(cluster.leader, cluster.term, address);
  }

  #leaderChanged(leader: string | null): void {
    this.#onChange();
    if (leader === null) return;
    this.mutations.abandonOthers(leader);
    this.#wake(leader);
  }

  /** All of them, or those that go on for this leader. */
  #wake(leader?: string): void {
    for (const { untilLeader, except, term, wake } of [...this.#sleepers]) {
      const goesOn = untilLeader &&
        (except !== leader || compareTerms(this.tracker.term, term) > 0);
      if (leader === undefined || goesOn) wake();
    }
  }
}
