/**
 * What the driver needs from its surroundings. Production implements these over libSQL, gRPC
 * and the machine's clocks; the simulator over a simulated disk, network and clock. The driver
 * itself is the same in both.
 *
 * @module
 */

import type { Outcome } from "../chat/command.ts";
import type { Reader } from "../chat/port.ts";
import type { Message } from "../raft/message.ts";
import type {
  Base,
  ConfigEntry,
  Entry,
  Index,
  LogPosition,
  Member,
  NodeId,
  PersistBatch,
  StoredState,
  TermStart,
} from "../raft/types.ts";
import type { HandOverAnswer, HandOverAsk } from "../rpc/peer_api.ts";

/** Identity of a data directory (§3). */
export interface Identity {
  readonly nodeId: NodeId;
  /** Empty until the node has joined or bootstrapped. */
  readonly clusterId: string;
  /** Incarnation of this start, already stored. */
  readonly incarnation: number;
  readonly previousIncarnation: number;
}

/** `log.db`, or the simulated disk: what must survive a crash (§10). */
export interface LogStore {
  /** What was stored; `entries` holds at most the newest `entriesMax`, the rest by `read`. */
  load(entriesMax: number): Promise<StoredState>;
  /** Writes the batches, in order, in one transaction with one fsync. */
  persist(batches: readonly PersistBatch[]): Promise<void>;
  /** Entries from..to inclusive; fewer if bytes reach the bound; empty if compacted. */
  read(from: Index, to: Index, bytesMax: number): Promise<readonly Entry[]>;
  /** What led to the entry at `through`, without a look at other entries: writes wait for reads. */
  history(through: Index): Promise<LogHistory>;
  /** Forgets entries up to and including the base. */
  compact(base: Base): Promise<void>;
  close(): Promise<void>;
}

/** What a snapshot says of the log that led to it. */
export interface LogHistory {
  /** Newest config up to there, or the base's, which may be newer. */
  readonly config: ConfigEntry | null;
  /** Oldest config after that one that is known to be committed; `null` if there is none. */
  readonly next: ConfigEntry | null;
  /** Of all terms up to there. */
  readonly termStarts: readonly TermStart[];
}

/** A message that became visible by an apply: what live subscriptions are fed with. */
export interface AppliedMessage {
  readonly index: Index;
  readonly toAccountId: string;
}

/** What came of the applied entries, by log index. Entries that are no commands have none. */
export interface ApplyResult {
  readonly outcomes: ReadonlyMap<Index, Outcome>;
  readonly messages: readonly AppliedMessage[];
}

/** `chat-<generation>.db`: the replicated state with what is applied in it (§10). */
export interface StateStore {
  /** Newest entry whose effects are in the database. */
  applied(): LogPosition;
  /** Applies the entries in order in one transaction, `applied` with them. */
  apply(entries: readonly Entry[]): Promise<ApplyResult>;
  /** Reads between applies, never inside one. */
  readonly reader: Reader;
  /** Commands of this node's log in the form in which they go over to another side (§9). */
  salvagedFrom(
    entries: readonly { readonly index: Index; readonly data: Uint8Array }[],
  ): Promise<readonly Uint8Array[]>;
  /** Ids of the requests that were decided from one index to another, both included: all at once. */
  requestsBetween(from: Index, to: Index): Promise<readonly string[]>;
  /** How many of these requests this state knows nothing of. */
  countUnknown(requestIds: readonly string[]): Promise<number>;
  /** For each command in that form, whether it would change nothing here. */
  settledAmong(salvaged: readonly Uint8Array[]): Promise<readonly boolean[]>;
  /** Makes what is applied durable and says up to where (§10, compaction). */
  checkpoint(): Promise<Index>;
  /** A consistent read of everything at one applied index, while applies go on (§6). */
  openSnapshot(): Promise<SnapshotSource>;
  /** Begins a new state beside this one; nothing is visible before `switchTo` (§6.4). */
  buildSnapshot(): Promise<SnapshotSink>;
  /**
   * SHA-256 over all rows at one applied index (§10): at `atLeastIndex`, 0 if it is left out, or at
   * what is applied, if that is further. Waits for it until the signal is aborted.
   */
  digest(
    atLeastIndex?: Index,
    signal?: AbortSignal,
  ): Promise<{ readonly appliedIndex: Index; readonly digest: string }>;
  close(): Promise<void>;
}

/** A snapshot being read. Chunks are numbered from 0 and the same for the same snapshot. */
export interface SnapshotSource {
  readonly applied: LogPosition;
  /** Rows in all, for progress. */
  readonly rowsTotal: number;
  /** Next chunk of encoded rows, or `null` at the end. */
  next(): Promise<Uint8Array | null>;
  /** Digest of all rows read; known once `next` has given `null`. */
  digest(): string;
  close(): Promise<void>;
}

/** A snapshot being built in a new file. */
export interface SnapshotSink {
  write(chunk: Uint8Array): Promise<void>;
  /** Checks the digest, checkpoints, fsyncs file and directory; then it can be switched to. */
  finish(expected: { readonly applied: LogPosition; readonly digest: string }): Promise<void>;
  /** After the log transaction that installs it is on disk: serve it, delete the old one. */
  activate(): Promise<void>;
  abort(): Promise<void>;
}

/** Sends to peers. Never blocks, never throws; what cannot be sent is dropped. */
export interface Transport {
  send(to: NodeId, message: Message): void;
  /** Whom to keep links to. */
  setPeers(members: readonly Member[]): void;
  /** Fetches a snapshot from a member, chunk by chunk; fails once the signal is aborted. */
  fetchSnapshot(from: NodeId, signal: AbortSignal): Promise<SnapshotFetch>;
  /** One step of a hand-over to the leader of another side (§9). Throws `ChatError`. */
  handOver(
    to: NodeId,
    ask: Omit<HandOverAsk, "clusterId" | "nodeId">,
  ): Promise<HandOverAnswer>;
}

/** A snapshot arriving from a peer. */
export interface SnapshotFetch {
  readonly base: Base;
  readonly termStarts: readonly TermStart[];
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Digest of the whole; known once `chunks` has ended. */
  digest(): string;
}

/** Clocks and scheduling. */
export interface Clock {
  /** Monotonic ms. */
  mono(): number;
  /** Monotonic ms that never runs behind the wall clock's progress (§2). */
  fast(): number;
  /** Wall clock, ms since the epoch. */
  wall(): number;
  /** Runs `task` after everything that has already arrived has been taken in. */
  defer(task: () => void): void;
  /** Runs `task` once after `ms`; the result cancels it. */
  after(ms: number, task: () => void): () => void;
  /** In [0, 1). */
  random(): number;
}
