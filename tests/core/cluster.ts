/**
 * A few cores joined by a network of one millisecond, for unit tests of the core alone: time is
 * a counter, a disk is an array, and every test says what happens when. The whole system under
 * faults is the business of `src/sim`.
 *
 * @module
 */

import { assert } from "../../src/assert.ts";
import { bootstrapBatch } from "../../src/raft/bootstrap.ts";
import { createCore } from "../../src/raft/core.ts";
import type { Core } from "../../src/raft/core_api.ts";
import type { Chain, Effect, Input } from "../../src/raft/io.ts";
import { EMPTY_BASE } from "../../src/raft/log.ts";
import type { Message } from "../../src/raft/message.ts";
import { DEFAULT_POLICY } from "../../src/raft/state.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type {
  Entry,
  LogPosition,
  Member,
  NodeId,
  PersistBatch,
  Policy,
  StoredState,
} from "../../src/raft/types.ts";
import {
  beginHandOver,
  type BuiltSnapshot,
  carryOut,
  fetchSnapshot,
  type HandOver,
  lookAfter,
  startsAfter,
} from "./healing.ts";

/** A checksum good enough for tests, without a library: chains are real, forgery is no matter. */
export const testChain: Chain = (previous, index, term, body) => {
  const data = body.kind === "command"
    ? new TextDecoder().decode(body.data)
    : body.kind === "config"
    ? JSON.stringify(body.config)
    : "";
  const text =
    `${previous}|${index}|${term.epoch}.${term.number}.${term.nodeId}|${body.kind}|${data}`;
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let at = 0; at < text.length; at++) {
    low = Math.imul(low ^ text.charCodeAt(at), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(at), 0x85ebca6b);
  }
  return `${(low >>> 0).toString(16)}${(high >>> 0).toString(16)}`;
};

/** Member number n: its peer address, and so its rank, follows n. */
export function testMember(n: number): Member {
  return { id: `n${n}`, peerAddress: `10.0.0.${n}:1`, clientAddress: `10.0.0.${n}:2` };
}

export interface TestNode {
  readonly member: Member;
  core: Core | null;
  incarnation: number;
  stored: { -readonly [K in keyof StoredState]: StoredState[K] };
  applied: LogPosition;
  appliedCommands: string[];
  pausedUntil: number;
  diskHangsUntil: number;
  disk: { readonly at: number; readonly batch: PersistBatch }[];
  waiting: { readonly after: number; readonly to: NodeId; readonly message: Message }[];
  persisted: number;
  inbox: { readonly at: number; readonly input: Input }[];
  left: boolean;
  effects: Effect[];
  handOver: HandOver | null;
  snapshot: BuiltSnapshot | null;
}

/** Cores on a virtual clock. `run(ms)` advances it; everything else happens at once. */
export class TestCluster {
  now = 0;
  readonly nodes = new Map<NodeId, TestNode>();
  readonly policy: Policy;
  /** Directed pairs `a>b` that lose every message. */
  readonly cut = new Set<string>();
  /** How many more snapshots are refused to whoever asks. */
  snapshotsRefused = 0;
  /** Snapshots begin and never end. */
  snapshotsHang = false;
  #proposal = 1;

  constructor(policy: Partial<Policy> = {}) {
    this.policy = { ...DEFAULT_POLICY, ...policy };
  }

  /** A founder, and joiners 2..n taken in one after another. */
  static of(n: number, policy: Partial<Policy> = {}): TestCluster {
    const cluster = new TestCluster(policy);
    const founder = cluster.add(1);
    apply(founder.stored, bootstrapBatch(founder.member, cluster.policy, testChain));
    cluster.start("n1");
    cluster.run(100);
    for (let other = 2; other <= n; other++) cluster.join(other);
    // Past the time in which a node that has just started grants no votes (§7).
    cluster.run(1_500);
    return cluster;
  }

  add(n: number): TestNode {
    const node: TestNode = {
      member: testMember(n),
      core: null,
      incarnation: 0,
      stored: {
        promised: ZERO_TERM,
        commitIndex: 0,
        base: EMPTY_BASE,
        termStarts: [],
        configs: [],
        entries: [],
      },
      applied: EMPTY_BASE,
      appliedCommands: [],
      pausedUntil: 0,
      diskHangsUntil: 0,
      disk: [],
      waiting: [],
      persisted: 0,
      inbox: [],
      left: false,
      effects: [],
      handOver: null,
      snapshot: null,
    };
    this.nodes.set(node.member.id, node);
    return node;
  }

  /** A new node asks the leader until it is ready (§1). */
  join(n: number): void {
    const node = this.nodes.get(`n${n}`) ?? this.add(n);
    if (node.core === null) this.start(node.member.id);
    const asked = () => {
      const leader = this.leader();
      if (leader !== undefined) this.feed(leader, { kind: "join", id: 1, member: node.member });
    };
    this.until(() => {
      if (node.core?.status().ready === true) return true;
      asked();
      return false;
    }, 20_000);
  }

  start(id: NodeId): void {
    const node = this.node(id);
    node.incarnation++;
    node.persisted = 0;
    node.left = false;
    node.core = createCore({
      self: node.member,
      incarnation: node.incarnation,
      stored: { ...node.stored, applied: node.applied },
      chain: testChain,
    });
  }

  kill(id: NodeId): void {
    const node = this.node(id);
    node.core = null;
    node.disk = [];
    node.waiting = [];
    node.inbox = [];
    node.handOver = null;
    node.snapshot = null;
  }

  pause(id: NodeId, ms: number): void {
    this.node(id).pausedUntil = this.now + ms;
  }

  hangDisk(id: NodeId, ms: number): void {
    this.node(id).diskHangsUntil = this.now + ms;
  }

  /** Advances in steps of one ms; a tick every 25. */
  run(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now++;
      for (const node of this.nodes.values()) this.#turn(node);
    }
  }

  /** Runs until `condition` holds; fails after `ms`. Returns how long it took. */
  until(condition: () => boolean, ms = 10_000): number {
    const began = this.now;
    while (!condition()) {
      assert(this.now - began < ms, `Nothing came of it within ${ms} ms`);
      this.run(5);
    }
    return this.now - began;
  }

  #turn(node: TestNode): void {
    if (node.core === null || node.pausedUntil > this.now) return;
    const due = node.inbox.filter((item) => item.at <= this.now);
    node.inbox = node.inbox.filter((item) => item.at > this.now);
    for (const item of due) this.feed(node.member.id, item.input);
    if (node.diskHangsUntil <= this.now && node.disk.length > 0) {
      const done = node.disk.filter((write) => write.at <= this.now);
      node.disk = node.disk.filter((write) => write.at > this.now);
      for (const { batch } of done) {
        apply(node.stored, batch);
        node.persisted = batch.number;
        this.#release(node);
        if (batch.install !== undefined) this.#switch(node);
        this.feed(node.member.id, { kind: "persisted", number: batch.number });
      }
    }
    const answer = node.handOver === null ? null : lookAfter(this, node.member.id, node.handOver);
    if (answer !== null) {
      node.handOver = null;
      this.feed(node.member.id, answer);
    }
    if (this.now % 25 === 0) {
      this.#refuse(node);
      this.feed(node.member.id, { kind: "tick", random: 0.5 });
    }
  }

  /** A link to a dead process is redialled and refused, unless nothing gets through at all. */
  #refuse(node: TestNode): void {
    for (const other of this.nodes.values()) {
      const [there, back] = [
        `${node.member.id}>${other.member.id}`,
        `${other.member.id}>${node.member.id}`,
      ];
      if (other.core !== null || this.cut.has(there) || this.cut.has(back)) continue;
      this.feed(node.member.id, { kind: "peerRefused", peer: other.member.id });
    }
  }

  #release(node: TestNode): void {
    const ready = node.waiting.filter((message) => message.after <= node.persisted);
    node.waiting = node.waiting.filter((message) => message.after > node.persisted);
    for (const { to, message } of ready) this.#deliver(node, to, message);
  }

  feed(id: NodeId, input: Input): readonly Effect[] {
    const node = this.node(id);
    if (node.core === null) return [];
    const effects = node.core.step(input, { mono: this.now, fast: this.now });
    for (const effect of effects) this.#carryOut(node, effect);
    return effects;
  }

  #carryOut(node: TestNode, effect: Effect): void {
    node.effects.push(effect);
    if (effect.kind === "persist") {
      node.disk.push({ at: this.now + 1, batch: effect });
    } else if (effect.kind === "send") {
      if (effect.after <= node.persisted) this.#deliver(node, effect.to, effect.message);
      else node.waiting.push(effect);
    } else if (effect.kind === "apply") {
      this.#apply(node, effect.through);
    } else if (effect.kind === "left") {
      node.left = true;
    } else if (effect.kind === "readLog") {
      const entries = node.stored.entries.filter((entry) =>
        entry.index >= effect.from && entry.index <= effect.to
      );
      const input: Input = { kind: "logRead", request: effect.request, entries };
      node.inbox.push({ at: this.now + 1, input });
    } else if (effect.kind === "handOver") {
      node.handOver = beginHandOver(this, node, effect);
    } else if (effect.kind === "fetchSnapshot") {
      fetchSnapshot(this, node, effect.from);
    } else if (effect.kind === "fetchEnded") {
      node.inbox.push({ at: this.now, input: { kind: "snapshotFetching", index: null } });
    } else if (effect.kind === "handOverEnded") {
      node.handOver = null;
    }
  }

  #switch(node: TestNode): void {
    assert(node.snapshot !== null, "Only what was built is switched to");
    node.applied = node.snapshot.base;
    node.appliedCommands = [...node.snapshot.commands];
    node.snapshot = null;
  }

  #apply(node: TestNode, through: number): void {
    for (const entry of node.stored.entries) {
      if (entry.index <= node.applied.index || entry.index > through) continue;
      node.applied = entry;
      if (entry.kind === "command") carryOut(node, entry.data);
    }
    node.inbox.push({ at: this.now, input: { kind: "applied", position: node.applied } });
  }

  #deliver(from: TestNode, to: NodeId, message: Message): void {
    const target = this.nodes.get(to);
    if (target === undefined || this.cut.has(`${from.member.id}>${to}`)) return;
    if (target.core === null) return;
    const { incarnation, member: { id } } = from;
    const input: Input = { kind: "message", from: id, incarnation, message };
    target.inbox.push({ at: this.now + 1, input });
  }

  /** Nothing gets from one group to the other, nor is a connection refused. */
  partition(left: readonly NodeId[], right: readonly NodeId[], oneWay = false): void {
    for (const from of left) {
      for (const to of right) {
        this.cut.add(`${from}>${to}`);
        if (!oneWay) this.cut.add(`${to}>${from}`);
      }
    }
  }

  heal(): void {
    this.cut.clear();
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.get(id);
    assert(node !== undefined, `No node ${id}`);
    return node;
  }

  /** Whoever leads in the highest term and takes proposals, if anybody does. */
  leader(): NodeId | undefined {
    return [...this.nodes.values()].find((node) => node.core?.canPropose() === true)?.member.id;
  }

  /** Whether a node takes proposals. */
  leads(id: NodeId): boolean {
    return this.node(id).core?.canPropose() === true;
  }

  /** Proposes at one node, whether or not it leads. */
  proposeAt(id: NodeId, text: string): void {
    const commands = [new TextEncoder().encode(text)];
    this.feed(id, { kind: "propose", id: this.#proposal++, commands });
  }

  /** Whether all of these nodes have applied the command. */
  applied(text: string, ...ids: readonly NodeId[]): boolean {
    return ids.every((id) => this.commands(id).includes(text));
  }

  /** Voters by the newest config of the leader. */
  voters(): readonly NodeId[] {
    const leader = this.leader();
    const members = leader === undefined ? [] : this.node(leader).core?.status().members ?? [];
    return members.filter((row) => row.voter).map((row) => row.member.id);
  }

  /** Proposes at the leader. */
  propose(text: string): void {
    const leader = this.leader();
    assert(leader !== undefined, "Nobody leads");
    this.feed(leader, {
      kind: "propose",
      id: this.#proposal++,
      commands: [new TextEncoder().encode(text)],
    });
  }

  commands(id: NodeId): readonly string[] {
    return this.node(id).appliedCommands;
  }
}

/** One transaction of the disk. */
function apply(stored: TestNode["stored"], batch: PersistBatch): void {
  let entries: readonly Entry[] = stored.entries;
  let starts = stored.termStarts;
  if (batch.install !== undefined) {
    stored.base = batch.install.base;
    starts = batch.install.termStarts;
    entries = [];
    stored.commitIndex = Math.min(stored.commitIndex, stored.base.index);
  }
  const from = batch.truncateFrom;
  if (from !== undefined) {
    entries = entries.filter((entry) => entry.index < from);
    starts = starts.filter((start) => start.index < from);
  }
  stored.entries = [...entries, ...batch.entries];
  stored.configs = stored.entries.flatMap((entry) =>
    entry.kind === "config" ? [{ index: entry.index, term: entry.term, config: entry.config }] : []
  );
  stored.termStarts = startsAfter(starts, batch.entries);
  stored.promised = batch.promised ?? stored.promised;
  stored.commitIndex = batch.commitIndex ?? stored.commitIndex;
}
