/**
 * All that one core remembers, and the few primitive steps that everything else is made of:
 * read the clocks, begin a persist, send a message, move the commit index. The protocol's
 * decisions are in the modules that take this state as their first argument.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Chain, CoreOptions, Effect, LogBounds } from "./io.ts";
import { LOG_BOUNDS, RaftLog } from "./log.ts";
import type { Append, Message, VoteReply, VoteRequest } from "./message.ts";
import { newPeer, type Peer } from "./peer.ts";
import type { Rules } from "./rules.ts";
import { missing } from "./side.ts";
import { compareTerms, maxTerm, ZERO_TERM } from "./term.ts";
import type {
  Base,
  Clocks,
  Config,
  ConfigEntry,
  Entry,
  EntryBody,
  Index,
  LogPosition,
  Member,
  NodeId,
  PersistBatch,
  Policy,
  Role,
  Term,
  TermStart,
} from "./types.ts";

/** Used by a node that has no config yet. */
export const DEFAULT_POLICY: Policy = {
  quorum: "all",
  lastResort: true,
  heartbeatMs: 100,
  failureTimeoutMs: 1000,
  isolationGraceMs: 3000,
};

/** A persist that is not on disk yet. */
interface PendingPersist {
  readonly number: number;
  /** Fast ms when it began. */
  readonly beganAt: number;
  /** End of the log that it leaves on disk; lowered by a later truncation. */
  lastIndex: Index;
  /** Forgotten by a later switch to another history. */
  commitIndex: Index | null;
}

/** A campaign under way (§7). */
export interface Campaign {
  readonly pre: boolean;
  readonly term: Term;
  readonly lastResort: boolean;
  readonly transferTerm: Term | null;
  /** Mono ms when it began. */
  readonly beganAt: number;
  readonly replies: Map<NodeId, VoteReply>;
  /** Persist of the own vote; the own vote counts once it is on disk. */
  readonly ownVote: number;
  readonly everyPreVote: boolean;
}

/** What only a leader knows. */
export interface Leadership {
  readonly term: Term;
  readonly noopIndex: Index;
  /** Writes are served once this is committed: the noop, or the config appended with it. */
  servesAfter: Index;
  /** Index of the config with a new mark, if it leads by last resort; else 0. */
  readonly lastResortIndex: Index;
  /** Indexes of configs that a voter of theirs showed not to have, in granting (§4). */
  readonly neverCommitted: ReadonlySet<Index>;
  /** A transfer under way: proposals stop until it ends; the read lease is gone for good. */
  transfer: { readonly to: NodeId; readonly deadline: number; told: boolean } | null;
  readsGivenUp: boolean;
  /** Nodes asked to leave by an operator, and since when (mono ms). */
  readonly removing: Map<NodeId, { readonly request: number; readonly since: number }>;
  /** Index of the newest committed config whose leavers were told so. */
  toldLeavers: Index;
  /** Nodes that asked to leave, with their incarnation and the newest config that they had. */
  readonly leaving: Map<NodeId, { readonly incarnation: number; readonly configIndex: Index }>;
}

/** This node gives in to the leader of another side of a fork (§9). */
export interface Surrender {
  readonly to: NodeId;
  /** What this node's side was called as it began. */
  readonly from: Term | null;
  /** Number of the hand-over that is under way or done; 0 before it began. */
  readonly number: number;
  /**
   * Asks to be taken in; hands over what it would lose; or has done so and takes the other side's
   * state. From handing on its log stays as it is.
   */
  stage: "asks" | "hands" | "handed";
  /** End of the log that is handed over. */
  through: Index;
  /** Slow ms at which a leader of another side was last known; later, the snapshot last asked for. */
  seenAt: number;
}

/** A log read asked for: for an append (`request` null), or for a candidate's tail. */
export interface LogRead {
  readonly peer: NodeId;
  readonly request: VoteRequest | null;
  /** The place before what is read; `null` if it is the first that is read. */
  readonly prev: LogPosition | null;
}

/** A ping round: the same nonce to everybody. */
interface PingRound {
  readonly nonce: number;
  readonly sentAt: number;
  readonly asks: boolean;
}

/** Numbers set apart for the pings of one start; more than can be in doubt at once (§5). */
const NONCES_PER_START = 1024;

/** Rounds remembered: answers to older ones count for nothing. */
const PING_ROUNDS_MAX = 128;

export class CoreState {
  self: Member;
  readonly incarnation: number;
  readonly chain: Chain;
  readonly rules: Rules;
  readonly bounds: LogBounds;
  readonly log: RaftLog;

  promised: Term;
  /** Highest term heard of, promised or not: a campaign goes above it. */
  seen: Term;
  role: Role = "joiner";
  leader: NodeId | null = null;
  leaderTerm: Term = ZERO_TERM;
  leaderIncarnation = 0;
  /** Slow ms of the last append from a leader that this node follows. */
  followedAt = 0;
  /** Whom the leader names as suspects. */
  leaderSuspects: readonly NodeId[] = [];
  commitIndex: Index;
  /** Commit index to be told once the persist that carries it is on disk (§4). */
  commitPending: Index = 0;
  persistedIndex: Index;
  applied: LogPosition;
  applyTold: Index = 0;
  leadership: Leadership | null = null;
  campaign: Campaign | null = null;
  /** An append, or a tail, whose next config must wait for a grant of this node to run out. */
  held: { readonly from: NodeId; readonly message: Append } | null = null;
  /** Entries of a voter's tail that a live grant keeps this node from taking (§7). */
  heldTail: readonly Entry[] = [];
  surrender: Surrender | null = null;
  /** Hand-overs begun in this start. */
  handOvers = 0;
  /** Slow ms at which this node last knew a leader of its own side that could serve (§9). */
  ledAt = 0;
  /** Slow ms since which it knows the leader that it follows, or leads itself, in this term. */
  leaderSince = 0;
  /** A leader that this node cannot follow in this term (§9), and the slow ms it was last told. */
  fork: { readonly leader: NodeId; readonly term: Term; readonly seenAt: number } | null = null;
  /** Whether a campaign could have won as this node looked last (§7, "By last resort"). */
  lastResortDue = false;

  /** Mono ms at which to campaign; `null` if there is no reason to. */
  campaignAt: number | null = null;
  attempts = 0;
  /** Mono ms until which a granted vote keeps this node from campaigning itself. */
  quietUntil = -Infinity;
  votedFor: NodeId | null = null;
  /** True from the request to leave, or to be removed, until voter of a newer config. */
  leavingSince: Index | null = null;
  /** Term of the leader that wished so, if it was not this node itself: with it the wish ends. */
  askedToLeaveIn: Term | null = null;
  wantsLeave = false;
  left = false;
  /** Index of the newest config without this node that a leader said it may go by. */
  releasedBy: Index = 0;
  /** Mono ms of the first input; `null` before it. */
  startedAt: number | null = null;

  mono = 0;
  fast = 0;
  /** Like mono, but a gap between inputs counts as at most one heartbeat interval (§5). */
  slow = 0;
  /** Fast ms since which neither the loop nor the disk stood still for T/2 (§5). */
  awakeSince = 0;
  /** Sending time (fast) of the first ping since then that a certain voter granted. */
  vouchedAt = -Infinity;
  random = 0.5;
  lastPingAt = -Infinity;
  rounds: PingRound[] = [];
  /** No start uses the numbers of the one before: an answer to that one grants this one nothing. */
  nextNonce: number;

  readonly peers = new Map<NodeId, Peer>();
  /** Members of any config ever seen, by id: whom to ask when nobody of the newest answers. */
  readonly known = new Map<NodeId, Member>();
  effects: Effect[] = [];
  #nextPersist = 1;
  readonly pending: PendingPersist[] = [];
  #commitOnDisk: Index;
  nextRead = 1;
  readonly reads = new Map<number, LogRead>();
  snapshotIndex: Index = 0;
  fetching = false;
  /** Whose snapshot it is, while this node waits for it. */
  fetchFrom: NodeId | null = null;
  checkpointIndex: Index = 0;
  /** Applied positions, one every few entries: where the log may be cut below (§10). */
  readonly cutPoints: LogPosition[] = [];
  /** A leader that another node named, to ask it to be taken in; with the slow ms of it. */
  hint: { readonly leader: Member; readonly at: number } | null = null;
  /** Operator requests that wait for an outcome. */
  transferRequest: number | null = null;
  /** Mono ms of the last requests to join or leave; repeated every interval. */
  askedAt = -Infinity;

  constructor(options: CoreOptions, rules: Rules) {
    this.self = options.self;
    this.incarnation = options.incarnation;
    this.nextNonce = options.incarnation * NONCES_PER_START;
    this.chain = options.chain;
    this.rules = rules;
    this.bounds = options.bounds ?? LOG_BOUNDS;
    this.log = new RaftLog(options.stored, this.bounds);
    this.promised = options.stored.promised;
    this.seen = maxTerm(this.promised, this.log.last.term);
    this.applied = options.stored.applied;
    // What is applied was committed, although the stored index is only a lower bound (§4).
    this.commitIndex = Math.max(
      options.stored.commitIndex,
      options.stored.base.index,
      options.stored.applied.index,
    );
    this.#commitOnDisk = options.stored.commitIndex;
    this.persistedIndex = this.log.lastIndex;
    this.applyTold = this.applied.index;
    for (const entry of this.log.configs) this.remember(entry.config);
    assert(this.commitIndex <= this.log.lastIndex, "What is committed is on the log");
  }

  get policy(): Policy {
    return this.newest?.config.policy ?? DEFAULT_POLICY;
  }
  /** T. */
  get timeout(): number {
    return this.policy.failureTimeoutMs;
  }
  /** G. */
  get grace(): number {
    return this.policy.isolationGraceMs;
  }
  get heartbeat(): number {
    return this.policy.heartbeatMs;
  }

  /** Everything up to here is committed, whether or not that is on disk and may be told (§4). */
  get decidedIndex(): Index {
    return Math.max(this.commitIndex, this.commitPending);
  }

  /** C1: the newest config in the log. */
  get newest(): ConfigEntry | null {
    return this.log.configs.at(-1) ?? null;
  }

  /**
   * Keeps the addresses of members, and of those whom a parting left behind: they may not know this
   * node. Forgotten are those that are never taken in again, and those at whose address a member is
   * now: to call them there would break that one's link each time.
   */
  remember(config: Config): void {
    const members = [...config.voters, ...config.learners];
    for (const one of missing(config)) if (!this.known.has(one.id)) this.known.set(one.id, one);
    const taken = new Map(members.map(({ id, peerAddress }) => [peerAddress, id]));
    for (const [id, { peerAddress }] of this.known) {
      if ((taken.get(peerAddress) ?? id) !== id) this.known.delete(id);
    }
    for (const member of members) this.known.set(member.id, member);
    for (const id of [this.self.id, ...config.tombstones]) this.known.delete(id);
  }

  peer(id: NodeId): Peer {
    let peer = this.peers.get(id);
    if (peer === undefined) {
      // A start counts as a grant to everyone (§5).
      peer = newPeer(id, this.slow + this.timeout);
      this.peers.set(id, peer);
    }
    return peer;
  }

  /** Reads the clocks of an input; a long gap since the last one ends the time awake. */
  advance(clocks: Clocks): void {
    if (this.startedAt === null) {
      this.startedAt = clocks.mono;
      this.awakeSince = clocks.fast;
    } else {
      if (clocks.fast - this.fast >= this.timeout / 2) this.awakeSince = clocks.fast;
      this.slow += Math.min(Math.max(clocks.mono - this.mono, 0), this.heartbeat);
    }
    this.mono = clocks.mono;
    this.fast = clocks.fast;
    // Who asks for no leases knows no more by their absence than one that stood still (§5).
    if (this.diskSick || this.surrender !== null) this.awakeSince = clocks.fast;
  }

  send(to: NodeId, message: Message, after = 0): void {
    this.effects.push({ kind: "send", to, message, after });
  }

  notice(level: "info" | "warn", text: string): void {
    this.effects.push({ kind: "notice", level, text });
  }

  /** Begins a persist; carries the commit index along if it has moved. Returns its number. */
  persist(
    batch: Omit<PersistBatch, "number" | "entries"> & { entries?: readonly Entry[] },
  ): number {
    const number = this.#nextPersist++;
    const commit = batch.commitIndex ??
      (this.commitIndex > this.#commitOnDisk ? this.commitIndex : undefined);
    const entries = batch.entries ?? [];
    if (commit !== undefined) this.#commitOnDisk = Math.max(this.#commitOnDisk, commit);
    if (batch.truncateFrom !== undefined) this.#lower(batch.truncateFrom - 1);
    this.pending.push({
      number,
      beganAt: this.fast,
      lastIndex: this.log.lastIndex,
      commitIndex: commit ?? null,
    });
    this.effects.push({
      kind: "persist",
      ...batch,
      number,
      entries,
      ...(commit === undefined ? {} : { commitIndex: commit }),
    });
    return number;
  }

  /**
   * Begins the persist that switches the log to an installed snapshot, which may be behind what
   * was committed here on another side of a fork (§9).
   */
  persistInstall(base: Base, termStarts: readonly TermStart[], kept: readonly Entry[]): number {
    this.#lower(0);
    for (const pending of this.pending) pending.commitIndex = null;
    this.#commitOnDisk = Math.min(this.#commitOnDisk, base.index);
    return this.persist({ install: { base, termStarts }, entries: kept, commitIndex: base.index });
  }

  #lower(last: Index): void {
    this.persistedIndex = Math.min(this.persistedIndex, last);
    for (const pending of this.pending) pending.lastIndex = Math.min(pending.lastIndex, last);
  }

  /** Number of the newest persist begun and not finished, else 0: "after all that is begun". */
  get newestPending(): number {
    return this.pending.at(-1)?.number ?? 0;
  }

  /** Appends an entry of the own term with its chained checksum. */
  appendOwn(term: Term, body: EntryBody): Entry {
    const previous = this.log.last;
    const index = previous.index + 1;
    const checksum = this.chain(previous.checksum, index, term, body);
    const entry: Entry = { index, term, checksum, ...body };
    if (body.kind === "config") this.remember(body.config);
    this.log.append(entry);
    return entry;
  }

  /** Promises a term in memory; the caller persists it. */
  promise(term: Term): void {
    assert(compareTerms(term, this.promised) >= 0, "A promise never goes back");
    this.promised = term;
    this.seen = maxTerm(this.seen, term);
  }

  /** The oldest unfinished persist has taken T/2 or more: the disk is sick (§5). */
  get diskSick(): boolean {
    return this.fast - (this.pending[0]?.beganAt ?? Infinity) >= this.timeout / 2;
  }

  beginPingRound(stays: boolean): PingRound {
    const asks = stays && !this.diskSick;
    const round = { nonce: this.nextNonce++, sentAt: this.fast, asks };
    this.rounds = [...this.rounds, round].slice(-PING_ROUNDS_MAX);
    return round;
  }
}
