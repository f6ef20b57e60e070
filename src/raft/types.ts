/**
 * The vocabulary of the replication core: identities, terms, configs, entries and what is
 * stored of them. Plain readonly data without behaviour; nothing here touches clock, network
 * or disk. Sections (§) are those of `DESIGN.md` beside this file.
 *
 * @module
 */

/** Identity of a node, kept in its data directory for ever (§3). */
export type NodeId = string;

/** A log index: 1 is the first entry, 0 the empty log. */
export type Index = number;

/** Chained checksum of an entry: hex text over its body and its predecessor's checksum (§3). */
export type Checksum = string;

/** A term: ordered by epoch, then number, then candidate, so two leaders never share one (§3). */
export interface Term {
  readonly epoch: number;
  readonly number: number;
  readonly nodeId: NodeId;
}

/** One place on one history: two logs with the same checksum here agree on everything below. */
export interface LogPosition {
  readonly index: Index;
  readonly term: Term;
  readonly checksum: Checksum;
}

/** One entry: a leader appends one at an index in its term, so two logs that have it agree below it. */
export type EntryId = Pick<LogPosition, "index" | "term">;

/** The first index that a log holds of a term. Kept for ever, below the base too (§8, §10). */
export interface TermStart {
  readonly term: Term;
  readonly index: Index;
}

/** A member as its config entry records it. Addresses are `host:port`. */
export interface Member {
  readonly id: NodeId;
  readonly peerAddress: string;
  readonly clientAddress: string;
}

/** The cluster's policy: set at bootstrap, inherited by joiners, the same everywhere (§1). */
export interface Policy {
  readonly quorum: "all" | "majority";
  /** Whether a certain node may go on without a quorum (§7). Has no effect under `majority`. */
  readonly lastResort: boolean;
  readonly heartbeatMs: number;
  /** T of the design: length of a grant, and of a silence that counts as a fault. */
  readonly failureTimeoutMs: number;
  /** G of the design: how long after a lapsed lease a node waits before it goes on alone. */
  readonly isolationGraceMs: number;
}

/** One last resort or forced recovery: how a history parted from another (§7, §9). */
export interface Parting {
  /** Term of the leader that went on so: names the side that came of it. */
  readonly term: Term;
  /** True if an operator forced it. */
  readonly forced: boolean;
  /** Voters that went on so, and the smallest peer address among them: the side's rank. */
  readonly size: number;
  readonly smallest: string;
}

/**
 * One side of a fork: every parting that led to it, oldest first, the newest
 * `limits.partingsMax`. Empty: the history never parted from the quorum's (§9).
 */
export type Side = readonly Parting[];

/** Left by partings: where this history left another, and by what names it goes on (§7, §9). */
export interface Mark {
  /** Newest entry that the forking node knew to be committed. */
  readonly base: LogPosition;
  /** Every voter that was left behind there, or at a later parting while this mark was open. */
  readonly baseVoters: readonly Member[];
  /** Whether one of these may be on another side still. The side stays for ever. */
  readonly open: boolean;
  readonly side: Side;
}

/** A member that asked to leave, in the one start of it that asked (§6). */
export interface Leaver {
  readonly id: NodeId;
  readonly incarnation: number;
}

/** A configuration (§4). `voters` and `learners` are in rank order: smallest address first. */
export interface Config {
  readonly policy: Policy;
  readonly voters: readonly Member[];
  readonly learners: readonly Member[];
  /** Ids that are never taken in again. */
  readonly tombstones: readonly NodeId[];
  readonly mark: Mark | null;
  /** Index of the C0 of the leader that appended it. */
  readonly c0Index: Index;
  /** Who is dropped by this very entry because it asked to be. */
  readonly leavers: readonly Leaver[];
}

/** A config with its place in the log. */
export interface ConfigEntry {
  readonly index: Index;
  readonly term: Term;
  readonly config: Config;
}

/** What an entry carries. */
export type EntryBody =
  | { readonly kind: "command"; readonly data: Uint8Array }
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "noop" };

/** A log entry: its place, and its body. */
export type Entry = LogPosition & EntryBody;

/** Where a compacted log begins: everything up to here is in the state database only. */
export interface Base extends LogPosition {
  /** Newest config at or below the base; `null` for the empty log. */
  readonly config: ConfigEntry | null;
}

/** What a node finds on its disk when it starts. */
export interface StoredState {
  /** Highest term promised; a lower one is never voted for or followed again. */
  readonly promised: Term;
  /** A lower bound of the commit index. */
  readonly commitIndex: Index;
  readonly base: Base;
  readonly termStarts: readonly TermStart[];
  /** Every config entry above the base, in order, also where `entries` begins later. */
  readonly configs: readonly ConfigEntry[];
  /** The newest entries of the log, without gaps up to its end; may begin above the base. */
  readonly entries: readonly Entry[];
}

/**
 * One transaction of `log.db`, in this order: replace the log by a base, cut it, append, and set
 * the hard state. All of it is on disk after one fsync, or none.
 */
export interface PersistBatch {
  /** Persists are numbered from 1 in each start; batches may be merged, never reordered. */
  readonly number: number;
  readonly promised?: Term;
  readonly commitIndex?: Index;
  /** Switch to an installed snapshot: new base and term starts; entries above it are dropped. */
  readonly install?: { readonly base: Base; readonly termStarts: readonly TermStart[] };
  /** Entries at this index and above are removed first; commands among them are set aside. */
  readonly truncateFrom?: Index;
  readonly entries: readonly Entry[];
}

/** Two clocks in ms, read just before each input (§2). */
export interface Clocks {
  /** Monotonic: measures what this node granted to others. */
  readonly mono: number;
  /** Advanced by the faster of monotonic and wall clock: measures what others granted. */
  readonly fast: number;
}

export type Role = "leader" | "follower" | "candidate" | "learner" | "joiner";
