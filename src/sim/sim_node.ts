/**
 * A simulated machine with its node: the production core, driver, links and chat rules over a
 * simulated clock, network and disk. Owns what survives a crash (disk, state, clocks) and how a
 * process begins and ends; what the node does is production code.
 *
 * @module
 */

import { encodeCommand } from "../chat/codec.ts";
import { ChatError } from "../errors.ts";
import type { CoreStatus } from "../raft/io.ts";
import { ZERO_TERM } from "../raft/term.ts";
import type { Index, Member, NodeId, PersistBatch, Role, Term } from "../raft/types.ts";
import { createDriver } from "../node/driver.ts";
import type { NodeDriver } from "../node/driver_api.ts";
import { silentLogger } from "../node/logger.ts";
import type { Clock, StateStore } from "../node/ports.ts";
import { SnapshotServer } from "../node/snapshot_server.ts";
import type { OwnHello } from "../rpc/peer_api.ts";
import { type CrashPlan, Process } from "./process.ts";
import { mortalLog, mortalSource, mortalState } from "./mortal_stores.ts";
import { MachineTime, SimClock } from "./sim_clock.ts";
import { DiskTrouble } from "./disk_trouble.ts";
import { FetchRecord } from "./fetch_record.ts";
import { DiskImage, SimLogStore } from "./sim_disk.ts";
import type { Machine } from "./sim_network.ts";
import {
  CLUSTER_ID,
  type CrashOptions,
  type Running,
  type SimNodeOptions,
} from "./sim_node_options.ts";
import { servePeers } from "./sim_peer_api.ts";
import type { SimState } from "./sim_state.ts";
import { simTransport } from "./sim_transport.ts";
import { watched } from "./watched_core.ts";

/** How long an undisturbed fsync takes, ms. */
const SYNC_MS = { low: 0.3, high: 3 };

/** A machine and the node on it. */
export class SimNode {
  readonly image = new DiskImage();
  readonly state: SimState;
  readonly time: MachineTime;
  readonly disk: DiskTrouble;
  readonly #options: SimNodeOptions;
  readonly #fetches: FetchRecord;
  readonly #random;
  #member: Member;
  #machine: Machine;
  /** What a copy of another's data directory is called; `null` if this is none. */
  #copyName: NodeId | null = null;
  /** Its disk is gone for good. */
  #retired = false;
  readonly #onStopped: (() => void)[] = [];
  #running: Running | null = null;
  #incarnation = 0;
  #previousIncarnation = 0;
  #hangsUntil = 0;
  #powerCut = false;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.#fetches = new FetchRecord(options.recorder);
    this.#member = options.member;
    this.state = options.state;
    this.#machine = options.network.machine(options.member.peerAddress);
    this.time = new MachineTime(this.id, options.world);
    this.disk = new DiskTrouble(options.world);
    this.#random = options.world.random.fork(`machine ${this.id}`);
  }

  get id(): NodeId {
    return this.#member.id;
  }
  get member(): Member {
    return this.#member;
  }
  get machine(): Machine {
    return this.#machine;
  }
  /** What a history calls it: a copy is another disk than that of the id it goes by. */
  get name(): NodeId {
    return this.#copyName ?? this.id;
  }
  get isCopy(): boolean {
    return this.#copyName !== null;
  }
  get isRetired(): boolean {
    return this.#retired;
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

  status(): CoreStatus | null {
    return this.#running?.driver.status() ?? null;
  }

  /** Puts what was written before the simulation began on the disk. */
  install(batch: PersistBatch): void {
    this.image.write(batch);
    this.#options.recorder.written(this.id, [batch]);
  }

  /** Before its first start: it is to run where another one ran, which is gone for good. */
  takePlaceOf(other: SimNode): void {
    const { peerAddress, clientAddress } = other.member;
    this.#member = { id: this.id, peerAddress, clientAddress };
    this.#machine = other.machine;
  }

  /**
   * Before its first start: its disk becomes a copy of another's. The state is made from the log
   * again; false if that no longer has all of it.
   */
  copy(other: SimNode): boolean {
    if (other.image.base.index > 0) return false;
    this.image.copyFrom(other.image);
    this.#incarnation = other.#incarnation;
    this.#copyName = `copy of ${other.id} at ${this.id}`;
    this.#member = { ...this.#member, id: other.id };
    const { promised, commitIndex, entries } = this.image.load(Infinity);
    this.#options.recorder.written(this.name, [{ number: 1, promised, commitIndex, entries }]);
    return true;
  }

  /** Whatever runs dies with its machine, and nothing of it ever comes back. */
  retire(): void {
    this.crash({ powerCut: true });
    this.#retired = true;
    this.image.copyFrom(new DiskImage());
  }

  /** Runs `task` once the node has stopped itself because of its disk, or as a copy. */
  onceStopped(task: () => void): void {
    this.#onStopped.push(task);
  }

  /** Begins a process; it does nothing if one runs. */
  start(): void {
    if (this.#running !== null || this.#retired) return;
    // It stores its incarnation before anything else.
    if (this.disk.full) return this.#stopped(this.disk.writeError()!);
    const { world, network } = this.#options;
    network.poweredOn(this.machine);
    this.#previousIncarnation = this.#incarnation;
    this.#incarnation = Math.max(this.#incarnation + 1, this.time.wall());
    const process = new Process(this.id, world);
    const running = this.#assemble(process);
    this.#running = running;
    this.#options.recorder.fact({ kind: "started", node: this.name });
    const powerCut = this.#powerCut;
    this.#powerCut = false;
    void world.track(this.#begin(running, powerCut));
  }

  async #begin(running: Running, powerCut: boolean): Promise<void> {
    try {
      await this.state.recover({ powerCut, base: this.image.base });
      if (running.process.alive) await running.driver.start();
    } catch (error) {
      if (running.process.alive) this.#fatal(error);
    }
  }

  /** The result says what became of a write that was not synced yet. */
  crash(options: CrashOptions): "kept" | "lost" | null {
    const running = this.#running;
    if (running === null) return null;
    this.#end(running, { powered: !options.powerCut });
    const unsynced = running.log.crash(this.#random.chance(0.5));
    this.#powerCut = options.powerCut;
    const { during = null } = options;
    this.#options.recorder.fact({ kind: "crashed", node: this.name, during });
    return unsynced;
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
    const { world, recorder } = this.#options;
    const end = () => {
      if (running === null || this.#running !== running) return;
      this.#end(running, { powered: true });
      running.log.crash(false);
      recorder.fact({ kind: "left", node: this.name });
    };
    running?.process.run("network", () => {
      void world.ask(running.driver.leave()).then(() => running.process.run("timer", end));
      world.after(limitMs, () => running.process.run("timer", end));
    });
  }

  #end(running: Running, options: { readonly powered: boolean }): void {
    running.process.end();
    this.#running = null;
    this.#fetches.forget();
    this.machine.process = null;
    this.machine.api = null;
    this.machine.powered = options.powered;
    this.#options.network.processEnded(running.process);
  }

  #assemble(process: Process): Running {
    const { world, network, parts, chain, bounds, recorder } = this.#options;
    const { disk, member } = this;
    const clock = new SimClock({ world, process, time: this.time });
    const log = this.#logStore(process);
    const onDamage = (error: unknown) => this.#fatal(error);
    const wrapped = parts.wrapLog(mortalLog(log, { process, world, onDamage }));
    const { transport, api: links } = this.#transport(process, clock);
    const snapshots = new SnapshotServer({
      log,
      state: { openSnapshot: () => mortalSource(this.state, { process, world, disk }) },
      rowsIn: () => 1,
      clock,
      logger: silentLogger,
    });
    const appliedIndex = () => this.state.applied().index;
    const watch = { node: this.name, image: this.image, appliedIndex };
    const driver = createDriver({
      createCore: (options) => watched(parts.createCore(options), { ...watch, world, recorder }),
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
      onNotice: (level, text) => world.trace(this.name, level, text),
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
      recorder.role(this.name, change, driver.commitIndex());
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
      onWritten: (batches) => recorder.written(this.name, batches),
      writeError: () => this.disk.writeError(),
      keepsFailed: () => this.#random.chance(0.5),
      badEntry: (index) => this.disk.badEntry(index),
      chain: this.#options.chain,
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
    world.after(this.#random.between(SYNC_MS.low, SYNC_MS.high) + this.disk.delayMs, finish);
  }

  #stateStore(process: Process, state: StateStore): StateStore {
    const { world, recorder } = this.#options;
    return mortalState(state, {
      process,
      world,
      disk: this.disk,
      commitIndex: () => this.#committedOnDisk(),
      onApplied: (applied) => recorder.applied(this.name, applied),
      onSnapshotEnd: () => this.#fetches.ends(this.name),
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

  #transport(process: Process, clock: Clock) {
    const { network, recorder } = this.#options;
    return simTransport({
      process,
      clock,
      hello: () => this.#hello(),
      connect: network.connector(this.#machine, process),
      receive: (from, incarnation, message) =>
        this.#running?.driver.receive(from, incarnation, message),
      refused: (id) => this.#running?.driver.peerRefused(id),
      copied: (error) => this.#fatal(error),
      granted: (term) => recorder.fact({ kind: "granted", node: this.name, term }),
      fetchBegins: (from) => this.#fetches.begins(this.name, from),
      fetchFailed: () => this.#fetches.ends(this.name),
    });
  }

  #hello(): OwnHello {
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

  #fatal(thrown: unknown): void {
    const { recorder } = this.#options;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const refused = this.isCopy && ChatError.from(error).reason === "COPIED_DATA_DIRECTORY";
    if (refused || this.disk.gave(error)) return this.#stopped(error);
    recorder.fact({ kind: "fatal", node: this.name, message: error.stack ?? "" });
    this.crash({ powerCut: false });
  }

  /** It stopped itself, or does not start, for a reason that was given to it. */
  #stopped(error: Error): void {
    this.#options.recorder.fact({ kind: "stopped", node: this.name, reason: error.message });
    this.crash({ powerCut: false });
    for (const task of this.#onStopped.splice(0)) task();
  }
}
