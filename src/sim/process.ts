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

/** A call of a node to one of its ports, at which its process may die. */
export type PortCall =
  /** A write of the log; one that carries a config; any other that carries a promised term. */
  | "persist"
  | "config"
  | "promise"
  | "send"
  | "apply"
  | "compact"
  /** A part of a snapshot, or the switch to it; at the other end, the reading of one. */
  | "snapshot"
  | "serve"
  /** A step of a hand-over to another side. */
  | "handOver";

/** A crash to come at some call of a process. */
export interface CrashPlan {
  /** Calls to let pass are counted from the first of this kind on; `null`: from now on. */
  readonly on: PortCall | null;
  readonly afterCalls: number;
  /** False if it must not be, as asked at that very call: then it never happens. */
  readonly crash: (at: PortCall) => boolean;
}

/** One start of a node. */
export class Process {
  readonly name: string;
  readonly #world: World;
  readonly #random: Random;
  #alive = true;
  #stalledUntil = -1;
  #stalled: { readonly kind: TaskKind; readonly task: () => void }[] = [];
  #plans: { readonly plan: CrashPlan; counts: boolean; callsLeft: number }[] = [];

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

  /** The process dies at one of its calls, at whatever it does then. The result calls it off. */
  crashLater(plan: CrashPlan): () => void {
    const planned = { plan, counts: plan.on === null, callsLeft: plan.afterCalls };
    this.#plans.push(planned);
    return () => {
      this.#plans = this.#plans.filter((one) => one !== planned);
    };
  }

  /** A planned crash that has not happened will not. */
  spare(): void {
    this.#plans = [];
  }

  /** To be asked at each port call: false if the process died at this one, or before. */
  call(at: PortCall): boolean {
    if (!this.#alive) return false;
    for (const planned of this.#plans) {
      planned.counts ||= planned.plan.on === at;
      if (!planned.counts || planned.callsLeft-- > 0) continue;
      this.#plans = this.#plans.filter((one) => one !== planned);
      if (planned.plan.crash(at)) return false;
    }
    return true;
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
