/**
 * Carries out the faults of a scenario on a cluster, as far as the budget allows; what it does
 * not allow is left out, and the history says so. Owns the end of what lasts; judges nothing.
 *
 * @module
 */

import { limits } from "../limits.ts";
import { FaultBudget } from "./budget.ts";
import type { Cluster } from "./cluster.ts";
import { MachineFaults } from "./machine_faults.ts";
import { bothWays, crossing, type Pair, partedPairs } from "./partition_shapes.ts";
import type { Fault, FaultOf, ScenarioConfig, Target } from "./scenario.ts";
import type { PortCall } from "./process.ts";
import { targetsOf } from "./fault_targets.ts";
import type { SimNode } from "./sim_node.ts";

/** How often nodes that ended are started again once everybody is to come back, ms. */
const RESTART_MS = 500;

const NO_TROUBLE = { extraDelayMs: 0, loss: 0, duplication: 0, reordering: 0 };

/** Faults acting on one cluster. */
export class FaultInjector {
  readonly #cluster: Cluster;
  readonly #budget: FaultBudget;
  readonly #machines: MachineFaults;
  /** How often each kind was carried out. */
  readonly counts = new Map<string, number>();
  /** Silences that the network has now, by ordered pair of nodes: how many overlap. */
  readonly #blocks = new Map<string, number>();
  #healed = false;
  #pausedUntil = 0;

  constructor(cluster: Cluster, config: ScenarioConfig) {
    this.#cluster = cluster;
    this.#budget = new FaultBudget(cluster, config);
    this.#machines = new MachineFaults({
      cluster,
      budget: this.#budget,
      count: (what) => this.#count(what),
      healed: () => this.#healed,
    });
  }

  /** Whether the policy promises that writes are accepted in the end (§1). */
  promisesWrites(ending: ScenarioConfig["ending"]): boolean {
    return this.#budget.promisesWrites(ending);
  }

  /** Virtual ms at which the last stall, or hanging disk, is over. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  inject(fault: Fault): void {
    const nodes = targetsOf(this.#cluster, fault);
    const done = !this.#healed && this.#carryOut(fault);
    const { atMs: _, during: _state, ...rest } = fault;
    const text = `${done ? "" : "left out: "}${JSON.stringify(rest)}`;
    const { kind } = fault;
    const injected = done ? { kind, nodes, ms: lengthOf(fault) } : null;
    this.#cluster.recorder.fact({ kind: "fault", text, node: null, injected });
    // A planned crash counts when it happens.
    if (done && !isPlanned(fault)) this.#count(fault.kind);
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** No fault any more: links are clear, and whoever is to come back starts. */
  heal(everyone: boolean): void {
    this.#healed = true;
    const { nodes, network } = this.#cluster;
    for (const from of nodes) {
      from.spare();
      from.disk.heal();
      from.time.drift({ monoPercent: 0, wallPercent: 0 });
      for (const to of nodes) {
        if (from === to) continue;
        Object.assign(this.#condition(from, to), NO_TROUBLE);
        network.setBlocked(from.member.peerAddress, to.member.peerAddress, false);
      }
    }
    if (everyone) this.#startAll();
  }

  /** Again and again: one that was leaving may end only now. */
  #startAll(): void {
    const { nodes, world } = this.#cluster;
    for (const node of nodes) if (node.image.last.index > 0) node.start();
    world.after(RESTART_MS, () => this.#startAll());
  }

  #carryOut(fault: Fault): boolean {
    switch (fault.kind) {
      case "crash":
        return this.#crash(fault);
      case "restart":
        return this.#restart(fault.node);
      case "stall":
      case "hang":
        return this.#pause(fault);
      case "slow":
        return this.#slow(fault);
      case "lose":
        return !this.#budget.quiet && this.#lose(fault);
      case "duplicate":
        return this.#duplicate(fault);
      case "reorder":
        return this.#reorder(fault);
      case "block":
        return this.#block([this.#pair(fault)], fault.ms);
      case "isolate":
        return this.#isolate(fault);
      case "partition":
        return this.#partition(fault, fault.times);
      case "reset":
        return !this.#budget.quiet && this.#reset(fault);
      case "clockJump":
        return this.#clockJump(fault);
      case "join":
        return !this.#budget.quiet && this.#cluster.join() !== null;
      case "leave":
        return this.#leave(fault);
      case "remove":
        return this.#remove(fault);
      case "transfer":
        return this.#transfer(fault);
      default:
        return this.#machines.carryOut(fault);
    }
  }

  #crash(fault: FaultOf<"crash">): boolean {
    const on = fault.on ?? null;
    if (fault.node === "any") return on !== null && this.#plan(this.#cluster.nodes, fault);
    const node = this.#cluster.target(fault.node);
    if (node === null || !node.alive) return false;
    if (on !== null || fault.afterCalls > 0) return this.#plan([node], fault);
    return this.#crashNow(node, fault);
  }

  /**
   * The first of these nodes to come to such a call crashes there. The budget is asked then and
   * not before, so a plan that waits keeps no other fault from happening.
   */
  #plan(nodes: readonly SimNode[], fault: FaultOf<"crash">): boolean {
    const cancels: (() => void)[] = [];
    const { on = null, afterCalls } = fault;
    for (const node of nodes) {
      const crash = (during: PortCall) => {
        if (this.#healed || !this.#crashNow(node, fault, during)) return false;
        for (const cancel of cancels) cancel();
        this.#count("crash");
        this.#count(`crash during ${during}`);
        return true;
      };
      const cancel = node.crashLater({ on, afterCalls, crash });
      if (cancel !== null) cancels.push(cancel);
    }
    return cancels.length > 0;
  }

  #crashNow(node: SimNode, fault: FaultOf<"crash">, during?: PortCall): boolean {
    if (!node.alive || !this.#budget.allows(node)) return false;
    const { powerCut, restartAfterMs = null } = fault;
    const unsynced = node.crash({ powerCut, ...(during === undefined ? {} : { during }) });
    if (unsynced !== null) this.#count(`unsynced write ${unsynced}`);
    this.#budget.note(node, 0);
    if (restartAfterMs !== null) {
      this.#cluster.world.after(restartAfterMs, () => !this.#healed && node.start());
    }
    return true;
  }

  #restart(target: Target): boolean {
    const node = this.#cluster.target(target);
    if (node === null || !node.down) return false;
    this.#budget.note(node, 0);
    node.start();
    return true;
  }

  #pause(fault: FaultOf<"stall"> | FaultOf<"hang">): boolean {
    const node = this.#cluster.target(fault.node);
    if (node === null || !node.alive) return false;
    if (!this.#budget.takesPause(node, fault.ms)) return false;
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#cluster.world.now + fault.ms);
    if (fault.kind === "stall") node.stall(fault.ms);
    else node.hang(fault.ms);
    return true;
  }

  #slow(fault: FaultOf<"slow">): boolean {
    const pair = this.#pair(fault);
    if (pair === null) return false;
    if (!this.#slows(pair, fault.delayMs)) return false;
    return this.#worsen(pair, "extraDelayMs", fault.delayMs, fault.ms);
  }

  /**
   * Each message is late by this much. Where the link is down, or goes down meanwhile as one of the
   * two starts again, nothing is heard before the answer to the dial, that to the hello and the
   * first frame have each come through.
   */
  #slows(pair: Pair, delayMs: number): boolean {
    return this.#budget.takesSilences(bothWays(pair), 3 * delayMs);
  }

  #lose(fault: FaultOf<"lose">): boolean {
    const pair = this.#pair(fault);
    if (pair === null) return false;
    if (!this.#budget.takesSilences([pair], fault.ms)) return false;
    return this.#worsen(pair, "loss", fault.chance, fault.ms);
  }

  #duplicate(fault: FaultOf<"duplicate">): boolean {
    const pair = this.#pair(fault);
    return pair !== null && this.#worsen(pair, "duplication", 0.3, fault.ms);
  }

  /** Each message that is overtaken is late, but nothing is silent for long. */
  #reorder(fault: FaultOf<"reorder">): boolean {
    const pair = this.#pair(fault);
    return pair !== null && this.#worsen(pair, "reordering", 0.3, fault.ms);
  }

  #isolate(fault: FaultOf<"isolate">): boolean {
    const inside = new Set(fault.nodes.map((target) => this.#cluster.target(target)));
    // A copy has the name of its original: it would be cut off in the other's place.
    const others = this.#cluster.nodes.filter((node) => !node.isCopy);
    return this.#block(crossing(inside, others), fault.ms);
  }

  /** Once, and as often again as is left. */
  #partition(fault: FaultOf<"partition">, times: number): boolean {
    const { nodes, world } = this.#cluster;
    const first = this.#cluster.target(fault.around);
    // Those that have not begun yet are on nobody's side.
    const begun = nodes.filter((node) => !node.isCopy && (node.alive || node.down));
    const place = first === null ? -1 : begun.indexOf(first);
    if (place < 0) return false;
    const order = [...begun.slice(place), ...begun.slice(0, place)];
    if (!this.#block(partedPairs(fault.shape, order), fault.ms)) return false;
    this.#count(`partition ${fault.shape}`);
    if (times > 1) {
      const again = () => !this.#healed && this.#partition(fault, times - 1);
      world.after(fault.ms + fault.pauseMs, again);
    }
    return true;
  }

  #block(pairs: readonly (Pair | null)[], ms: number): boolean {
    const known = pairs.filter((pair) => pair !== null);
    const whole = known.length === pairs.length && known.length > 0;
    if (!whole || !this.#budget.takesSilences(known, ms)) return false;
    for (const pair of known) this.#blockPair(pair, ms);
    return true;
  }

  #blockPair({ from, to }: Pair, ms: number): void {
    const { network, world } = this.#cluster;
    const key = `${from.member.peerAddress}>${to.member.peerAddress}`;
    const add = (count: number) => {
      const overlapping = (this.#blocks.get(key) ?? 0) + count;
      this.#blocks.set(key, overlapping);
      const blocked = overlapping > 0 && !this.#healed;
      network.setBlocked(from.member.peerAddress, to.member.peerAddress, blocked);
    };
    add(1);
    world.after(ms, () => add(-1));
  }

  #reset(fault: FaultOf<"reset">): boolean {
    const pair = this.#pair(fault);
    if (pair === null) return false;
    // Slow directions are gone through twice: by the news, by the handshake there and back, and
    // by the first frame.
    const slowness = this.#condition(pair.from, pair.to).extraDelayMs +
      this.#condition(pair.to, pair.from).extraDelayMs;
    const ms = 2 * (limits.redialMs + slowness);
    if (!this.#budget.takesSilences(bothWays(pair), ms)) return false;
    this.#cluster.network.reset(pair.from.member.peerAddress, pair.to.member.peerAddress);
    return true;
  }

  #clockJump(fault: FaultOf<"clockJump">): boolean {
    const node = this.#cluster.target(fault.node);
    if (node === null) return false;
    // Set back, it only says an earlier time: the monotonic clock is what moved more (§2).
    if (fault.ms > 0 && !this.#budget.takesPause(node, fault.ms)) return false;
    node.time.jump(fault.ms);
    return true;
  }

  #leave(fault: FaultOf<"leave">): boolean {
    const node = this.#cluster.target(fault.node);
    if (node === null || !node.alive || !this.#budget.allowsLater(node)) return false;
    this.#budget.expect(node);
    node.leave(limits.shutdownMsMax);
    return true;
  }

  #remove(fault: FaultOf<"remove">): boolean {
    const node = this.#cluster.target(fault.node);
    const leader = this.#cluster.leader;
    if (node === null || leader === null || node === leader) return false;
    if (!this.#budget.allowsRemoval(node)) return false;
    this.#budget.expect(node);
    this.#reach(leader, () => {
      const removal = leader.driver?.remove(node.id) ?? Promise.resolve();
      void this.#cluster.world.ask(
        removal.catch(() => this.#budget.settled(node))
          .finally(() => this.#settled("remove", node)),
      );
    });
    return true;
  }

  #transfer(fault: FaultOf<"transfer">): boolean {
    const to = fault.to === null ? null : this.#cluster.target(fault.to);
    const leader = this.#cluster.leader;
    if (leader === null) return false;
    this.#reach(leader, () => {
      const transfer = leader.driver?.transfer(to?.id ?? null) ?? Promise.resolve();
      void this.#cluster.world.ask(
        transfer.catch(() => undefined).finally(() => this.#settled("transfer", to)),
      );
    });
    return true;
  }

  /** A request gets to a node that stands still when that goes on, unless it dies before. */
  #reach(node: SimNode, task: () => void): void {
    node.process?.run("network", task);
  }

  #settled(what: "transfer" | "remove", node: SimNode | null): void {
    this.#cluster.recorder.fact({ kind: "settled", what, node: node?.id ?? null });
  }

  #pair(fault: { readonly from: Target; readonly to: Target }): Pair | null {
    const from = this.#cluster.target(fault.from);
    const to = this.#cluster.target(fault.to);
    return from === null || to === null || from === to ? null : { from, to };
  }

  #condition(from: SimNode, to: SimNode) {
    return this.#cluster.network.condition(from.member.peerAddress, to.member.peerAddress);
  }

  #worsen(
    { from, to }: Pair,
    quality: keyof typeof NO_TROUBLE,
    ...[value, ms]: readonly [number, number]
  ): boolean {
    const condition = this.#condition(from, to);
    condition[quality] = value;
    this.#cluster.world.after(ms, () => {
      if (condition[quality] === value) condition[quality] = 0;
    });
    return true;
  }
}

/** How long it lasts, as far as it says so, ms. */
function lengthOf(fault: Fault): number {
  if (fault.kind === "partition") return fault.times * (fault.ms + fault.pauseMs) - fault.pauseMs;
  return "ms" in fault ? fault.ms : 0;
}

function isPlanned(fault: Fault): boolean {
  return fault.kind === "crash" && (fault.on != null || fault.afterCalls > 0);
}
