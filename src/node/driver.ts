/**
 * The host of the replication core: the one place where its effects meet clock, network and
 * disk, in the order of the contract in `src/raft/io.ts`. Run by a production node and, as it
 * is, by the simulator. Owns when things happen; what happens, the core alone decides.
 *
 * Any broken invariant and any failing disk stops the node (fail-stop, §1): it says why once,
 * and from then on takes and gives nothing.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Command } from "../chat/command.ts";
import { limits } from "../limits.ts";
import type { Core } from "../raft/core_api.ts";
import type { CoreStatus, Effect, Input, Refusal } from "../raft/io.ts";
import type { Message } from "../raft/message.ts";
import { DEFAULT_POLICY } from "../raft/state.ts";
import type {
  Base,
  Clocks,
  Entry,
  Index,
  LogPosition,
  Member,
  NodeId,
  PersistBatch,
  Term,
} from "../raft/types.ts";
import type { HandOverAnswer, HandOverAsk } from "../rpc/peer_api.ts";
import type {
  AppliedListener,
  NodeDriver,
  Proposed,
  RoleChange,
  RoleListener,
} from "./driver_api.ts";
import { ApplyPipeline } from "./driver_apply.ts";
import { closing, notLeading, refusalError } from "./driver_errors.ts";
import { type DriverOptions, KEPT_BOUNDS, type KeptBounds } from "./driver_options.ts";
import { HandOvers } from "./driver_hand_over.ts";
import { LogReads } from "./driver_log_reads.ts";
import { PersistPipeline } from "./driver_persist.ts";
import { authorOf, Proposals } from "./driver_proposals.ts";
import { SnapshotIntake } from "./driver_snapshot.ts";
import { Requests, Waits } from "./driver_waits.ts";
import { Listeners } from "./listeners.ts";
import { type DriverQueues, NO_MEASURES } from "./measures.ts";
import type { ApplyResult, Clock } from "./ports.ts";

/** Ticks in one heartbeat interval (io.ts, duty 6). */
const TICKS_PER_HEARTBEAT = 4;

/** Makes a driver; it does nothing before `start`. */
export function createDriver(options: DriverOptions): NodeDriver {
  return new Driver(options);
}

class Driver implements NodeDriver {
  readonly #options: DriverOptions;
  readonly #clock: Clock;
  readonly #bounds: KeptBounds;
  #core: Core | null = null;
  readonly #persists: PersistPipeline;
  readonly #applies: ApplyPipeline;
  readonly #proposals: Proposals;
  readonly #snapshots: SnapshotIntake;
  readonly #logReads: LogReads;
  readonly #handOvers: HandOvers;
  readonly #waits = new Waits();
  readonly #requests = new Requests();
  readonly #inbox: Input[] = [];
  readonly #appliedListeners = new Listeners<Parameters<AppliedListener>>();
  readonly #roleListeners = new Listeners<Parameters<RoleListener>>();
  #role: RoleChange | null = null;
  readonly #left = Promise.withResolvers<void>();
  #heartbeatMs = DEFAULT_POLICY.heartbeatMs;
  #cancelTick: () => void = () => {};
  #stepping = false;
  #stopped = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const onFailed = (error: unknown) => this.#fail(error);
    const step = (input: Input) => this.#step(input);
    const { log, state, clock, transport, bounds = KEPT_BOUNDS } = options;
    const { measures = NO_MEASURES } = options;
    const ports = { log, state, clock, transport, step, measures, onFailed };
    const onNotice = (text: string) => options.onNotice("warn", text);
    this.#bounds = bounds;
    this.#persists = new PersistPipeline({
      ...ports,
      send: (to, message) => transport.send(to, message),
      onPersisted: (batches, number) => this.#persisted(batches, number),
    });
    this.#applies = new ApplyPipeline({
      ...ports,
      bounds,
      onApplied: (entries, result, position) => this.#applied(entries, result, position),
      onInstalled: (base) => this.#installed(base),
      onCheckpointed: (index) => step({ kind: "checkpointed", index }),
    });
    this.#proposals = new Proposals({
      ...ports,
      refused: (refusal) => refusalError(refusal, this.status()),
    });
    this.#handOvers = new HandOvers({
      ...ports,
      onNotice,
      waitApplied: (index, deadlineMs) => this.waitApplied(index, deadlineMs),
      core: () => this.#running,
      propose: (data) => this.#proposals.propose(data),
    });
    this.#snapshots = new SnapshotIntake({ ...ports, onNotice });
    this.#logReads = new LogReads(ports);
  }

  async start(): Promise<void> {
    assert(this.#core === null, "A driver starts once");
    const { createCore, self, incarnation, chain, log } = this.#options;
    const stored = await log.load(this.#bounds.memoryEntriesMax);
    if (this.#stopped) throw closing();
    const newest = stored.configs.at(-1) ?? stored.base.config;
    this.#heartbeatMs = newest?.config.policy.heartbeatMs ?? DEFAULT_POLICY.heartbeatMs;
    this.#core = createCore({
      self,
      incarnation,
      chain,
      bounds: this.#bounds,
      stored: { ...stored, applied: this.#applies.start() },
    });
    this.#tick();
  }

  close(): Promise<void> {
    this.#stop();
    return this.#snapshots.stop();
  }

  propose(command: Command): Promise<Proposed> {
    const refusal = this.#stopped || this.#core === null ? closing() : this.#options.refusal?.();
    if (refusal) return Promise.reject(refusal);
    return this.#proposals.propose(this.#options.encode(command), authorOf(command));
  }

  async readIndex(): Promise<void> {
    if (this.#stopped || this.#core === null) throw closing();
    if (!this.#running.canRead(this.#clocks())) {
      const error = this.#notLeading();
      if (error !== null) throw error;
      await this.#waits.forRead(this.#clock.mono() + limits.readWaitMsMax);
    }
    // A follower may show already what is not applied here yet: nobody goes back behind that (§8).
    await this.waitApplied(this.#running.commitIndex(), this.#clock.wall() + limits.readWaitMsMax);
  }

  waitApplied(index: Index, deadlineMs: number): Promise<void> {
    if (this.#stopped) return Promise.reject(closing());
    // What is applied may be another history's, until the switch is over (§9).
    if (index <= this.#applies.applied.index && !this.#applies.installing) return Promise.resolve();
    const wait = Math.min(deadlineMs - this.#clock.wall(), limits.catchUpWaitMsMax);
    return this.#waits.forIndex(index, this.#clock.mono() + wait);
  }

  commitIndex(): Index {
    return this.#running.commitIndex();
  }

  status(): CoreStatus {
    return this.#running.status();
  }

  queues(): DriverQueues {
    return {
      inputs: this.#inbox.length,
      ...this.#proposals.queues,
      ...this.#persists.queues,
      ...this.#applies.queues,
      ...this.#waits.queues,
      ...this.#requests.queues,
    };
  }

  appliedPosition(): LogPosition {
    return this.#applies.applied;
  }

  termAt(index: Index): Term | null {
    return this.#running.termAt(index);
  }

  onApplied(listener: AppliedListener): () => void {
    return this.#appliedListeners.add(listener);
  }

  onRole(listener: RoleListener): () => void {
    return this.#roleListeners.add(listener);
  }

  join(member: Member): Promise<Refusal | null> {
    return this.#ask((id) => ({ kind: "join", id, member }));
  }

  transfer(to: NodeId | null): Promise<void> {
    return this.#order((id) => ({ kind: "transfer", id, to }));
  }

  remove(peer: NodeId): Promise<void> {
    return this.#order((id) => ({ kind: "remove", id, peer }));
  }

  async takeOver(ask: Omit<HandOverAsk, "clusterId" | "nodeId">): Promise<HandOverAnswer> {
    // A leader that has just been elected above the asker's terms takes no proposals yet.
    await this.readIndex();
    return await this.#handOvers.take(ask);
  }

  leave(): Promise<void> {
    this.#step({ kind: "leave" });
    return this.#left.promise;
  }

  receive(from: NodeId, incarnation: number, message: Message): void {
    this.#step({ kind: "message", from, incarnation, message });
  }

  peerRefused(id: NodeId): void {
    this.#step({ kind: "peerRefused", peer: id });
  }

  get #running(): Core {
    assert(this.#core !== null, "The driver has not been started");
    return this.#core;
  }

  #clocks(): Clocks {
    return { mono: this.#clock.mono(), fast: this.#clock.fast() };
  }

  async #order(input: (id: number) => Input): Promise<void> {
    const refusal = await this.#ask(input);
    if (refusal !== null) throw refusalError(refusal, this.status());
  }

  #ask(input: (id: number) => Input): Promise<Refusal | null> {
    if (this.#stopped || this.#core === null) return Promise.reject(closing());
    const until = this.#clock.mono() + limits.commitWaitMsMax;
    return this.#requests.ask(until, (id) => this.#step(input(id)));
  }

  /**
   * Feeds one input and carries out its effects before those of the next (duties 1 and 2). An
   * input that an effect brings about, through a listener say, waits for its turn.
   */
  #step(input: Input): void {
    // Before the start links may already be open: what comes over them is lost, as it may be.
    if (this.#stopped || this.#core === null) return;
    this.#inbox.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const effect of this.#running.step(next, this.#clocks())) {
          if (this.#stopped) return;
          this.#carryOut(effect);
        }
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#stepping = false;
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "send":
        if (effect.after === 0) this.#options.transport.send(effect.to, effect.message);
        else this.#persists.sendAfter(effect.to, effect.message, effect.after);
        return;
      case "persist":
        return this.#persist(effect);
      case "apply":
        return this.#applies.advance(effect.through);
      case "proposed":
        return this.#proposals.proposed(effect.id, effect);
      case "notProposed":
        return this.#proposals.notProposed(effect.id, effect.refusal);
      case "role":
        return this.#roleChanged(effect);
      case "peers":
        return this.#options.transport.setPeers(effect.members);
      case "readLog":
        return void this.#logReads.follow(effect);
      case "handOver":
      case "handOverEnded":
        return this.#handOvers.follow(effect);
      case "fetchSnapshot":
      case "fetchEnded":
        return this.#snapshots.follow(effect);
      case "compact":
        return this.#persists.compact(effect.base);
      case "joinAnswer":
      case "adminAnswer":
        return this.#requests.answer(effect.id, effect.refusal);
      case "left":
        return this.#left.resolve();
      case "notice":
        return this.#options.onNotice(effect.level, effect.text);
    }
  }

  #persist(batch: PersistBatch): void {
    if (batch.install !== undefined) {
      const { base } = batch.install;
      this.#snapshots.take(base, batch.number);
      this.#applies.expectInstall(base);
      // Whoever goes on from what is applied now may have to begin anew: before the state changes.
      this.#appliedListeners.tell([], this.#applies.applied, null);
    }
    this.#applies.cache(batch.entries, batch.truncateFrom);
    for (const entry of batch.entries) {
      if (entry.kind === "config") this.#heartbeatMs = entry.config.policy.heartbeatMs;
    }
    this.#persists.add(batch);
  }

  #persisted(batches: readonly PersistBatch[], number: number): void {
    for (const batch of batches) {
      const install = this.#snapshots.onDisk(batch.number);
      if (install !== null) this.#applies.install(install.base, install.sink);
    }
    this.#step({ kind: "persisted", number });
  }

  #applied(entries: readonly Entry[], result: ApplyResult, position: LogPosition): void {
    this.#proposals.applied(entries, result.outcomes);
    this.#waits.applied(position.index);
    this.#appliedListeners.tell(result.messages, position, result.outcomes);
    this.#step({ kind: "applied", position });
  }

  #installed(base: Base): void {
    this.#snapshots.switched();
    this.#heartbeatMs = base.config?.config.policy.heartbeatMs ?? this.#heartbeatMs;
    this.#proposals.installed(base.index);
    this.#waits.applied(base.index);
    this.#appliedListeners.tell([], this.#applies.applied, null);
    this.#step({ kind: "applied", position: this.#applies.applied });
  }

  #roleChanged(change: RoleChange): void {
    this.#role = change;
    const leads = change.role === "leader" ? change.term : null;
    this.#proposals.leadershipLost(leads, this.#applies.through);
    const error = this.#waits.readsWait ? this.#notLeading() : null;
    if (error !== null) this.#waits.settleReads(error);
    this.#roleListeners.tell(change);
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#step({ kind: "tick", random: this.#clock.random() });
    if (this.#stopped) return;
    const now = this.#clock.mono();
    this.#proposals.expire(now);
    this.#waits.expire(now);
    this.#requests.expire(now);
    const readable = this.#waits.readsWait && this.#running.canRead(this.#clocks());
    if (readable) this.#waits.settleReads(null);
    this.#cancelTick = this.#clock.after(
      this.#heartbeatMs / TICKS_PER_HEARTBEAT,
      () => this.#tick(),
    );
  }

  readonly #notLeading = () => notLeading(this.#role, () => this.status());

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stop();
    this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#inbox.length = 0;
    this.#cancelTick();
    this.#persists.stop();
    this.#applies.stop();
    this.#proposals.close();
    this.#waits.close(closing());
    this.#requests.close(closing());
    this.#left.resolve();
    this.#handOvers.stop();
    void this.#snapshots.stop();
  }
}
