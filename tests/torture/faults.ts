/**
 * Carries out the faults that were drawn, as far as the budget allows; what it does not allow is
 * left out and counted. Owns the end of what lasts; what is done to one node's process and files
 * is in `node_faults.ts`.
 *
 * @module
 */

import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { connect } from "../../src/rpc/client.ts";
import { until } from "../cluster/wait.ts";
import type { Budget, Way } from "./budget.ts";
import type { Condition, Lanes } from "./lanes.ts";
import { NodeFaults } from "./node_faults.ts";
import type { Nodes, Place } from "./nodes.ts";
import { wait } from "./pause.ts";
import { type Fault, FAULT_KINDS, type FaultKind, type Target } from "./plan.ts";

/** Silence that a broken connection costs until it is made again, ms. */
const RECONNECT_MS = 150;
/** Longest delay of one way, ms: there and back again it must stay a short silence. */
const DELAY_MS_MAX = 100;
/** Slowest and fastest way that is throttled, bytes a second. */
const THROTTLE = { min: 2_000, max: 60_000 } as const;
const TRANSFER_MS_MAX = 5_000;
const ALL_WELL_MS_MAX = 8_000;

export interface InjectorOptions {
  readonly nodes: Nodes;
  readonly lanes: Lanes;
  readonly budget: Budget;
  readonly onProblem: (text: string) => void;
  /** A line for the log of the run. */
  readonly note: (text: string) => void;
  /** Parts the nodes until both sides have gone on; false if that is not allowed now. */
  readonly split: (dice: number) => Promise<boolean>;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** How often a kind was carried out, and how often it was left out. */
export interface FaultCount {
  done: number;
  leftOut: number;
}

/** Faults acting on one cluster. */
export class Injector {
  readonly #options: InjectorOptions;
  readonly #nodeFaults: NodeFaults;
  readonly #lasting = new Set<Promise<void>>();
  readonly counts: ReadonlyMap<FaultKind, FaultCount> = new Map(
    FAULT_KINDS.map((kind) => [kind, { done: 0, leftOut: 0 }]),
  );

  constructor(options: InjectorOptions) {
    this.#options = options;
    this.#nodeFaults = new NodeFaults({ ...options, later: (task) => this.#later(task) });
  }

  /** Carries out one fault after its pause; resolves once it has begun. */
  async inject(fault: Fault): Promise<boolean> {
    await wait(fault.afterMs, this.#options.signal);
    if (this.#options.signal.aborted) return false;
    const done = await this.#carryOut(fault);
    const count = this.counts.get(fault.kind);
    if (count !== undefined) done ? count.done += 1 : count.leftOut += 1;
    const { kind, ms } = fault;
    if (!done) this.#options.note(`left out: ${kind} ${fault.target} ${ms ?? ""}`);
    return done;
  }

  /** Resolves once nothing lasts any more but that some nodes are down. */
  async settled(): Promise<void> {
    while (this.#lasting.size > 0) await Promise.all(this.#lasting);
  }

  /** Brings every node back, however it was left. */
  async healAll(): Promise<void> {
    this.#options.lanes.heal();
    await this.#nodeFaults.healAll();
  }

  /** Whether some node may be running on damaged files: then everybody has to be whole soon. */
  get hasDamaged(): boolean {
    return this.#nodeFaults.hasDamaged;
  }

  /** Looks at the files of nodes that came back though a bit was flipped; asks for a whole cluster. */
  async checkDamaged(): Promise<void> {
    await this.#nodeFaults.checkDamaged();
  }

  #later(task: () => Promise<void>): void {
    const running = task().catch((thrown) => {
      this.#options.onProblem(`The torture itself failed: ${thrown?.stack ?? thrown}`);
    }).finally(() => this.#lasting.delete(running));
    this.#lasting.add(running);
  }

  async #carryOut(fault: Fault): Promise<boolean> {
    const { kind } = fault;
    const faults = this.#nodeFaults;
    if (kind === "killAll") await this.#allWell();
    if (kind === "killAll") return await faults.killAll(fault.ms ?? 0);
    if (kind === "split") {
      if (this.#options.budget.livesByOne) await this.#allWell();
      return await this.#options.split(fault.dice);
    }
    if (kind === "join") return await faults.join();
    const place = await this.#place(fault.target);
    if (place === null) return false;
    switch (kind) {
      case "kill":
        return await faults.kill(place, fault.ms);
      case "stop":
        return await faults.stop(place, fault.ms);
      case "stall":
        return await faults.stall(place, fault.ms ?? 0);
      case "wipe":
        return await faults.wipe(place, fault.ms);
      case "corrupt":
        return await faults.corrupt(place, fault.dice);
      case "fullDisk":
        return await faults.fullDisk(fault.ms ?? 0);
      case "remove":
        return await faults.remove(place);
      case "transfer":
        return this.#transfer(fault.dice < 0.5 ? null : place);
      case "isolate":
        return await this.#silence(this.#waysOf(place), fault, { held: true });
    }
    const other = await this.#place(fault.other);
    if (other === null || other === place) return false;
    return await this.#betweenTwo(kind, { fault, place, other });
  }

  async #betweenTwo(
    kind: "reset" | "close" | "delay" | "hold" | "lose" | "throttle",
    { fault, place, other }: {
      readonly fault: Fault;
      readonly place: Place;
      readonly other: Place;
    },
  ): Promise<boolean> {
    const there: Way = { from: place, to: other };
    const back: Way = { from: other, to: place };
    switch (kind) {
      case "hold":
      case "lose":
        return await this.#silence([there], fault, {
          held: kind === "hold",
          lost: kind === "lose",
        });
      case "throttle": {
        const bytesPerSecond = THROTTLE.min + fault.dice * (THROTTLE.max - THROTTLE.min);
        return await this.#silence([there], fault, { bytesPerSecond });
      }
      case "delay": {
        const delayMs = Math.round(fault.dice * DELAY_MS_MAX);
        if (!await this.#options.budget.takesSilence([there, back], 2 * delayMs)) return false;
        this.#worsen([there], fault.ms ?? 0, { delayMs });
        this.#options.note(`delay ${place.name} to ${other.name}: ${delayMs} ms for ${fault.ms}`);
        return true;
      }
      case "reset":
      case "close": {
        if (!await this.#options.budget.takesSilence([there, back], RECONNECT_MS)) return false;
        const broken = other.proxy.break(place.name, kind) + place.proxy.break(other.name, kind);
        this.#options.note(`${kind} ${place.name} and ${other.name}: ${broken} connections`);
        return broken > 0;
      }
    }
  }

  async #silence(
    ways: readonly Way[],
    fault: Fault,
    condition: Partial<Condition>,
  ): Promise<boolean> {
    const { budget, note } = this.#options;
    const ms = Math.min(fault.ms ?? 0, budget.longestSilenceMs);
    if (budget.livesByOne && ms > budget.shortSilenceMs) await this.#allWell();
    if (!await budget.takesSilence(ways, ms)) return false;
    this.#worsen(ways, ms, condition);
    note(`${fault.kind} ${ways.map(({ from, to }) => `${from.name}>${to.name}`)} for ${ms} ms`);
    return true;
  }

  /** Some faults may only be alone; they wait a moment for everybody to be well. */
  async #allWell(): Promise<void> {
    const { budget, signal } = this.#options;
    const isWell = async () => signal.aborted || await budget.allWell();
    await until(isWell, { what: "everybody to be well", ms: ALL_WELL_MS_MAX }).catch(() => {});
  }

  #worsen(ways: readonly Way[], ms: number, condition: Partial<Condition>): void {
    const ends = ways.map(({ from, to }) =>
      this.#options.lanes.lane(from.name, to.name).worsen({ ...condition })
    );
    this.#later(async () => {
      await wait(ms, this.#options.signal);
      for (const end of ends) end();
    });
  }

  #waysOf(place: Place): readonly Way[] {
    return this.#options.nodes.running.filter((one) => one !== place)
      .flatMap((other) => [{ from: place, to: other }, { from: other, to: place }]);
  }

  /** Asked for, and no more: that a transfer fails in trouble is no news. */
  #transfer(to: Place | null): boolean {
    const servers = this.#options.nodes.running.map(({ listen }) => listen);
    if (servers.length === 0) return false;
    this.#options.note(`transfer to ${to?.name ?? "anybody"}`);
    this.#later(async () => {
      const deadlineMs = Date.now() + TRANSFER_MS_MAX;
      const token = this.#options.nodes.adminToken;
      const admin = new AdminCluster(servers, { connect, deadlineMs, token });
      const wanted = to === null ? {} : { to: to.id };
      await admin.onLeader((api, context) => api.transferLeadership(wanted, context))
        .catch(() => undefined);
      admin.close();
    });
    return true;
  }

  async #place(target: Target): Promise<Place | null> {
    const { places, running } = this.#options.nodes;
    if (typeof target === "number") return places[target] ?? null;
    const statuses = await Promise.all(running.map((place) => place.status()));
    const leads = statuses.map((status) => status !== null && status.leader === status.self);
    const found = running.filter((_, index) => leads[index] === (target === "leader"));
    return found[0] ?? null;
  }
}
