/**
 * One direction of one connection: bytes that come from a socket and go to another one, as the
 * lane between them allows. Owns what is on its way, bounded; the end of a connection waits its
 * turn behind the bytes, so a node that dies behind a cut is not known to be dead.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Condition, Lane } from "./lanes.ts";

/** Bytes held of one direction: above it the sender has to wait. */
const HELD_BYTES_MAX = 4 * 1024 * 1024;
/** Parts in which bytes pass a slow way: small enough that a heartbeat is not late for long. */
const SLICE_BYTES = 1_024;

const CLEAR: Condition = { held: false, lost: false, delayMs: 0, bytesPerSecond: Infinity };

interface Item {
  /** `null`: the end. */
  bytes: Buffer | null;
  readonly atMs: number;
}

/** Bytes from one socket to another. */
export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #queue: Item[] = [];
  #queuedBytes = 0;
  /** Nothing passes before it is known which lane this is. */
  #lane: Lane | null | undefined = undefined;
  #stopWatching: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Bytes were lost: the stream makes no sense any more. */
  #holed = false;
  /** When the last slice will have passed a slow way, ms. */
  #busyUntil = 0;
  /** Called with what comes in, before anything passes. */
  onBytes: ((bytes: Buffer) => void) | null = null;
  onEnd: (() => void) | null = null;
  /** Called when a connection that lost bytes has to be broken. */
  onBroken: () => void = () => {};

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.setNoDelay(true);
    from.on("data", (bytes) => this.#take(typeof bytes === "string" ? Buffer.from(bytes) : bytes));
    from.on("end", () => this.#ended());
    // What is wrong with a socket is told by its end.
    from.on("error", () => {});
    from.on("close", () => this.#ended());
    to.on("drain", () => this.#pass());
    to.on("connect", () => this.#pass());
  }

  /** From now on it goes by this lane; `null`: by none, freely. */
  through(lane: Lane | null): void {
    this.#stopWatching();
    this.#lane = lane;
    this.#stopWatching = lane === null ? () => {} : lane.onChange(() => this.#pass());
    this.#pass();
  }

  stop(): void {
    this.#stopWatching();
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(bytes: Buffer): void {
    this.onBytes?.(bytes);
    this.#queue.push({ bytes, atMs: performance.now() });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > HELD_BYTES_MAX) this.#from.pause();
    this.#pass();
  }

  #ended(): void {
    if (this.#queue.at(-1)?.bytes === null) return;
    this.onEnd?.();
    this.onEnd = null;
    this.#queue.push({ bytes: null, atMs: performance.now() });
    this.#pass();
  }

  #pass(): void {
    if (this.#lane === undefined) return;
    clearTimeout(this.#timer);
    const now = this.#lane?.now ?? CLEAR;
    if (now.lost) return this.#lose();
    if (this.#holed) return this.onBroken();
    if (now.held) return;
    // Nobody is there to take it; the other flow tells the sender.
    if (this.#to.destroyed) return this.#forget();
    while (this.#queue.length > 0) {
      const waitMs = this.#waitMs(now);
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), waitMs);
        return;
      }
      if (this.#to.writableNeedDrain || this.#to.connecting) return;
      this.#passOne(now);
    }
  }

  /** Time until the first of what waits may pass. */
  #waitMs({ delayMs, bytesPerSecond }: Condition): number {
    const at = (this.#queue[0]?.atMs ?? 0) + delayMs;
    const free = bytesPerSecond === Infinity ? 0 : this.#busyUntil;
    return Math.max(at, free) - performance.now();
  }

  #passOne({ bytesPerSecond }: Condition): void {
    const item = this.#queue[0];
    if (item === undefined) return;
    if (item.bytes === null) {
      this.#queue.shift();
      // The other way may be open still; a socket that is gone is gone both ways.
      this.#from.destroyed ? this.#to.destroySoon() : this.#to.end();
      return;
    }
    const slow = bytesPerSecond !== Infinity;
    const slice = slow ? item.bytes.subarray(0, SLICE_BYTES) : item.bytes;
    if (slice.length < item.bytes.length) item.bytes = item.bytes.subarray(slice.length);
    else this.#queue.shift();
    if (slow) {
      this.#busyUntil = Math.max(this.#busyUntil, performance.now()) +
        1_000 * slice.length / bytesPerSecond;
    }
    this.#passed(slice.length);
    if (!this.#to.destroyed) this.#to.write(slice);
  }

  #lose(): void {
    const lost = this.#queue.filter(({ bytes }) => bytes !== null);
    if (lost.length > 0) this.#holed = true;
    this.#queue.splice(0, this.#queue.length, ...this.#queue.filter(({ bytes }) => bytes === null));
    this.#passed(this.#queuedBytes);
  }

  #forget(): void {
    this.#queue.length = 0;
    this.#passed(this.#queuedBytes);
  }

  #passed(count: number): void {
    this.#queuedBytes -= count;
    if (this.#queuedBytes <= HELD_BYTES_MAX && this.#from.isPaused()) this.#from.resume();
  }
}
