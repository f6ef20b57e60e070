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

/** A clock that may run faster or slower than virtual time. */
class Hand {
  readonly #world: World;
  #read = 0;
  #readAt = 0;
  #rate = 1;

  constructor(world: World) {
    this.#world = world;
  }

  get rate(): number {
    return this.#rate;
  }

  /** Ms since virtual time 0. */
  read(): number {
    // As long as it never drifted it shows virtual time itself, without rounding.
    if (this.#readAt === 0 && this.#rate === 1) return this.#world.now + this.#read;
    return this.#read + (this.#world.now - this.#readAt) * this.#rate;
  }

  /** From now on it advances by `rate` ms in each. */
  runs(rate: number): void {
    if (rate === this.#rate) return;
    this.#read = this.read();
    this.#readAt = this.#world.now;
    this.#rate = rate;
  }

  jump(ms: number): void {
    this.#read += ms;
  }
}

/** By how much clocks run fast; slow if it is negative. */
export interface Drift {
  readonly monoPercent: number;
  readonly wallPercent: number;
}

/** A machine's clocks: they go on while its processes come and go. */
export class MachineTime {
  readonly #bootedAt: number;
  readonly #skewMs: number;
  readonly #mono: Hand;
  readonly #wall: Hand;
  /** Advances with whichever of the two moved more (§2). */
  readonly #fast: Hand;

  constructor(name: string, world: World) {
    const random = world.random.fork(`clock ${name}`);
    this.#bootedAt = -random.between(0, 1_000_000);
    this.#skewMs = random.between(-500, 500);
    this.#mono = new Hand(world);
    this.#wall = new Hand(world);
    this.#fast = new Hand(world);
  }

  mono(): number {
    return this.#mono.read() - this.#bootedAt;
  }

  fast(): number {
    return this.#fast.read() - this.#bootedAt;
  }

  wall(): number {
    return Math.floor(EPOCH_MS + this.#wall.read() + this.#skewMs);
  }

  /** Ms of virtual time until the monotonic clock, by which timers run, has moved by `ms`. */
  untilMono(ms: number): number {
    return ms / this.#mono.rate;
  }

  /** Somebody sets the wall clock forward, or back, where the monotonic one moves more. */
  jump(ms: number): void {
    this.#wall.jump(ms);
    this.#fast.jump(Math.max(ms, 0));
  }

  /** From now on the clocks run at these rates; timers that are set keep their time. */
  drift({ monoPercent, wallPercent }: Drift): void {
    const [mono, wall] = [1 + monoPercent / 100, 1 + wallPercent / 100];
    this.#mono.runs(mono);
    this.#wall.runs(wall);
    this.#fast.runs(Math.max(mono, wall));
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
    const event = this.#world.after(this.#time.untilMono(ms), () => {
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
