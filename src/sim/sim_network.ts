/**
 * The simulated network between nodes: connections that behave like TCP's. What is sent on one
 * arrives in order; what a peer's kernel holds survives the peer's stall, and in part the
 * sender's crash; a dead process's address refuses, a dead machine's says nothing. Owns
 * connections and the conditions between machines; knows nothing of what frames mean.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type { PeerApi, PeerClient } from "../rpc/peer_api.ts";
import type { Process } from "./process.ts";
import type { Random } from "./random.ts";
import { SimConnection } from "./sim_connection.ts";
import { rpcClient } from "./sim_rpc.ts";
import type { World } from "./world.ts";

/** What one direction between two machines is like at the moment. */
export interface Condition {
  /** Nothing gets through; what is sent waits in the sender's kernel. */
  blocked: boolean;
  /** Added to each delay, ms. */
  extraDelayMs: number;
  /** Chance that a frame is dropped by its sender. */
  loss: number;
  /** Chance that a frame comes twice. */
  duplication: number;
  /** Chance that a frame is late, so that later ones overtake it. */
  reordering: number;
}

/** A machine on the network. */
export interface Machine {
  readonly address: string;
  /** The process that listens at the address, if one does. */
  process: Process | null;
  api: PeerApi | null;
  /** Without power nothing answers, not even a refusal. */
  powered: boolean;
}

/** Delay of an undisturbed message, ms. */
const DELAY_MS = { low: 0.2, high: 2 };

/** How long a dial to where nothing answers takes to give up, ms. */
export const DIAL_TIMEOUT_MS = 1_000;

/** All machines and what lies between them. */
export class SimNetwork {
  readonly world: World;
  readonly random: Random;
  readonly #machines = new Map<string, Machine>();
  readonly #conditions = new Map<string, Condition>();
  readonly #connections = new Set<SimConnection>();

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork("network");
  }

  machine(address: string): Machine {
    let machine = this.#machines.get(address);
    if (machine === undefined) {
      machine = { address, process: null, api: null, powered: true };
      this.#machines.set(address, machine);
    }
    return machine;
  }

  condition(from: string, to: string): Condition {
    const key = `${from}>${to}`;
    let condition = this.#conditions.get(key);
    if (condition === undefined) {
      condition = { blocked: false, extraDelayMs: 0, loss: 0, duplication: 0, reordering: 0 };
      this.#conditions.set(key, condition);
    }
    return condition;
  }

  /** How long a message sent now takes in such a direction, ms. */
  delay({ extraDelayMs }: Condition): number {
    return this.random.between(DELAY_MS.low, DELAY_MS.high) + extraDelayMs;
  }

  /** A way to peers for one process of a machine. */
  connector(from: Machine, process: Process): (peerAddress: string) => PeerClient {
    return (peerAddress) => {
      const to = this.machine(peerAddress);
      const place = { network: this, from, to, process };
      return {
        ...rpcClient(place),
        openLink: (hello, events) => {
          const connection = new SimConnection(place, { hello, events });
          this.#connections.add(connection);
          connection.dial();
          return connection.outgoing;
        },
      };
    };
  }

  /** Nothing gets from one machine to another for a while, or does again. */
  setBlocked(from: string, to: string, blocked: boolean): void {
    this.condition(from, to).blocked = blocked;
    if (blocked) return;
    for (const connection of [...this.#connections]) {
      connection.unblocked(from, to);
      if (connection.joins(from, to)) connection.knockAgain();
    }
  }

  /** Whether at least one direction between two machines has one. */
  inTouch(one: string, other: string): boolean {
    const connections = [...this.#connections];
    return connections.some((connection) =>
      connection.carries(one, other) || connection.carries(other, one)
    );
  }

  /** Breaks every connection between two machines. */
  reset(one: string, other: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.joins(one, other)) connection.break("both");
    }
  }

  /** A process ended. With power its kernel says so at once; without, nobody hears of it. */
  processEnded(process: Process): void {
    for (const connection of [...this.#connections]) connection.processEnded(process);
  }

  /** A machine is back: what was open to its earlier process is found to be broken. */
  poweredOn(machine: Machine): void {
    machine.powered = true;
    for (const connection of [...this.#connections]) {
      if (connection.touches(machine)) connection.breakIfDead();
    }
  }

  forget(connection: SimConnection): void {
    this.#connections.delete(connection);
  }
}

/** The error of a call that no one answered. */
export function noAnswer(address: string): ChatError {
  return new ChatError("NO_ANSWER", `No answer from ${address}`);
}
