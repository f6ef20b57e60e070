/**
 * A node's clocks over virtual time, each with its own origin, and its timers. Owns what time it
 * is for a node; a stalled node's timers fire when it goes on.
 *
 * @module
 */

import type { Clock } from "../node/ports.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** The wall clock at virtual time 0, ms since the epoch. */
const EPOCH_MS = 1_700_000_000_000;

/** Longest that a turn of the event loop takes, ms: what arrives in it is taken together. */
const TURN_MS = 0.2;

/** A machine's clocks: they go on while its processes come and go. */
export class MachineTime {
  readonly #world: World;
  readonly #bootedAt: number;
  readonly #skewMs: number;
  /** By how far the wall clock was set forward so far, and by how far altogether, ms. */
  #forwardMs = 0;
  #jumpedMs = 0;

  constructor(name: string, world: World) {
    const random = world.random.fork(`clock ${name}`);
    this.#world = world;
    this.#bootedAt = -random.between(0, 1_000_000);
    this.#skewMs = random.between(-500, 500);
  }

  mono(): number {
    return this.#world.now - this.#bootedAt;
  }

  fast(): number {
    return this.mono() + this.#forwardMs;
  }

  wall(): number {
    return Math.floor(EPOCH_MS + this.#world.now + this.#skewMs + this.#jumpedMs);
  }

  /** Somebody sets the wall clock forward, or back, where the monotonic one moves more. */
  jump(ms: number): void {
    this.#forwardMs += Math.max(ms, 0);
    this.#jumpedMs += ms;
  }
}

/** The clock port of one process. */
export class SimClock implements Clock {
  readonly #world: World;
  readonly #process: Process;
  readonly #time: MachineTime;
  readonly #random;

  constructor(options: { world: World; process: Process; time: MachineTime }) {
    this.#world = options.world;
    this.#process = options.process;
    this.#time = options.time;
    this.#random = options.world.random.fork(`node ${options.process.name} ${options.world.now}`);
  }

  mono(): number {
    return this.#time.mono();
  }
  fast(): number {
    return this.#time.fast();
  }
  wall(): number {
    return this.#time.wall();
  }
  random(): number {
    return this.#random.next();
  }
  defer(task: () => void): void {
    const ms = this.#random.between(0, TURN_MS);
    this.#world.after(ms, () =>
      this.#process.run("timer", () => {
        this.#world.wake();
        task();
      }));
  }
  after(ms: number, task: () => void): () => void {
    const event = this.#world.after(ms, () => {
      this.#process.run("timer", () => {
        // Cancelled while it waited for the stall to end.
        if (event.live) task();
      });
    });
    return () => {
      event.live = false;
    };
  }
}
