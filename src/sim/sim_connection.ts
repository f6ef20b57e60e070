/**
 * One simulated connection that a node dialled to send its frames on. Owns its life: dialled,
 * open, broken; and the frames on their way. In order and at most once, but for what a fault
 * makes late or doubles.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type {
  Frame,
  Hello,
  IncomingLink,
  LinkEnd,
  LinkEvents,
  LinkReceiver,
  OutgoingLink,
} from "../rpc/peer_api.ts";
import type { SimEvent } from "./event_queue.ts";
import type { Process } from "./process.ts";
import { type Condition, DIAL_TIMEOUT_MS, type Machine, type SimNetwork } from "./sim_network.ts";

/** A frame that is overtaken, or comes again, is late by at most this, ms. */
const LATE_MS = 60;

/** Where a connection or a call comes from and goes to. */
export interface Place {
  readonly network: SimNetwork;
  readonly from: Machine;
  readonly to: Machine;
  /** The process that dials. */
  readonly process: Process;
}

/** A connection in one direction, from its dialling to its end. */
export class SimConnection {
  readonly #place: Place;
  readonly #hello: Hello;
  readonly #events: LinkEvents;
  /** What the two directions are like; the network keeps them up to date. */
  readonly #there: Condition;
  readonly #back: Condition;
  #accepting: Process | null = null;
  #receiver: LinkReceiver | null = null;
  #open = false;
  #over = false;
  /** The handshake is held up by a block, or by a machine without power. */
  #knocks = false;
  /** Gives up what has not opened by then. */
  #timeout: SimEvent | null = null;
  /** When the newest frame arrives: none overtakes it, but for those that are late on purpose. */
  #inOrderAt = 0;
  /** When everything that was sent has arrived. */
  #arrivesAt = 0;
  /** Frames that a block holds back in the sender's kernel. */
  #blocked: Frame[] = [];
  /** Frames that still arrive after the sender's end; `Infinity` while it lives. */
  #arrivalsLeft = Infinity;
  #onTheWay = 0;

  constructor(place: Place, options: { readonly hello: Hello; readonly events: LinkEvents }) {
    this.#place = place;
    this.#hello = options.hello;
    this.#events = options.events;
    const { network, from, to } = place;
    this.#there = network.condition(from.address, to.address);
    this.#back = network.condition(to.address, from.address);
  }

  readonly outgoing: OutgoingLink = {
    send: (frame) => this.#send(frame),
    queuedBytes: () => 0,
    close: () => {
      if (this.#over) return;
      this.#finish();
      this.#laterHere(() => this.#events.ended({ kind: "closed" }));
      this.#laterThere(() => this.#receiver?.closed());
    },
  };

  dial(): void {
    const { network } = this.#place;
    this.#timeout = this.#endAfter(DIAL_TIMEOUT_MS);
    network.world.after(network.delay(this.#there), () => this.#knock());
  }

  #endAfter(ms: number): SimEvent {
    return this.#place.network.world.after(
      ms,
      () => this.#end({ kind: "broken", detail: "no answer in time" }),
    );
  }

  joins(one: string, other: string): boolean {
    const { from, to } = this.#place;
    return (from.address === one && to.address === other) ||
      (from.address === other && to.address === one);
  }

  /** Whether frames get from one address to the other on it. */
  carries(from: string, to: string): boolean {
    return this.#open && this.#place.from.address === from && this.#place.to.address === to;
  }

  touches(machine: Machine): boolean {
    return this.#place.from === machine || this.#place.to === machine;
  }

  /** A block in this direction is over: what it held back arrives now, as TCP sends again. */
  unblocked(from: string, to: string): void {
    if (this.#place.from.address !== from || this.#place.to.address !== to) return;
    const held = this.#blocked;
    this.#blocked = [];
    for (const frame of held) this.#transmit(frame);
  }

  /** A block in either direction is over: a handshake that it held up goes on. */
  knockAgain(): void {
    if (this.#knocks) this.#knock();
  }

  #knock(): void {
    if (this.#over) return;
    this.#knocks = !this.#passes();
    if (!this.#knocks) this.#arrive();
  }

  /** Both ends learn that the connection broke; what was on its way is lost. */
  break(_ends: "both"): void {
    if (this.#over) return;
    this.#finish();
    this.#arrivalsLeft = 0;
    this.#laterHere(() => this.#events.ended({ kind: "broken", detail: "reset" }));
    this.#laterThere(() => this.#receiver?.closed());
  }

  processEnded(process: Process): void {
    if (this.#over) return;
    const { from, to, network } = this.#place;
    if (process === this.#place.process) {
      // The kernel sends on what it took over, more or less of it; the rest died with it.
      this.#arrivalsLeft = network.random.below(this.#onTheWay + 1);
      this.#blocked = [];
      if (!from.powered) return;
      this.#finish();
      this.#laterThere(() => this.#receiver?.closed());
    } else if (process === this.#accepting && to.powered) {
      this.#finish();
      this.#laterHere(() => this.#events.ended({ kind: "broken", detail: "reset by peer" }));
    }
  }

  breakIfDead(): void {
    const dead = !this.#place.process.alive ||
      (this.#accepting !== null && !this.#accepting.alive);
    if (dead) this.break("both");
  }

  /** Whether both directions let a handshake through. */
  #passes(): boolean {
    const { from, to } = this.#place;
    return from.powered && to.powered &&
      !this.#there.blocked &&
      !this.#back.blocked;
  }

  #arrive(): void {
    const { network, to } = this.#place;
    const listening = to.process;
    if (listening === null || to.api === null) {
      const back = network.delay(this.#back);
      network.world.after(back, () => this.#end({ kind: "refused" }));
      return;
    }
    this.#accepting = listening;
    const api = to.api;
    // Connected; the other side may have to look around before it says hello.
    if (this.#timeout !== null) this.#timeout.live = false;
    this.#timeout = this.#endAfter(limits.linkOpenMsMax);
    // A stalled process's kernel takes the connection; its answer comes when it goes on.
    listening.run("network", () => {
      const opening = api.openLink(this.#hello, this.#incoming);
      void this.#accept(this.#place.network.world.ask(opening));
    });
  }

  readonly #incoming: IncomingLink = {
    close: (error) => {
      if (this.#over) return;
      this.#finish();
      const end: LinkEnd = error === undefined
        ? { kind: "broken", detail: "closed by peer" }
        : { kind: "rejected", error };
      this.#laterHere(() => this.#events.ended(end));
      this.#laterThere(() => this.#receiver?.closed());
    },
  };

  async #accept(opening: Promise<LinkReceiver>): Promise<void> {
    const { network } = this.#place;
    const back = () => network.delay(this.#back);
    try {
      const receiver = await opening;
      if (this.#over) return receiver.closed();
      this.#receiver = receiver;
      network.world.after(back(), () => this.#opened(receiver.hello));
    } catch (thrown) {
      const end: LinkEnd = { kind: "rejected", error: ChatError.from(thrown) };
      network.world.after(back(), () => this.#end(end));
    }
  }

  #opened(hello: Hello): void {
    if (this.#over) return;
    this.#open = true;
    if (this.#timeout !== null) this.#timeout.live = false;
    this.#place.process.run("network", () => {
      if (!this.#over) this.#events.opened(hello);
    });
  }

  #send(frame: Frame): boolean {
    if (!this.#open || this.#over) return false;
    const { network } = this.#place;
    const condition = this.#there;
    if (condition.loss > 0 && network.random.chance(condition.loss)) return true;
    if (condition.blocked) this.#blocked.push(frame);
    else this.#transmit(frame);
    return true;
  }

  #transmit(frame: Frame): void {
    const { network } = this.#place;
    const { duplication, reordering } = this.#there;
    const arrival = network.world.now + network.delay(this.#there);
    if (reordering > 0 && network.random.chance(reordering)) {
      this.#arriveAt(arrival + network.random.between(0, LATE_MS), frame);
    } else {
      this.#inOrderAt = Math.max(this.#inOrderAt, arrival);
      this.#arriveAt(this.#inOrderAt, frame);
    }
    if (duplication > 0 && network.random.chance(duplication)) {
      this.#arriveAt(arrival + network.random.between(0, LATE_MS), frame);
    }
  }

  #arriveAt(at: number, frame: Frame): void {
    const { world } = this.#place.network;
    this.#arrivesAt = Math.max(this.#arrivesAt, at);
    this.#onTheWay++;
    world.at(at, () => {
      this.#onTheWay--;
      if (this.#arrivalsLeft <= 0) return;
      this.#arrivalsLeft--;
      this.#accepting?.run("network", () => this.#receiver?.frames([frame]));
    });
  }

  #end(end: LinkEnd): void {
    if (this.#over) return;
    this.#finish();
    this.#place.process.run("network", () => this.#events.ended(end));
  }

  #finish(): void {
    if (this.#timeout !== null) this.#timeout.live = false;
    this.#over = true;
    this.#open = false;
    this.#place.network.forget(this);
  }

  #laterHere(task: () => void): void {
    const { network, process } = this.#place;
    const ms = network.delay(this.#back);
    network.world.after(ms, () => process.run("network", task));
  }

  /** After everything that is still on its way. */
  #laterThere(task: () => void): void {
    const { network } = this.#place;
    const { world } = network;
    this.#arrivesAt = Math.max(
      this.#arrivesAt,
      world.now + network.delay(this.#there),
    );
    world.at(this.#arrivesAt, () => this.#accepting?.run("network", task));
  }
}
