/**
 * Ports and a core for tests of the driver: every call is written down, every write and apply
 * ends only when the test says so. Used by tests alone.
 *
 * @module
 */

import type { Command } from "../chat/command.ts";
import type { Core } from "../raft/core_api.ts";
import type { CoreStatus, Effect, Input } from "../raft/io.ts";
import type { Message } from "../raft/message.ts";
import { ZERO_TERM } from "../raft/term.ts";
import type { Base, Entry, LogPosition, PersistBatch, Term } from "../raft/types.ts";
import { createDriver } from "./driver.ts";
import { type DriverMeasures, NO_MEASURES } from "./measures.ts";
import type { Clock, LogStore, SnapshotFetch, StateStore, Transport } from "./ports.ts";

export const TERM: Term = { epoch: 0, number: 1, nodeId: "n1" };
export const SELF = { id: "n1", peerAddress: "n1:1", clientAddress: "n1:2" };
export const OTHER = { id: "n2", peerAddress: "n2:1", clientAddress: "n2:2" };
const ZERO: LogPosition = {
  index: 0,
  term: { epoch: 0, number: 0, nodeId: "" },
  checksum: "",
};

/** A command entry at an index; its checksum says where it is. */
export function entryAt(index: number, term = TERM): Entry {
  const checksum = `${index}.${term.number}`;
  return { index, term, checksum, kind: "command", data: new Uint8Array([index]) };
}

/** Lets everything that is already resolved go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** A clock that stands still, with a queue of deferred tasks. */
export class ManualClock implements Clock {
  now = 0;
  readonly deferred: (() => void)[] = [];
  readonly timers: { at: number; task: () => void; live: boolean }[] = [];
  mono = () => this.now;
  fast = () => this.now;
  wall = () => this.now;
  random = () => 0.5;
  defer(task: () => void): void {
    this.deferred.push(task);
  }
  after(ms: number, task: () => void): () => void {
    const timer = { at: this.now + ms, task, live: true };
    this.timers.push(timer);
    return () => {
      timer.live = false;
    };
  }
  /** Runs what is deferred, and what that defers, to the end. */
  async turns(): Promise<void> {
    for (let task = this.deferred.shift(); task; task = this.deferred.shift()) {
      task();
      await settle();
    }
  }
  /** Moves on and runs the timers that are due, once each. */
  async advance(ms: number): Promise<void> {
    this.now += ms;
    for (const timer of this.timers.splice(0)) {
      if (!timer.live) continue;
      if (timer.at <= this.now) timer.task();
      else this.timers.push(timer);
    }
    await this.turns();
  }
}

/** A core that writes its inputs down and gives the effects that a test scripts. */
export class ScriptedCore implements Core {
  readonly inputs: Input[] = [];
  script: (input: Input) => readonly Effect[] = () => [];
  readable = false;
  step(input: Input): readonly Effect[] {
    this.inputs.push(input);
    return this.script(input);
  }
  canRead = () => this.readable;
  canPropose = () => true;
  commonIndex = () => 0;
  termAt = () => TERM;
  commitIndex = () => 0;
  status(): CoreStatus {
    const member = (one: typeof SELF) => ({
      member: one,
      voter: true,
      reachable: true,
      matchIndex: null,
      incarnation: null,
    });
    return {
      role: "follower",
      term: TERM,
      leader: null,
      lastIndex: 0,
      commitIndex: 0,
      appliedIndex: 0,
      ready: true,
      certain: true,
      livesByLastResort: false,
      missing: [],
      tolerates: 0,
      policy: null,
      members: [member(SELF), member(OTHER)],
    };
  }
  /** Inputs of one kind, in order. */
  of<K extends Input["kind"]>(kind: K): Extract<Input, { kind: K }>[] {
    return this.inputs.filter((input) => input.kind === kind) as Extract<Input, { kind: K }>[];
  }
}

/** A driver over fakes, and the list of everything that it did to them, in order. */
export function fixture(measures: DriverMeasures = NO_MEASURES) {
  const events: string[] = [];
  const clock = new ManualClock();
  const core = new ScriptedCore();
  const disk = {
    batches: [] as (readonly PersistBatch[])[],
    /** Ends the running write; with an error it fails. */
    finish: (_error?: Error) => {},
    stored: [] as Entry[],
  };
  const log: LogStore = {
    load: () =>
      Promise.resolve({
        promised: ZERO.term,
        commitIndex: 0,
        base: { ...ZERO, config: null },
        termStarts: [],
        configs: [],
        entries: [],
      }),
    persist(batches) {
      events.push(`write ${batches.map((batch) => batch.number).join("+")}`);
      disk.batches.push(batches);
      return new Promise((resolve, reject) => {
        disk.finish = (error) => error ? reject(error) : resolve();
      });
    },
    read(from, to) {
      events.push(`read ${from}-${to}`);
      return Promise.resolve(
        disk.stored.filter(({ index }) => index >= from && index <= to),
      );
    },
    history: () => Promise.resolve({ config: null, next: null, termStarts: [] }),
    compact: (base) => Promise.resolve(void events.push(`compact ${base.index}`)),
    close: () => Promise.resolve(),
  };
  const state = stateFake(events);
  const transport: Transport = {
    send: (to, message) => void events.push(`send ${to} ${message.kind}`),
    setPeers: (members) => void events.push(`peers ${members.map(({ id }) => id).join()}`),
    fetchSnapshot: () => Promise.reject(new Error("no snapshot here")),
    handOver: () => Promise.reject(new Error("nobody to hand over to here")),
  };
  const fatal: Error[] = [];
  const notices: string[] = [];
  const driver = createDriver({
    createCore: () => core,
    self: SELF,
    incarnation: 1,
    chain: () => "",
    encode: (command: Command) => new TextEncoder().encode(command.requestId),
    log,
    state: state.store,
    transport,
    clock,
    measures,
    onFatal: (error) => fatal.push(error),
    onNotice: (_level, text) => notices.push(text),
  });
  return { clock, core, disk, driver, events, fatal, notices, state, transport };
}

function stateFake(events: string[]) {
  const fake = { applied: ZERO, fail: null as Error | null, failBuild: null as Error | null };
  const store: StateStore = {
    applied: () => fake.applied,
    apply(entries) {
      if (fake.fail) return Promise.reject(fake.fail);
      events.push(`apply ${entries.map(({ index }) => index).join()}`);
      fake.applied = entries.at(-1)!;
      const outcomes = new Map(
        entries.map(({ index }) => [index, { ok: true, kind: "deleteAccount" } as const]),
      );
      return Promise.resolve({ outcomes, messages: [] });
    },
    reader: { query: () => Promise.resolve([]) },
    salvagedFrom: (entries) => Promise.resolve(entries.map(({ data }) => data)),
    requestsBetween: () => Promise.resolve([]),
    countUnknown: () => Promise.resolve(0),
    settledAmong: (salvaged) => Promise.resolve(salvaged.map(() => false)),
    checkpoint: () => Promise.resolve(fake.applied.index),
    openSnapshot: () => Promise.reject(new Error("not here")),
    buildSnapshot: () =>
      Promise.resolve({
        write(chunk) {
          if (fake.failBuild) return Promise.reject(fake.failBuild);
          return Promise.resolve(void events.push(`chunk ${chunk.byteLength}`));
        },
        finish: ({ applied }) => Promise.resolve(void events.push(`built ${applied.index}`)),
        activate() {
          events.push("activate");
          fake.applied = entryAt(50);
          return Promise.resolve();
        },
        abort: () => Promise.resolve(void events.push("abort")),
      }),
    digest: () => Promise.resolve({ appliedIndex: fake.applied.index, digest: "" }),
    close: () => Promise.resolve(),
  };
  return Object.assign(fake, { store });
}

/** A snapshot of three bytes on its way. */
export function snapshotOf(base: Base): SnapshotFetch {
  return {
    base,
    termStarts: [],
    chunks: (async function* () {
      yield await Promise.resolve(new Uint8Array(3));
    })(),
    digest: () => "d",
  };
}

/** A message that is short to write. */
export const LEAVE: Message = { kind: "leaveRequest", term: ZERO_TERM, configIndex: 1 };

/** A command of which only the request id matters. */
export function command(requestId: string): Command {
  return {
    kind: "deleteAccount",
    requestId,
    fingerprint: "",
    timeMs: 0,
    accountId: "a",
    sessionId: "s",
  };
}
