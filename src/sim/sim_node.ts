/**
 * A simulated machine with its node: the production core, driver, links and chat rules over a
 * simulated clock, network and disk. Owns what survives a crash (disk, state, clocks) and how a
 * process begins and ends; what the node does is production code.
 *
 * @module
 */

import type { Core } from "../raft/core_api.ts";
import type { Chain, CoreOptions, CoreStatus } from "../raft/io.ts";
import { ZERO_TERM } from "../raft/term.ts";
import type { Index, Member, NodeId, PersistBatch, Role, Term } from "../raft/types.ts";
import { encodeCommand } from "../chat/codec.ts";
import { createDriver } from "../node/driver.ts";
import type { NodeDriver } from "../node/driver_api.ts";
import type { KeptBounds } from "../node/driver_options.ts";
import { silentLogger } from "../node/logger.ts";
import type { Clock, LogStore, StateStore, Transport } from "../node/ports.ts";
import { Presence } from "../node/presence.ts";
import { SnapshotServer } from "../node/snapshot_server.ts";
import { PeerTransport } from "../node/transport.ts";
import type { Hello, PeerApi } from "../rpc/peer_api.ts";
import type { Recorder } from "./recorder.ts";
import { type CrashPlan, type PortCall, Process } from "./process.ts";
import { mortalLog, mortalSource, mortalState } from "./mortal_stores.ts";
import { MachineTime, SimClock } from "./sim_clock.ts";
import { DiskImage, SimLogStore } from "./sim_disk.ts";
import type { Machine, SimNetwork } from "./sim_network.ts";
import { servePeers } from "./sim_peer_api.ts";
import type { SimState } from "./sim_state.ts";
import { watched } from "./watched_core.ts";
import type { World } from "./world.ts";

/** Id of every simulated cluster. */
export const CLUSTER_ID = "simulated";

/** How long an undisturbed fsync takes, ms. */
const SYNC_MS = { low: 0.3, high: 3 };

/** How a process ends. */
export interface CrashOptions {
  /** What it was doing; left out if nothing. */
  readonly during?: PortCall;
  /** The whole machine: nobody hears of it, and what was not synced is gone. */
  readonly powerCut: boolean;
}

/** What a node is made of; tests of the checkers replace parts of it by broken ones. */
export interface NodeParts {
  readonly createCore: (options: CoreOptions) => Core;
  /** Wraps the log store of each start. */
  readonly wrapLog: (log: LogStore) => LogStore;
  /** Wraps the state of each start. */
  readonly wrapState: (state: StateStore) => StateStore;
}

export interface SimNodeOptions {
  readonly member: Member;
  readonly world: World;
  readonly network: SimNetwork;
  readonly recorder: Recorder;
  readonly state: SimState;
  readonly parts: NodeParts;
  readonly chain: Chain;
  readonly bounds: KeptBounds;
}

/** One start of a node, while it lives. */
interface Running {
  readonly process: Process;
  readonly driver: NodeDriver;
  readonly clock: Clock;
  readonly log: SimLogStore;
  readonly snapshots: SnapshotServer;
  role: Role;
  term: Term;
  ready: boolean;
  leader: NodeId | null;
}

/** A machine and the node on it. */
export class SimNode {
  readonly id: NodeId;
  readonly member: Member;
  readonly image = new DiskImage();
  readonly state: SimState;
  readonly machine: Machine;
  readonly time: MachineTime;
  readonly #options: SimNodeOptions;
  readonly #random;
  #running: Running | null = null;
  #incarnation = 0;
  #previousIncarnation = 0;
  #hangsUntil = 0;
  #powerCut = false;
  #fetchesFrom: NodeId | null = null;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.member = options.member;
    this.id = options.member.id;
    this.state = options.state;
    this.machine = options.network.machine(options.member.peerAddress);
    this.time = new MachineTime(this.id, options.world);
    this.#random = options.world.random.fork(`machine ${this.id}`);
  }

  get driver(): NodeDriver | null {
    return this.#running?.driver ?? null;
  }
  get process(): Process | null {
    return this.#running?.process ?? null;
  }
  get clock(): Clock | null {
    return this.#running?.clock ?? null;
  }
  get alive(): boolean {
    return this.#running !== null;
  }
  /** Not running, with something on its disk to start from. */
  get down(): boolean {
    return this.#running === null && this.image.last.index > 0;
  }
  get role(): Role | null {
    return this.#running?.role ?? null;
  }
  /** As its role was told last. */
  get term(): Term {
    return this.#running?.term ?? ZERO_TERM;
  }
  /** Alive, not stalled, and a certain voter of a config that it knows to be committed. */
  get ready(): boolean {
    return this.#running !== null && this.#running.ready && !this.#running.process.stalled;
  }
  /** Whether its clients hear of what the cluster does: not stalled, and in touch with a leader. */
  get connected(): boolean {
    return this.ready && this.#running!.leader !== null;
  }
  get hangs(): boolean {
    return this.#hangsUntil > this.#options.world.now;
  }

  status(): CoreStatus | null {
    return this.#running?.driver.status() ?? null;
  }

  /** Puts what was written before the simulation began on the disk. */
  install(batch: PersistBatch): void {
    this.image.write(batch);
    this.#options.recorder.written(this.id, [batch]);
  }

  /** Begins a process; it does nothing if one runs. */
  start(): void {
    if (this.#running !== null) return;
    const { world, network } = this.#options;
    network.poweredOn(this.machine);
    this.#previousIncarnation = this.#incarnation;
    this.#incarnation = Math.max(this.#incarnation + 1, this.time.wall());
    const process = new Process(this.id, world);
    const running = this.#assemble(process);
    this.#running = running;
    this.#options.recorder.fact({ kind: "started", node: this.id });
    const powerCut = this.#powerCut;
    this.#powerCut = false;
    void world.track(this.#begin(running, powerCut));
  }

  async #begin(running: Running, powerCut: boolean): Promise<void> {
    await this.state.recover({ powerCut, base: this.image.base });
    if (running.process.alive) await running.driver.start();
  }

  crash(options: CrashOptions): void {
    const running = this.#running;
    if (running === null) return;
    this.#end(running, { powered: !options.powerCut });
    running.log.crash(this.#random.chance(0.5));
    this.#powerCut = options.powerCut;
    this.#options.recorder.fact({ kind: "crashed", node: this.id, during: options.during ?? null });
  }

  /** The event loop stands still. */
  stall(ms: number): void {
    this.#running?.process.stall(ms);
  }

  /** No fsync ends for a while. */
  hang(ms: number): void {
    this.#hangsUntil = Math.max(this.#hangsUntil, this.#options.world.now + ms);
  }

  /** Crashes at one of its port calls; `null` if it is dead already. */
  crashLater(plan: CrashPlan): (() => void) | null {
    return this.#running?.process.crashLater(plan) ?? null;
  }

  /** No crash that was planned happens any more. */
  spare(): void {
    this.#running?.process.spare();
  }

  /** SIGTERM: the process ends once the cluster goes on without it, or after a while. */
  leave(limitMs: number): void {
    const running = this.#running;
    if (running === null) return;
    const { world, recorder } = this.#options;
    const end = () => {
      if (this.#running !== running) return;
      this.#end(running, { powered: true });
      running.log.crash(false);
      recorder.fact({ kind: "left", node: this.id });
    };
    void world.ask(running.driver.leave()).then(() => running.process.run("timer", end));
    world.after(limitMs, () => running.process.run("timer", end));
  }

  #end(running: Running, options: { readonly powered: boolean }): void {
    running.process.end();
    this.#running = null;
    this.#fetchesFrom = null;
    this.machine.process = null;
    this.machine.api = null;
    this.machine.powered = options.powered;
    this.#options.network.processEnded(running.process);
  }

  #assemble(process: Process): Running {
    const { world, network, member, parts, chain, bounds, recorder } = this.#options;
    const clock = new SimClock({ world, process, time: this.time });
    const log = this.#logStore(process);
    const wrapped = parts.wrapLog(mortalLog(log, { process, world }));
    const { transport, api: links } = this.#transport({ process, clock });
    const snapshots = new SnapshotServer({
      log,
      state: { openSnapshot: () => mortalSource(this.state, { process, world }) },
      rowsIn: () => 1,
      clock,
      logger: silentLogger,
    });
    const driver = createDriver({
      createCore: (options) =>
        watched(parts.createCore(options), world, (to, running) => {
          recorder.fact({ kind: "handOver", node: this.id, to, running });
        }),
      self: member,
      incarnation: this.#incarnation,
      chain,
      encode: encodeCommand,
      log: wrapped,
      state: this.#stateStore(process, parts.wrapState(this.state)),
      transport,
      clock,
      bounds,
      onFatal: (error) => this.#fatal(error),
      onNotice: (level, text) => world.trace(this.id, level, text),
    });
    this.machine.process = process;
    this.machine.api = servePeers({ driver, links, snapshots, clusterId: CLUSTER_ID });
    const handles = { process, driver, clock, log, snapshots };
    const asks = { role: "joiner", term: ZERO_TERM, ready: false, leader: null } as const;
    const running: Running = { ...handles, ...asks };
    driver.onRole((change) => {
      running.role = change.role;
      running.term = change.term;
      running.ready = change.ready;
      running.leader = change.leader;
      this.#options.recorder.role(this.id, change);
    });
    network.machine(member.peerAddress).powered = true;
    return running;
  }

  #logStore(process: Process): SimLogStore {
    const { world, recorder } = this.#options;
    return new SimLogStore({
      image: this.image,
      sync: (written, told) =>
        this.#sync(written, () => {
          process.run("disk", () => {
            world.wake();
            told();
          });
        }),
      onWritten: (batches) => recorder.written(this.id, batches),
    });
  }

  #sync(written: () => void, told: () => void): void {
    const { world } = this.#options;
    const finish = () => {
      const left = this.#hangsUntil - world.now;
      if (left > 0) return void world.after(left + SYNC_MS.low, finish);
      written();
      told();
    };
    world.after(this.#random.between(SYNC_MS.low, SYNC_MS.high), finish);
  }

  #stateStore(process: Process, state: StateStore): StateStore {
    const { world, recorder } = this.#options;
    return mortalState(state, {
      process,
      world,
      commitIndex: () => this.#committedOnDisk(),
      onApplied: (applied) => recorder.applied(this.id, applied),
      onSnapshotEnd: () => this.#snapshotEnds(),
    });
  }

  /**
   * Up to where it knows to be committed what lies on its disk. A follower may know more, and of
   * other entries than those that still lie there, as long as what replaces them is on its way.
   */
  #committedOnDisk(): Index | null {
    const driver = this.driver;
    if (driver === null) return null;
    for (let index = driver.commitIndex();; index--) {
      const term = driver.termAt(index);
      if (term === null || this.image.holds({ index, term })) return index;
    }
  }

  #transport(options: { readonly process: Process; readonly clock: Clock }): {
    readonly transport: Transport;
    readonly api: Pick<PeerApi, "openLink">;
  } {
    const { process, clock } = options;
    const { network } = this.#options;
    const transport = new PeerTransport({
      hello: () => this.#hello(),
      joined: () => Promise.resolve(),
      failureTimeoutMs: () => 1_000,
      connect: network.connector(this.machine, process),
      rowsIn: () => 1,
      clock,
      logger: silentLogger,
      presence: new Presence(clock),
      receive: (from, incarnation, message) =>
        this.#running?.driver.receive(from, incarnation, message),
      refused: (id) => this.#running?.driver.peerRefused(id),
      copied: (error) => this.#fatal(error),
    });
    const counting: Transport = {
      send: (to, message) => {
        if (!process.call("send")) return;
        const vote = message.kind === "voteReply" && message.granted && !message.pre;
        if (vote) {
          this.#options.recorder.fact({ kind: "granted", node: this.id, term: message.term });
        }
        transport.send(to, message);
      },
      setPeers: (members) => transport.setPeers(members),
      fetchSnapshot: (from) => this.#fetch(from, transport),
      handOver: (to, ask) =>
        process.call("handOver") ? transport.handOver(to, ask) : new Promise(() => {}),
    };
    return { transport: counting, api: transport };
  }

  async #fetch(from: NodeId, transport: Transport): ReturnType<Transport["fetchSnapshot"]> {
    const running = this.#running;
    this.#options.recorder.fact({ kind: "snapshot", node: this.id, from, running: true });
    this.#fetchesFrom = from;
    try {
      return await transport.fetchSnapshot(from);
    } catch (error) {
      if (this.#running === running) this.#snapshotEnds();
      throw error;
    }
  }

  #snapshotEnds(): void {
    const from = this.#fetchesFrom;
    this.#fetchesFrom = null;
    if (from === null) return;
    this.#options.recorder.fact({ kind: "snapshot", node: this.id, from, running: false });
  }

  #hello(): Hello {
    return {
      nodeId: this.id,
      clusterId: CLUSTER_ID,
      incarnation: this.#incarnation,
      previousIncarnation: this.#previousIncarnation,
      peerAddress: this.member.peerAddress,
      clientAddress: this.member.clientAddress,
      protocolVersion: 1,
    };
  }

  #fatal(error: Error): void {
    this.#options.recorder.fact({ kind: "fatal", node: this.id, message: error.stack ?? "" });
    this.crash({ powerCut: false });
  }
}
