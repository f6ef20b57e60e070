/**
 * The machine's clocks and timers as the driver needs them. Owns the fast clock of DESIGN §2;
 * it never decides anything by time itself.
 *
 * @module
 */

import type { Clock } from "./ports.ts";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";

/**
 * The two clocks are compared over windows at least this long, ms: the wall clock is read in
 * whole ms, so comparing every two readings would count its rounding as progress.
 */
const WINDOW_MS = 20;

/** Rounding of the wall clock over one window, ms. */
const WALL_ROUNDING_MS = 1;

/** Where {@linkcode FastClock} reads from; replaced in tests. */
export interface ClockSource {
  /** Monotonic ms, with fractions. */
  mono(): number;
  /** Wall clock in whole ms since the epoch. */
  wall(): number;
}

/**
 * Advances by whichever of the two clocks moved more: a stopped monotonic clock (a suspended
 * machine) shows in the wall clock, a wall clock set back shows in the monotonic one.
 */
export class FastClock {
  readonly #source: ClockSource;
  #mono: number;
  #wall: number;
  /** Fast time at the start of the window. */
  #base = 0;
  /** Newest reading: never goes back, whatever the wall clock does inside a window. */
  #newest = 0;

  constructor(source: ClockSource) {
    this.#source = source;
    this.#mono = source.mono();
    this.#wall = source.wall();
  }

  /** Fast ms since this clock was made. */
  read(): number {
    const mono = this.#source.mono();
    const wall = this.#source.wall();
    const monoMoved = mono - this.#mono;
    const wallMoved = wall - this.#wall;
    const moved = Math.max(monoMoved, wallMoved - WALL_ROUNDING_MS, 0);
    this.#newest = Math.max(this.#newest, this.#base + moved);
    if (monoMoved >= WINDOW_MS || Math.abs(wallMoved) >= WINDOW_MS) {
      this.#base = this.#newest;
      this.#mono = mono;
      this.#wall = wall;
    }
    return this.#newest;
  }
}

/** The clock of a production node. */
export function machineClock(): Clock {
  const mono = () => performance.now();
  const wall = () => Date.now();
  const fast = new FastClock({ mono, wall });
  return {
    mono,
    wall,
    fast: () => fast.read(),
    defer: (task) => {
      setImmediate(task);
    },
    after: (ms, task) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
  };
}
