/**
 * When a call on a port is begun, and whether: at once while there is time in this turn of the
 * event loop, else when it is its caller's turn. Owns the bounds of what waits and runs, and that
 * whoever asks for much keeps nobody waiting who asks for little; knows no call's meaning.
 *
 * Whoever has more calls open than its share has places in common with all who do so, very few as
 * long as others ask, too: what is begun together is answered together, and for that long the event
 * loop hears nobody else. After each of theirs it is left to the others for a while.
 *
 * Why whoever is refused hears of it late: a caller that does not wait as told would otherwise
 * make the node refuse as fast as it can, for which all others would have to wait.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { ChatError } from "../errors.ts";
import { FairQueue } from "../fair_queue.ts";
import { limits } from "../limits.ts";
import { hostOf } from "./host.ts";

/** A call that has come in whole. */
export interface Asked {
  /** `host:port` of its connection, as gRPC tells it. */
  readonly from: string;
  /** Size of its request. */
  readonly bytes: number;
  /** Asked by a machine, at regular times: nobody types and waits. */
  readonly isProbe?: boolean;
  /** Nobody waits for it any more. */
  gone(): boolean;
  /** Begins it; `over` is to be called when it is answered, once or more often. */
  begin(over: () => void): void;
  refuse(error: ChatError): void;
}

/** Bounds of one port. */
export interface AdmissionBounds {
  readonly callsMax: number;
  readonly bytesMax: number;
  readonly connectionBytesMax: number;
  /** As `limits` says, unless a test has more time, or less. */
  readonly crowdCallMsMax?: number;
  readonly crowdAloneMs?: number;
}

const BOUNDS: AdmissionBounds = {
  callsMax: limits.callsInFlightMax,
  bytesMax: limits.callBytesMax,
  connectionBytesMax: limits.callBytesPerConnectionMax,
};

/** What one connection has in flight. */
interface Caller {
  calls: number;
  bytes: number;
}

/** All calls of one port that are not answered yet. */
export class CallAdmission {
  readonly #bounds: AdmissionBounds;
  readonly #callers = new Map<string, Caller>();
  /** By address, then by connection. */
  readonly #waiting = new FairQueue<() => number>(2);
  /** The same of connections with many calls open. */
  readonly #crowd = new FairQueue<() => number>(2);
  /** Calls of these that were begun lately, and are not answered yet. */
  #crowdBegun = 0;
  /** Until then no further one of them begins while others ask, ms. */
  #crowdRestsUntil = 0;
  #crowdWakes: NodeJS.Timeout | null = null;
  /** The two connections that asked for little last, and when, ms. */
  #lately: readonly { readonly from: string; readonly at: number }[] = [];
  #calls = 0;
  #bytes = 0;
  /** Begun in this turn of the event loop, which began at `at`, ms. */
  #turn = { calls: 0, ofMany: 0, bytes: 0, at: 0 };
  #turnEnds = false;
  /** Calls that one turn may begin: fewer while turns take long. */
  #turnCalls: number = limits.callsPerTurnMax;

  constructor(bounds: AdmissionBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  /** Calls that wait or are carried out. */
  get inFlight(): number {
    return this.#calls;
  }

  /** Begins the call, now or later, or refuses it with `OVERLOADED`. */
  ask(asked: Asked): void {
    const { from, bytes } = asked;
    const caller = this.#callers.get(from) ?? { calls: 0, bytes: 0 };
    const tooMuch = caller.bytes + bytes > this.#bounds.connectionBytesMax ||
      this.#bytes + bytes > this.#bounds.bytesMax;
    // At once, since what it brought along is what there is no room for.
    if (tooMuch) return asked.refuse(overloaded());
    if (this.#calls >= this.#bounds.callsMax) return later(asked);
    this.#callers.set(from, caller);
    this.#count(from, { caller, calls: 1, bytes });
    const isMany = this.#asksMuch(caller);
    if (!isMany && asked.isProbe !== true) {
      const before = this.#lately.find((one) => one.from !== from);
      const now = { from, at: performance.now() };
      this.#lately = before === undefined ? [now] : [now, before];
    }
    const queue = isMany ? this.#crowd : this.#waiting;
    queue.push([hostOf(from), from], () => this.#begin(asked, { caller, isMany }));
    this.#beginSome();
  }

  /** Begins it, unless nobody waits for it any more; gives the bytes that it took. */
  #begin(asked: Asked, { caller, isMany }: { caller: Caller; isMany: boolean }): number {
    const { from, bytes } = asked;
    const leave = () => this.#count(from, { caller, calls: -1, bytes: -bytes });
    // It took no time of anybody's: no place, and no rest after it.
    if (asked.gone()) {
      leave();
      return 0;
    }
    const leaveCrowd = isMany ? this.#enterCrowd() : () => {};
    let isOver = false;
    asked.begin(() => {
      if (isOver) return;
      isOver = true;
      leave();
      leaveCrowd();
    });
    return bytes;
  }

  /** Takes a place of those who ask for much; the result gives it back, as time does. */
  #enterCrowd(): () => void {
    this.#crowdBegun += 1;
    this.#turn.ofMany += 1;
    let isIn = true;
    const leave = (restMs: number) => {
      if (!isIn) return;
      isIn = false;
      clearTimeout(timer);
      this.#crowdBegun -= 1;
      this.#crowdRestsUntil = Math.max(this.#crowdRestsUntil, performance.now() + restMs);
      if (!this.#crowd.isEmpty) this.#beginSome();
    };
    // What takes longer waits, for a leader say, and takes no time of anybody's.
    const timer = setTimeout(
      () => leave(0),
      this.#bounds.crowdCallMsMax ?? limits.crowdCallMsMax,
    );
    return () => leave(limits.crowdRestMs);
  }

  /** Goes on once the rest of those who ask for much is over. */
  #wakeCrowd(now: number): void {
    if (now >= this.#crowdRestsUntil || this.#crowd.isEmpty || this.#crowdWakes !== null) return;
    this.#crowdWakes = setTimeout(() => {
      this.#crowdWakes = null;
      this.#beginSome();
    }, Math.ceil(this.#crowdRestsUntil - now));
  }

  #count(
    from: string,
    { caller, calls, bytes }: {
      readonly caller: Caller;
      readonly calls: number;
      readonly bytes: number;
    },
  ): void {
    caller.calls += calls;
    caller.bytes += bytes;
    this.#calls += calls;
    this.#bytes += bytes;
    if (caller.calls === 0) this.#callers.delete(from);
  }

  #beginSome(): void {
    // One time for both questions: between two, a rest may end that nobody then waits for.
    const now = performance.now();
    while (!this.#turnIsFull) {
      const begin = this.#waiting.shift() ??
        (this.#crowdHasRoom(now) ? this.#crowd.shift() : undefined);
      if (begin === undefined) break;
      this.#turn.calls += 1;
      // It may bring about others, which are added up meanwhile.
      const bytes = begin();
      this.#turn.bytes += bytes;
    }
    this.#wakeCrowd(now);
    if (this.#turnEnds || this.#turn.calls === 0) return;
    this.#turnEnds = true;
    this.#turn.at = performance.now();
    setImmediate(() => {
      this.#turnEnds = false;
      this.#adapt(performance.now() - this.#turn.at);
      this.#turn = { calls: 0, ofMany: 0, bytes: 0, at: 0 };
      this.#beginSome();
    });
  }

  #crowdHasRoom(now: number): boolean {
    const begun = Math.max(this.#crowdBegun, this.#turn.ofMany);
    if (begun < limits.crowdCallsMax && now >= this.#crowdRestsUntil) return true;
    const since = now - (this.#bounds.crowdAloneMs ?? limits.crowdAloneMs);
    // Whoever asks for much by now has begun with little.
    return !this.#lately.some(({ from, at }) =>
      at > since && !this.#asksMuch(this.#callers.get(from))
    );
  }

  /** Whether it has more calls open than its share. */
  #asksMuch(caller: Caller | undefined): boolean {
    const share = Math.max(limits.callsOfOneFew, limits.callsShared / this.#callers.size);
    return caller !== undefined && caller.calls > share;
  }

  get #turnIsFull(): boolean {
    return this.#turn.calls >= this.#turnCalls ||
      this.#turn.bytes >= limits.callBytesPerTurnMax;
  }

  /** Half as many after a turn that took long, one more after each that did not. */
  #adapt(tookMs: number): void {
    if (tookMs > limits.turnMsMax) {
      // What took long need not have been the calls.
      if (this.#turn.calls < this.#turnCalls) return;
      this.#turnCalls = Math.max(1, this.#turnCalls >> 1);
    } else if (this.#turnCalls < limits.callsPerTurnMax) {
      this.#turnCalls += 1;
    }
  }
}

function later(asked: Asked): void {
  setTimeout(() => asked.refuse(overloaded()), limits.overloadRetryMs).unref();
}

function overloaded(): ChatError {
  return new ChatError("OVERLOADED", "Too many calls wait at this node: try again later", {
    retryAfterMs: limits.overloadRetryMs,
  });
}
