/**
 * Carries out what goes wrong inside of machines, or with all of them: clocks, disks, power, and
 * operators who restart, replace or copy nodes. Owns what follows from such a fault later, also
 * after the others are over; asks the budget before each, as the injector does.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { limits } from "../limits.ts";
import type { FaultBudget } from "./budget.ts";
import type { Cluster } from "./cluster.ts";
import { Random } from "./random.ts";
import type { FaultOf } from "./scenario.ts";
import type { SimNode } from "./sim_node.ts";

/** A disk that is slower by no more than this is no fault: two writes are far from T/2, ms. */
const SLOW_DISK_MS = 20;

/** How often it is asked whether a process has ended, ms. */
const POLL_MS = 20;

/** A node that refuses to start has done so within this time, ms. */
const REFUSAL_MS = 50;

/** A copy that is refused has ended by then, in T: its peers wait T and a while for the original. */
export const COPY_ENDS_TIMEOUTS = 3;

/** The faults that the injector leaves to {@linkcode MachineFaults}. */
export type MachineFault = FaultOf<
  | "drift"
  | "writeError"
  | "diskFull"
  | "slowDisk"
  | "flipEntry"
  | "flipChunk"
  | "blackout"
  | "replace"
  | "copy"
  | "rollingRestart"
>;

export interface MachineFaultsOptions {
  readonly cluster: Cluster;
  readonly budget: FaultBudget;
  readonly count: (what: string) => void;
  /** Whether the time of faults is over. */
  readonly healed: () => boolean;
}

/** Faults of the machines of one cluster. */
export class MachineFaults {
  readonly #options: MachineFaultsOptions;
  readonly #cluster: Cluster;
  readonly #budget: FaultBudget;

  constructor(options: MachineFaultsOptions) {
    this.#options = options;
    this.#cluster = options.cluster;
    this.#budget = options.budget;
  }

  /** False if it cannot be, or not within the budget. */
  carryOut(fault: MachineFault): boolean {
    if (fault.kind === "blackout") return this.#blackout(fault);
    if (fault.kind === "rollingRestart") return this.#rollingRestart(fault);
    const node = this.#cluster.target(fault.node);
    if (node === null || !node.alive || node.isCopy) return false;
    switch (fault.kind) {
      case "drift":
        return this.#drift(node, fault);
      case "writeError":
        return this.#writeError(node, fault.restartAfterMs);
      case "diskFull":
        return this.#diskFull(node, fault.ms);
      case "slowDisk":
        return this.#slowDisk(node, fault);
      case "flipEntry":
        return this.#flipEntry(node, fault);
      case "flipChunk":
        node.disk.flipNextChunk(fault.bit);
        return true;
      case "replace":
        return this.#replace(node);
      case "copy":
        return this.#copy(node);
    }
  }

  #after(ms: number, task: () => void): void {
    this.#cluster.world.after(ms, task);
  }

  /**
   * No fault as long as a monotonic clock is not fast and the faster of the two clocks not slow:
   * grants are measured by the one where they are given, by the other where they are had (§2).
   */
  #drift(node: SimNode, { monoPercent, wallPercent, ms }: FaultOf<"drift">): boolean {
    node.time.drift({ monoPercent, wallPercent });
    this.#after(ms, () => node.time.drift({ monoPercent: 0, wallPercent: 0 }));
    return true;
  }

  #writeError(node: SimNode, restartAfterMs: number): boolean {
    if (!this.#budget.allowsLater(node)) return false;
    this.#budget.expect(node);
    node.disk.failNext();
    node.onceStopped(() => {
      this.#options.count("stopped by a write error");
      this.#after(restartAfterMs, () => this.#startAgain(node));
    });
    return true;
  }

  #diskFull(node: SimNode, ms: number): boolean {
    if (!this.#budget.allows(node)) return false;
    this.#budget.note(node, ms);
    node.disk.fillFor(ms);
    node.onceStopped(() => this.#options.count("stopped by a full disk"));
    this.#after(ms, () => this.#startAgain(node));
    return true;
  }

  /** Also when the faults are over: whoever repaired the disk starts the node. */
  #startAgain(node: SimNode): void {
    node.start();
    this.#budget.settled(node);
  }

  #slowDisk(node: SimNode, { delayMs, ms }: FaultOf<"slowDisk">): boolean {
    if (delayMs > SLOW_DISK_MS) {
      if (!this.#budget.allows(node)) return false;
      this.#budget.note(node, ms);
    }
    node.disk.delayMs = delayMs;
    this.#after(ms, () => {
      if (node.disk.delayMs === delayMs) node.disk.delayMs = 0;
    });
    return true;
  }

  #flipEntry(node: SimNode, { permille, restartAfterMs }: FaultOf<"flipEntry">): boolean {
    if (!this.#budget.allowsLaterLoss(node) || !node.image.flip(permille)) return false;
    this.#budget.lose(node);
    // It may need the entry before, for one that is behind or on another side.
    node.onceStopped(() => this.#setAside(node));
    this.#after(restartAfterMs, () => this.#refusesDamage(node));
    return true;
  }

  /** The node is started on its damaged disk, and must not come up. */
  #refusesDamage(node: SimNode): void {
    // Its machine may have burnt down since: then the disk is lost all the same.
    if (this.#options.healed() || node.isRetired) return;
    node.crash({ powerCut: false });
    const { damaged } = node.image;
    node.start();
    // What is below the base by now, or was cut, harms nobody any more.
    if (damaged === null) return this.#budget.regain(node);
    this.#after(REFUSAL_MS, () => {
      assert(!node.alive, `${node.id} starts with a damaged entry at ${damaged.index}`);
    });
  }

  /** What is damaged is set aside, also when the faults are over: a new node takes its address. */
  #setAside(node: SimNode): void {
    if (node.image.damaged === null) return;
    this.#options.count("stopped by a damaged log");
    this.#after(REFUSAL_MS, () => {
      if (node.isRetired) return;
      node.retire();
      if (this.#cluster.replace(node) !== null) this.#options.count("replaced");
    });
  }

  #replace(node: SimNode): boolean {
    if (!this.#budget.allowsLoss(node)) return false;
    this.#budget.lose(node);
    node.retire();
    if (this.#cluster.replace(node) !== null) this.#options.count("replaced");
    return true;
  }

  /** Whoever lost power comes back, also when the faults are over. */
  #blackout({ downMs, gapMs, lateMs, order }: FaultOf<"blackout">): boolean {
    const live = this.#cluster.nodes.filter((node) => node.alive);
    if (live.length === 0 || !this.#budget.takesBlackout()) return false;
    for (const node of live) {
      const unsynced = node.crash({ powerCut: true });
      if (unsynced !== null) this.#options.count(`unsynced write ${unsynced}`);
    }
    const random = new Random(order);
    const waiting = live.map((node) => ({ node, place: random.next() }))
      .sort((one, other) => one.place - other.place);
    waiting.forEach(({ node }, place) => {
      const late = place === waiting.length - 1 ? lateMs : 0;
      this.#after(downMs + place * gapMs + late, () => node.start());
    });
    return true;
  }

  /**
   * Nobody else is at fault meanwhile: a copy of a node that is silent for T, or that somebody has
   * no link with at all, cannot be told from its next start, nor may the log be longer than the
   * copy by what only the original has. And somebody else must live, whom the copy needs and who
   * refuses it: alone it waits for ever, and does nothing.
   */
  #copy(node: SimNode): boolean {
    const voters = node.image.configAt(Infinity)?.config.voters ?? [];
    const others = this.#cluster.nodes.filter((other) => other !== node);
    const known = others.every((other) => this.#knows(other, node));
    const refused = others.some((one) => one.alive && voters.some(({ id }) => id === one.id));
    if (!refused || !known || !this.#budget.takesQuiet()) return false;
    const copy = this.#cluster.copy(node);
    if (copy === null) {
      this.#budget.release();
      return false;
    }
    copy.onceStopped(() => {
      this.#options.count("copy refused");
      this.#budget.release();
      // Who started it reads why, and does not try again.
      copy.retire();
    });
    this.#after(COPY_ENDS_TIMEOUTS * this.#cluster.policy.failureTimeoutMs, () => {
      assert(!copy.alive, `A copy of ${node.id} goes on`);
    });
    return true;
  }

  /** Whether a node that lives can find out that another one does. */
  #knows(other: SimNode, node: SimNode): boolean {
    const { network } = this.#cluster;
    return !other.alive || network.inTouch(other.member.peerAddress, node.member.peerAddress);
  }

  #rollingRestart({ orderly, gapMs }: FaultOf<"rollingRestart">): boolean {
    const waiting = this.#cluster.nodes.filter((node) => node.alive && !node.isCopy);
    const next = () => {
      const node = waiting.shift();
      if (node === undefined || this.#options.healed()) return;
      if (node.alive && this.#budget.allowsLater(node)) {
        this.#options.count("restarted in turn");
        this.#budget.expect(node);
        if (orderly) node.leave(limits.shutdownMsMax);
        else node.crash({ powerCut: false });
        this.#startOnceEnded(node);
      }
      this.#after(gapMs, next);
    };
    next();
    return true;
  }

  #startOnceEnded(node: SimNode): void {
    this.#after(POLL_MS, () => {
      if (node.alive) this.#startOnceEnded(node);
      else this.#startAgain(node);
    });
  }
}
