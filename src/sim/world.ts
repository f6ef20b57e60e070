/**
 * Virtual time, and the one loop that runs a simulation. Each event runs to its end, with every
 * promise that it resolves, before the next one; so a seed decides everything. Owns time, the
 * order of events and the fingerprint of a run; knows nothing of nodes.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { assert } from "../assert.ts";
import { EventQueue, type SimEvent } from "./event_queue.ts";
import { Random } from "./random.ts";

/**
 * Turns of the microtask queue without pending work after which an event counts as done: beyond
 * the longest way from a promise that production resolves to whoever waits for it.
 */
export const QUIET_TURNS = 12;

/** After this many turns the event loop gets one: long reads of libSQL wait for it. */
const LOOP_TURNS = 500;

/** More turns than that for one event: something waits for what will never come. */
const TURNS_MAX = 200_000;

/**
 * More events than that in one virtual second: somebody repeats something as fast as it can. The
 * busiest schedules have a tenth of it.
 */
const EVENTS_PER_SECOND_MAX = 100_000;

/** Waiting for it takes one turn, and makes nothing: most of a run's turns wait for nothing else. */
const oneTurn: Promise<void> = Promise.resolve();

/** How a world runs; none of it changes what happens. */
export interface WorldOptions {
  readonly traced?: boolean;
  readonly bare?: boolean;
  readonly quietTurns?: number;
}

/** Virtual time and everything that will happen in it. */
export class World {
  /** Whether {@linkcode World.trace} does anything: who has to put a text together may ask. */
  readonly traces: boolean;
  /** Virtual ms since the start. */
  now = 0;
  readonly random: Random;
  readonly #queue = new EventQueue();
  #pending = 0;
  #asked = 0;
  #awake = false;
  #failure: Error | null = null;
  #fingerprint = 0x811c9dc5;
  #events = 0;
  /** Where counting the events of a second began. */
  #second = { began: 0, events: 0 };
  readonly #lines: string[] | null;
  readonly #quietTurns: number;

  /**
   * With `traced`, every line of {@linkcode World.trace} is kept; else only its fingerprint, and
   * not even that with `bare`. More `quietTurns` change nothing but the time that a run takes: a
   * test holds us to it.
   */
  constructor(seed: number, options: WorldOptions = {}) {
    this.random = new Random(seed);
    this.#lines = options.traced ? [] : null;
    this.traces = options.traced === true || options.bare !== true;
    this.#quietTurns = options.quietTurns ?? QUIET_TURNS;
  }

  /** Events run so far. */
  get events(): number {
    return this.#events;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** A number that two runs share only if they did the same in the same order. */
  get fingerprint(): string {
    return (this.#fingerprint >>> 0).toString(16).padStart(8, "0");
  }

  after(ms: number, task: () => void): SimEvent {
    return this.at(this.now + Math.max(ms, 0), task);
  }

  /**
   * At a virtual time, of two that have the same in the order of these calls. What is to come in
   * order at one time is asked for by that time: now plus what is left until then may come out a
   * little less.
   */
  at(ms: number, task: () => void): SimEvent {
    return this.#queue.add(Math.max(ms, this.now), task);
  }

  /** Counts asynchronous work that needs no virtual time: its event ends when it has ended. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#pending++;
    this.#awake = true;
    const done = () => void this.#pending--;
    work.then(done, done);
    return work;
  }

  /**
   * Counts an answer that a node owes: while there are any, each event may give one. Those that
   * neither give one nor wake anybody end at once.
   */
  ask<T>(work: Promise<T>): Promise<T> {
    this.#asked++;
    this.#awake = true;
    const done = () => void this.#asked--;
    work.then(done, done);
    return work;
  }

  /** What nobody waits for went wrong: it ends the run. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  /** Says that a promise was resolved: those who wait for it run before the next event. */
  wake(): void {
    this.#awake = true;
  }

  /** Writes down what happens, for the fingerprint and, if traced, for people. */
  trace(node: string, what: string, detail: number | string = ""): void {
    if (!this.traces) return;
    this.#mix(this.now * 1000);
    this.#mixText(node);
    this.#mixText(what);
    if (typeof detail === "number") this.#mix(detail);
    else this.#mixText(detail);
    this.#lines?.push(`${this.now.toFixed(3).padStart(10)} ${node} ${what} ${detail}`);
  }

  /** Runs events until `done` says so, `untilMs` has come, or nothing is left to happen. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await this.#settle();
    while (!done()) {
      const at = this.#queue.nextAt;
      if (at === null) return;
      if (at > untilMs) {
        this.now = untilMs;
        return;
      }
      this.now = at;
      this.#countEvent();
      this.#queue.takeFirst().task();
      if (this.#unsettled) await this.#settle();
      if (this.#failure !== null) throw this.#failure;
    }
  }

  #countEvent(): void {
    this.#events++;
    if (this.now - this.#second.began >= 1_000) {
      this.#second = { began: this.now, events: this.#events };
    }
    const events = this.#events - this.#second.events;
    assert(events < EVENTS_PER_SECOND_MAX, "Something is repeated as fast as it can be");
  }

  /** Whether the event may have brought about anything that comes by a promise. */
  get #unsettled(): boolean {
    return this.#awake || this.#pending > 0 || this.#asked > 0 || this.#quietTurns !== QUIET_TURNS;
  }

  async #settle(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; quiet < this.#quietTurns; turn++) {
      assert(turn < TURNS_MAX, "Work without virtual time does not end");
      if (turn % LOOP_TURNS === LOOP_TURNS - 1) await new Promise((next) => setImmediate(next));
      else await oneTurn;
      if (this.#awake || this.#pending > 0) quiet = 0;
      else quiet++;
      this.#awake = false;
    }
  }

  #mix(value: number): void {
    const whole = Math.floor(value);
    this.#fingerprint = Math.imul(this.#fingerprint ^ (whole & 0xffff), 0x01000193);
    this.#fingerprint = Math.imul(this.#fingerprint ^ ((whole / 65536) & 0xffff), 0x01000193);
  }

  #mixText(text: string): void {
    for (let index = 0; index < text.length; index++) {
      this.#fingerprint = Math.imul(this.#fingerprint ^ text.charCodeAt(index), 0x01000193);
    }
  }
}
