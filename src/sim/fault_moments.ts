/**
 * Faults that wait for a state of the protocol: some last for milliseconds only, and dice alone
 * would hardly ever hit them. Owns whom to wake when a state begins; carries nothing out.
 *
 * @module
 */

import type { HistoryEvent } from "./history.ts";
import { ClusterView, statesOf } from "./protocol_states.ts";
import type { Recorder } from "./recorder.ts";
import type { World } from "./world.ts";

/** What waits for a state. */
interface Waiting {
  readonly state: string;
  readonly task: () => void;
}

/** The states of one run, as they come and go. */
export class FaultMoments {
  readonly #world: World;
  readonly #view = new ClusterView();
  #waiting: Waiting[] = [];

  constructor(world: World, recorder: Recorder) {
    this.#world = world;
    recorder.onFact = (event) => this.#take(event);
  }

  /** Runs a task at a time, or if a state is named, the next time from then on that it holds. */
  at(ms: number, state: string | null, task: () => void): void {
    this.#world.after(ms, () => {
      if (state === null || statesOf(this.#view).has(state)) return task();
      this.#waiting.push({ state, task });
    });
  }

  #take(event: HistoryEvent): void {
    const changed = this.#view.take(event);
    if (!changed || this.#waiting.length === 0) return;
    const states = statesOf(this.#view);
    const due = this.#waiting.filter(({ state }) => states.has(state));
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter(({ state }) => !states.has(state));
    // Not in the middle of what the node is doing: as the next thing that happens.
    for (const { task } of due) this.#world.after(0, task);
  }
}
