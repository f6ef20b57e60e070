/**
 * A driver without a core: one log in memory that several members apply at their own pace, each
 * with the real state machine. For tests of what stands on a driver; it knows no elections.
 *
 * @module
 */

import type { Command, Outcome } from "../../src/chat/command.ts";
import { ChatError } from "../../src/errors.ts";
import type {
  AppliedListener,
  NodeDriver,
  Proposed,
  RoleListener,
} from "../../src/node/driver_api.ts";
import type { DriverQueues } from "../../src/node/measures.ts";
import type { CoreStatus } from "../../src/raft/io.ts";
import type { LogPosition, Member, Term } from "../../src/raft/types.ts";
import { MemoryChat } from "./memory_chat.ts";

/** The commands of one cluster, in order: index 1 first. */
export type FakeLog = { readonly term: Term; readonly command: Command }[];

const NO_TERM: Term = { epoch: 0, number: 0, nodeId: "" };

/** A member with the chat state of its own. */
export class FakeDriver implements NodeDriver {
  /** Term of what is proposed from now on. */
  term: Term = { epoch: 0, number: 1, nodeId: "node-1" };
  leads = true;
  /** False: proposals stay in the log until `apply` is called. */
  appliesAtOnce = true;
  /** What `propose`, `transfer` and `remove` throw instead, if set. */
  refuses: ChatError | null = null;
  readonly proposals: Command[] = [];
  readonly asked: string[] = [];
  #applied = 0;
  readonly #waiting = new Map<number, (proposed: Proposed) => void>();
  readonly #indexWaiters: { readonly index: number; readonly resolve: () => void }[] = [];
  readonly #listeners = new Set<AppliedListener>();
  readonly #roleListeners = new Set<RoleListener>();

  private constructor(readonly self: Member, readonly log: FakeLog, readonly chat: MemoryChat) {}

  static async open(number: number, log: FakeLog = []): Promise<FakeDriver> {
    const self = {
      id: `node-${number}`,
      peerAddress: `127.0.0.1:${7_000 + number}`,
      clientAddress: `127.0.0.1:${6_000 + number}`,
    };
    return new FakeDriver(self, log, await MemoryChat.open());
  }

  propose(command: Command): Promise<Proposed> {
    if (this.refuses !== null) return Promise.reject(this.refuses);
    this.proposals.push(command);
    this.log.push({ term: this.term, command });
    const index = this.log.length;
    const proposed = new Promise<Proposed>((resolve) => void this.#waiting.set(index, resolve));
    if (this.appliesAtOnce) queueMicrotask(() => void this.apply());
    return proposed;
  }

  takeOver(): Promise<never> {
    return Promise.reject(new ChatError("NO_LEADER", "Nobody hands over here"));
  }

  /** Applies what the log holds, at most up to an index. */
  async apply(through = this.log.length): Promise<void> {
    const from = this.#applied;
    if (through <= from) return;
    this.#applied = through;
    const commands = this.log.slice(from, through).map(({ term, command }, offset) => ({
      place: { index: from + 1 + offset, term },
      command,
    }));
    const { outcomes, messages } = await this.chat.apply(commands);
    for (const { place: { index, term } } of commands) {
      this.#waiting.get(index)?.({ outcome: outcomes.get(index) as Outcome, index, term });
      this.#waiting.delete(index);
    }
    for (const waiter of this.#indexWaiters) if (waiter.index <= through) waiter.resolve();
    for (const listener of this.#listeners) listener(messages, this.appliedPosition(), outcomes);
  }

  /** As after a snapshot: everything up to here is in the state, and nobody was told how. */
  async install(through = this.log.length): Promise<void> {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    await this.apply(through);
    for (const listener of listeners) {
      this.#listeners.add(listener);
      listener([], this.appliedPosition(), null);
    }
  }

  /** As when this member goes over to another side, whose entries from an index on are others. */
  forks(from: number): void {
    const before = this.appliedPosition();
    for (let at = from - 1; at < this.log.length; at++) {
      this.log[at] = { ...this.log[at]!, term: { ...this.term, epoch: this.term.epoch + 1 } };
    }
    for (const listener of [...this.#listeners]) listener([], before, null);
  }

  readIndex(): Promise<void> {
    return this.leads ? Promise.resolve() : Promise.reject(this.#notLeader());
  }

  waitApplied(index: number, _deadlineMs: number): Promise<void> {
    if (index <= this.#applied) return Promise.resolve();
    if (index > this.log.length) {
      return Promise.reject(new ChatError("NOT_UP_TO_DATE", "not caught up in time"));
    }
    return new Promise((resolve) => void this.#indexWaiters.push({ index, resolve }));
  }

  queues(): DriverQueues {
    return {
      inputs: 0,
      proposals: this.#waiting.size,
      proposalBytes: 0,
      writes: 0,
      heldMessages: 0,
      applies: this.log.length - this.#applied,
      indexWaits: this.#indexWaiters.length,
      readWaits: 0,
      requests: 0,
    };
  }

  commitIndex(): number {
    return this.status().commitIndex;
  }

  status(): CoreStatus {
    return {
      role: this.leads ? "leader" : "follower",
      term: this.term,
      leader: this.term.nodeId,
      lastIndex: this.log.length,
      commitIndex: this.log.length,
      appliedIndex: this.#applied,
      ready: true,
      certain: true,
      livesByLastResort: false,
      missing: [],
      tolerates: 1,
      policy: {
        quorum: "all",
        lastResort: true,
        heartbeatMs: 100,
        failureTimeoutMs: 1_000,
        isolationGraceMs: 3_000,
      },
      members: [1, 2].map((number) => ({
        member: {
          id: `node-${number}`,
          peerAddress: `127.0.0.1:${7_000 + number}`,
          clientAddress: `127.0.0.1:${6_000 + number}`,
        },
        voter: true,
        reachable: true,
        matchIndex: this.log.length,
        incarnation: number,
      })),
    };
  }

  appliedPosition(): LogPosition {
    const index = this.#applied;
    return { index, term: this.termAt(index) ?? NO_TERM, checksum: `checksum ${index}` };
  }

  termAt(index: number): Term | null {
    if (index === 0) return NO_TERM;
    return this.log[index - 1]?.term ?? null;
  }

  onApplied(listener: AppliedListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onRole(listener: RoleListener): () => void {
    this.#roleListeners.add(listener);
    return () => void this.#roleListeners.delete(listener);
  }

  /** Another member leads from now on. */
  follow(leader: string): void {
    this.term = { ...this.term, number: this.term.number + 1, nodeId: leader };
    this.leads = leader === this.self.id;
    this.tellRole(leader);
  }

  /** As at the start, or, with `null`, when it suspects the leader. */
  tellRole(leader: string | null = this.term.nodeId): void {
    const role = this.leads ? "leader" : "follower";
    for (const listener of this.#roleListeners) {
      listener({ role, term: this.term, leader, ready: true });
    }
  }

  join(): Promise<null> {
    return Promise.resolve(null);
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }

  transfer(to: string | null): Promise<void> {
    return this.#ask(`transfer ${to}`);
  }

  remove(id: string): Promise<void> {
    return this.#ask(`remove ${id}`);
  }

  receive(): void {}

  peerRefused(): void {}

  start(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.chat.close();
  }

  #ask(what: string): Promise<void> {
    this.asked.push(what);
    return this.refuses === null ? Promise.resolve() : Promise.reject(this.refuses);
  }

  #notLeader(): ChatError {
    const leader = `127.0.0.1:600${this.term.nodeId.at(-1)}`;
    return new ChatError("NOT_LEADER", `not the leader, the leader is at ${leader}`, { leader });
  }
}
