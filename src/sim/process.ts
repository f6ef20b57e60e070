/**
 * One start of a node's process: alive until it crashes or exits, and sometimes standing still.
 * Everything that happens inside a node runs through here, so a dead process does nothing more
 * and a stalled one does it all when it goes on. Owns liveness; knows nothing of what it runs.
 *
 * @module
 */

import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** Where a task comes from: after a stall, sockets are read before or after timers fire. */
export type TaskKind = "network" | "timer" | "disk";

/** One start of a node. */
export class Process {
  readonly name: string;
  readonly #world: World;
  readonly #random: Random;
  #alive = true;
  #stalledUntil = -1;
  #stalled: { readonly kind: TaskKind; readonly task: () => void }[] = [];
  /** Port calls left until the process crashes; `null` for no such plan. */
  #callsLeft: number | null = null;
  #onCrash: () => void = () => {};

  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
    this.#random = world.random.fork(`process ${name} ${world.now}`);
  }

  get alive(): boolean {
    return this.#alive;
  }

  get stalled(): boolean {
    return this.#stalledUntil >= 0;
  }

  /** Runs a task now, when the stall is over, or never. */
  run(kind: TaskKind, task: () => void): void {
    if (!this.#alive) return;
    if (this.stalled) this.#stalled.push({ kind, task });
    else task();
  }

  /** The event loop stands still for this long; what arrives meanwhile waits in its buffers. */
  stall(ms: number): void {
    if (!this.#alive) return;
    const until = this.#world.now + ms;
    if (until <= this.#stalledUntil) return;
    this.#stalledUntil = until;
    this.#world.after(ms, () => this.#resume(until));
  }

  /** Ends the process: whatever it had in memory is gone. */
  end(): void {
    this.#alive = false;
    this.#stalled = [];
  }

  /** Calls `crash` within this many calls to its ports, at whatever it does then; it may spare it. */
  crashAfterCalls(calls: number, crash: () => void): void {
    this.#callsLeft = calls;
    this.#onCrash = crash;
  }

  /** A planned crash that has not happened will not. */
  spare(): void {
    this.#callsLeft = null;
  }

  /** To be asked at each port call: false if the process died at this one, or before. */
  call(): boolean {
    if (!this.#alive) return false;
    if (this.#callsLeft === null) return true;
    if (this.#callsLeft-- > 0) return true;
    this.#callsLeft = null;
    this.#onCrash();
    return this.#alive;
  }

  #resume(until: number): void {
    if (!this.#alive || this.#stalledUntil !== until) return;
    this.#stalledUntil = -1;
    const waiting = this.#stalled;
    this.#stalled = [];
    const timersFirst = this.#random.chance(0.5);
    const first = waiting.filter(({ kind }) => (kind === "timer") === timersFirst);
    const rest = waiting.filter(({ kind }) => (kind === "timer") !== timersFirst);
    for (const { kind, task } of [...first, ...rest]) this.run(kind, task);
  }
}
