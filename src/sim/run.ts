/**
 * Runs a scenario: from one seed to one history. A pure function but for the time it takes: the
 * same scenario gives the same bytes. Owns the phases of a run: settle; operations and faults,
 * in which nothing may go wrong for good (safety); no faults any more, in which everything must
 * come right again within a bounded time (liveness); and the finish. The checkers judge afterwards.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { Clients } from "./clients.ts";
import { Cluster, SOUND_PARTS } from "./cluster.ts";
import { FaultInjector } from "./fault_injector.ts";
import { FaultMoments } from "./fault_moments.ts";
import type { FinalState, History } from "./history.ts";
import type { NodeId } from "../raft/types.ts";
import type { Scenario } from "./scenario.ts";
import type { SimNode } from "./sim_node.ts";
import type { NodeParts } from "./sim_node_options.ts";
import { openSqlState, type SqlState } from "./sql_state.ts";
import { QUIET_TURNS, World } from "./world.ts";

/** What came of a run. */
export interface RunResult {
  readonly history: History;
  /** Two runs share it only if they did the same in the same order; says nothing if `bare`. */
  readonly fingerprint: string;
  /** Virtual ms that passed. */
  readonly simulatedMs: number;
  readonly faults: ReadonlyMap<string, number>;
  /** One line for each thing that happened, if asked for. */
  readonly lines: readonly string[];
}

export interface RunOptions {
  readonly traced?: boolean;
  /** Leaves out the fingerprint: a campaign compares no two runs, and is faster without. */
  readonly bare?: boolean;
  /** Replaces parts of each node, to show that a checker notices a broken one. */
  readonly parts?: NodeParts;
  /** Instead of the usual turns of the microtask queue for each event; see {@linkcode World}. */
  readonly quietTurns?: number;
}

/** Longest that the first leader takes, in T. */
const SETTLE_TIMEOUTS = 20;

/** Longest that writes may stay away after the last fault, in T and in G (§11, Liveness). */
const LIVENESS_TIMEOUTS = 20;
const LIVENESS_GRACES = 3;

/**
 * Where it is not judged, they may stay away for ever: this many times T and G, within which whoever
 * wrongly takes itself for the last has gone on.
 */
const STUCK_TIMES = 2;

/** How long after the first accepted write everybody has to have caught up, in T. */
const CATCH_UP_TIMEOUTS = 15;

/** How long after that a write through each node may take, in T. */
const THROUGH_TIMEOUTS = 5;

/** How long after that all subscribers have to have everything, over some reconnects, in T. */
const DELIVERY_TIMEOUTS = 5;

/** So many writes of the steady load come with one read; no multiple of the users. */
const READ_EVERY = 4;

/** How often it is asked whether everybody has caught up, ms: not after each event. */
const LOOK_MS = 5;

/** Runs a scenario to its end. */
export async function runScenario(
  scenario: Scenario,
  options: RunOptions = {},
): Promise<RunResult> {
  const { traced = false, bare = false, quietTurns = QUIET_TURNS } = options;
  const world = new World(scenario.seed, { traced, bare, quietTurns });
  const { config } = scenario;
  const sql: SqlState[] = [];
  try {
    if (config.state === "libsql") {
      const count = config.nodes + config.spares;
      for (let place = 0; place < count; place++) sql.push(await openSqlState());
    }
    const cluster = new Cluster(world, {
      config,
      states: sql,
      parts: options.parts ?? SOUND_PARTS,
    });
    return await new Run(scenario, world, cluster).run();
  } finally {
    for (const state of sql) await state.dispose();
  }
}

class Run {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #faults: FaultInjector;
  readonly #moments: FaultMoments;
  #accepted = false;
  /** Nodes through which a write was accepted in the end. */
  readonly #through = new Set<NodeId>();
  #writingThrough = false;
  #looksAgainAt = 0;

  constructor(scenario: Scenario, world: World, cluster: Cluster) {
    this.#scenario = scenario;
    this.#world = world;
    this.#cluster = cluster;
    this.#clients = new Clients(cluster, scenario.config.users);
    this.#faults = new FaultInjector(cluster, scenario.config);
    this.#moments = new FaultMoments(world, cluster.recorder);
  }

  async run(): Promise<RunResult> {
    this.#cluster.start();
    await this.#settle();
    await this.#disturb();
    await this.#heal();
    const unanswered = this.#clients.open;
    this.#clients.close();
    const finals = await this.#finals();
    const world = this.#world;
    return {
      history: {
        policy: this.#scenario.config.policy,
        events: this.#cluster.recorder.events,
        finals,
        unanswered,
        judgeLiveness: this.#judgeLiveness(),
      },
      fingerprint: world.fingerprint,
      simulatedMs: world.now,
      faults: new Map([...this.#faults.counts, ...this.#clients.counts]),
      lines: world.lines,
    };
  }

  get #timeout(): number {
    return this.#scenario.config.policy.failureTimeoutMs;
  }

  /** Until everybody is ready and every user has an account and a session. */
  async #settle(): Promise<void> {
    let begun = false;
    const founders = this.#cluster.nodes.slice(0, this.#scenario.config.nodes);
    const bound = SETTLE_TIMEOUTS * this.#timeout;
    // Clients that asked before somebody leads would wait, and everybody with them.
    await this.#world.run(bound, () => this.#cluster.leader !== null);
    void this.#clients.begin().then(() => begun = true);
    await this.#world.run(bound, () => begun && founders.every((node) => node.ready));
    assert(begun && founders.every((node) => node.ready), "Without faults a cluster serves");
  }

  async #disturb(): Promise<void> {
    const { operations, faults, config } = this.#scenario;
    for (const operation of operations) {
      this.#world.after(operation.atMs, () => this.#clients.begins(operation));
    }
    this.#writeOn(config.writeEveryMs ?? null, this.#world.now + config.durationMs);
    for (const fault of faults) {
      this.#moments.at(fault.atMs, fault.during ?? null, () => this.#faults.inject(fault));
    }
    await this.#world.run(this.#world.now + config.durationMs);
  }

  /** A steady load: a message from each user in turn, and now and then a read. */
  #writeOn(everyMs: number | null, untilMs: number, from = 0): void {
    if (everyMs === null || this.#world.now >= untilMs) return;
    this.#clients.begins({ atMs: 0, kind: "send", from, to: from + 1 });
    if (from % READ_EVERY === 0) {
      this.#clients.begins({ atMs: 0, kind: "read", user: from, linearizable: true, node: from });
    }
    this.#world.after(everyMs, () => this.#writeOn(everyMs, untilMs, from + 1));
  }

  /**
   * The faults are over: writes must be accepted again, everybody must catch up, a write through
   * each node must be accepted, and subscribers must get everything.
   */
  async #heal(): Promise<void> {
    const { config } = this.#scenario;
    this.#faults.heal(config.ending === "everyone");
    // A stall, or a disk that hangs, is over when it is over.
    const { pausedUntil } = this.#faults;
    if (pausedUntil > this.#world.now) await this.#world.run(pausedUntil);
    this.#cluster.recorder.fact({ kind: "healed" });
    const grace = config.policy.isolationGraceMs;
    const bound = this.#judgeLiveness()
      ? LIVENESS_TIMEOUTS * this.#timeout + LIVENESS_GRACES * grace
      : STUCK_TIMES * (this.#timeout + grace);
    void this.#probe();
    await this.#world.run(this.#world.now + bound, () => this.#accepted);
    if (!this.#accepted) return;
    await this.#world.run(
      this.#world.now + CATCH_UP_TIMEOUTS * this.#timeout,
      () => this.#caughtUp(),
    );
    await this.#world.run(
      this.#world.now + THROUGH_TIMEOUTS * this.#timeout,
      () => this.#writtenThroughAll(),
    );
    let read = false;
    void this.#clients.readAll().then(() => read = true);
    // What the last of them applied is on its way to the subscribers.
    await this.#world.run(
      this.#world.now + DELIVERY_TIMEOUTS * this.#timeout,
      () => read && this.#caughtUp() && this.#writtenThroughAll() && this.#allDelivered(),
    );
    const stored = await this.#stored();
    await this.#world.run(
      this.#world.now + DELIVERY_TIMEOUTS * this.#timeout,
      () => stored.every((ids, user) => ids.every((id) => this.#hasArrived(user, id))),
    );
  }

  async #probe(): Promise<void> {
    if (!await this.#clients.write()) return;
    this.#accepted = true;
    this.#cluster.recorder.fact({ kind: "accepted" });
  }

  /** One after the other, and again as long as somebody comes back. */
  #writtenThroughAll(): boolean {
    if (this.#writingThrough) return false;
    const next = this.#belonging().find(({ id, isCopy }) => !isCopy && !this.#through.has(id));
    if (next === undefined) return true;
    this.#writingThrough = true;
    void this.#clients.writeThrough(next).then((accepted) => {
      this.#writingThrough = false;
      if (!accepted) return;
      this.#through.add(next.id);
      this.#cluster.recorder.fact({ kind: "acceptedThrough", node: next.id });
    });
    return false;
  }

  #caughtUp(): boolean {
    if (this.#clients.open > 0 || this.#world.now < this.#looksAgainAt) return false;
    this.#looksAgainAt = this.#world.now + LOOK_MS;
    if (this.#isAwaited()) return false;
    const live = this.#belonging();
    if (!live.every((node) => node.ready && this.#isMember(node))) return false;
    const applied = live.map((node) => node.driver!.appliedPosition().index);
    return applied.every((index) => index === applied[0]);
  }

  /** Whether one that is to come back has yet to start: it may have ended only now. */
  #isAwaited(): boolean {
    return this.#scenario.config.ending === "everyone" &&
      this.#cluster.nodes.some((node) => node.down && !node.isCopy && !this.#isRemoved(node));
  }

  /** Everybody who lives comes back in, but for those who were removed for good. */
  #belonging(): readonly SimNode[] {
    return this.#cluster.nodes.filter((node) =>
      node.alive && !this.#isRemoved(node) && !this.#isStranded(node)
    );
  }

  #isRemoved(node: SimNode): boolean {
    const config = this.#cluster.leader?.image.configAt(Infinity)?.config;
    return config?.tombstones.includes(node.id) ?? false;
  }

  /**
   * Whether an operator must tell it where the cluster is now: none of the members that it
   * remembers lives, nor does the leader remember it (§6.1).
   */
  #isStranded(node: SimNode): boolean {
    const remembered = (one: SimNode) =>
      new Set(
        [one.image.base.config, ...one.image.configs()]
          .flatMap((entry) => entry === null ? [] : [entry.config])
          .flatMap(({ voters, learners }) => [...voters, ...learners])
          .map(({ id }) => id),
      );
    const leader = this.#cluster.leader;
    if (leader === null) return false;
    // What the leader remembers has its newest config in it: mostly there is no need for more.
    const newest = leader.image.configAt(Infinity)?.config.voters ?? [];
    if (newest.some(({ id }) => id === node.id) || remembered(leader).has(node.id)) return false;
    const known = remembered(node);
    return !this.#cluster.nodes.some((one) =>
      one.alive && this.#isMember(one) && known.has(one.id)
    );
  }

  /** By the leader's word: one that was removed may not have heard of it. */
  #isMember(node: SimNode): boolean {
    const config = this.#cluster.leader?.image.configAt(Infinity)?.config;
    return node.ready && (config?.voters.some(({ id }) => id === node.id) ?? true);
  }

  /**
   * Ids of the messages that each user received. One may be there of which its sender was told
   * another side's refusal, or nothing.
   */
  async #stored(): Promise<readonly (readonly string[])[]> {
    const node = this.#cluster.leader;
    const stored: string[][] = [];
    for (let user = 0; node !== null && user < this.#scenario.config.users; user++) {
      const messages = await node.state.view.received(this.#clients.accountOf(user));
      stored.push(messages.map(({ id }) => id));
    }
    return stored;
  }

  #hasArrived(user: number, id: string): boolean {
    return this.#clients.subscribers[user]?.has(id) === true;
  }

  #allDelivered(): boolean {
    const { subscribers, confirmed } = this.#clients;
    for (const id of confirmed) if (!subscribers.some((one) => one.has(id))) return false;
    return true;
  }

  #judgeLiveness(): boolean {
    return this.#faults.promisesWrites(this.#scenario.config.ending);
  }

  async #finals(): Promise<readonly FinalState[]> {
    const finals: FinalState[] = [];
    for (const node of this.#cluster.nodes) {
      if (!node.alive || node.isCopy) continue;
      const { appliedIndex, digest } = await this.#world.track(node.state.digest());
      const member = this.#isMember(node);
      const excused = this.#isRemoved(node) || this.#isStranded(node);
      const place = { node: node.id, appliedIndex, digest };
      this.#cluster.recorder.fact({ kind: "final", ...place, member, excused });
      finals.push(await this.#finalOf(node));
    }
    return finals;
  }

  async #finalOf(node: SimNode): Promise<FinalState> {
    const { view } = node.state;
    const { users } = this.#scenario.config;
    const received = [];
    const acknowledged = new Set<string>();
    const sessions = new Map<string, boolean>();
    for (let user = 0; user < users; user++) {
      const messages = await view.received(this.#clients.accountOf(user));
      received.push(messages.map(({ id, index }) => ({ id, index })));
      for (const message of messages) if (message.acknowledged) acknowledged.add(message.id);
    }
    const open = await view.openSessions();
    for (const id of this.#clients.sessions) sessions.set(id, open.has(id));
    const accounts = new Map<string, boolean>();
    const accountsOpen = await view.openAccounts();
    for (const id of this.#clients.visitors) accounts.set(id, accountsOpen.has(id));
    const outcomes = await view.outcomes();
    const [salvaged, messages] = [await view.salvaged(), await view.messages()];
    const sent = { messages, received, acknowledged };
    const kept = { sessionEnds: open, adminTokenHash: await view.adminTokenHash() };
    return { node: node.id, outcomes, ...sent, sessions, accounts, salvaged, ...kept };
  }
}
