/**
 * What nodes say to one another about replication. Plain data: the wire form is made and read
 * in `src/rpc` alone. Each kind names the section of `DESIGN.md` that it serves.
 *
 * @module
 */

import type {
  ConfigEntry,
  Entry,
  EntryId,
  Index,
  LogPosition,
  Member,
  NodeId,
  Side,
  Term,
  TermStart,
} from "./types.ts";

/** Sent every heartbeat interval to every member and to whoever pings or leads here (§5). */
export interface Ping {
  readonly kind: "ping";
  readonly nonce: number;
  /** False while the sender's oldest unfinished persist is older than T/2. */
  readonly asksLease: boolean;
  readonly leads: boolean;
  /** The term led if it leads, else the highest promised. */
  readonly term: Term;
  /** Whom the sender suspects, if it leads: its followers stop granting to them. */
  readonly suspects: readonly NodeId[];
  /** The sender's side of a fork (§9), if it leads and nobody else can have been elected since. */
  readonly side: Side | null;
  /**
   * The receiver's term, if the sender cannot follow it in that: what it has is on another side of a
   * fork, and it waits for the receiver to go on without it (§6, §9).
   */
  readonly cannotFollow: Term | null;
}

/** Answer to a ping (§5). */
export interface Pong {
  readonly kind: "pong";
  readonly nonce: number;
  readonly promised: Term;
  /** Place of the answerer's persisted C1; index 0 if it has none. */
  readonly config: { readonly index: Index; readonly term: Term };
  /** Whether the asker is a voter in it (and in what is being persisted or held after it). */
  readonly voter: boolean;
  readonly certain: boolean;
  readonly granted: boolean;
  /** The leader that the answerer follows, if the asker is no voter: whom to ask to join. */
  readonly leader: Member | null;
}

/** Entries from the leader, or none as a heartbeat of the log (Raft §5.3). */
export interface Append {
  readonly kind: "append";
  readonly term: Term;
  readonly prev: LogPosition;
  readonly entries: readonly Entry[];
  readonly commitIndex: Index;
  /** Index of the leader's C0: a follower's commit index moves only to there or beyond (§4). */
  readonly c0Index: Index;
  /** Name of the side that the leader's log is on; `null`: it never parted (§9). */
  readonly mark: Term | null;
}

/** Answer to an append. */
export interface AppendReply {
  readonly kind: "appendReply";
  /** Term of the append that is answered. */
  readonly term: Term;
  readonly promised: Term;
  /** True if the prev-check held and everything up to `matchIndex` is persisted here. */
  readonly ok: boolean;
  /** `ok`: persisted up to here. Otherwise: try again from at most here. */
  readonly matchIndex: Index;
  /** The answerer knows to be committed what is up to here: configs among it are so on its disk. */
  readonly commitIndex: Index;
  /** Applied position of the answerer, if not `ok`: says whether a tail can serve it (§6). */
  readonly applied: LogPosition | null;
  /** Index of the snapshot that the answerer is installing, else 0: the log is kept from there. */
  readonly snapshotIndex: Index;
}

/** The leader's log no longer reaches back to the receiver's: it must fetch a snapshot (§6). */
export interface SnapshotNeeded {
  readonly kind: "snapshotNeeded";
  readonly term: Term;
  /** Member to fetch it from. */
  readonly from: NodeId;
  /** Where the leader's log begins: who has that much by now needs none. */
  readonly baseIndex: Index;
  /** First index of each term of the leader's log up to there, newest last, bounded (§9). */
  readonly termStarts: readonly TermStart[];
  /** As in an append. */
  readonly mark: Term | null;
}

/** A pre-vote or a vote (§7). */
export interface VoteRequest {
  readonly kind: "voteRequest";
  readonly pre: boolean;
  readonly term: Term;
  readonly last: LogPosition;
  /** First index of each term of the candidate's log, newest last, bounded. */
  readonly termStarts: readonly TermStart[];
  readonly lastResort: boolean;
  /** True once every voter of the candidate's C1 has given its pre-vote. */
  readonly everyPreVote: boolean;
  /** Term of the leader that asked for this transfer, else `null`. */
  readonly transferTerm: Term | null;
}

/** Answer to a pre-vote or vote (§7). */
export interface VoteReply {
  readonly kind: "voteReply";
  readonly pre: boolean;
  /** Term of the request that is answered. */
  readonly term: Term;
  readonly promised: Term;
  readonly granted: boolean;
  readonly certain: boolean;
  /** The voter's last entry: shows which configs it does not have. */
  readonly last: LogPosition;
  /** The newest config that the voter knows to be committed: so does whoever has it in its log. */
  readonly committed: EntryId | null;
  /** Refused for freshness: what the candidate lacks, after `prev`. */
  readonly tail: { readonly prev: LogPosition; readonly entries: readonly Entry[] } | null;
  /** True if granting would give up a committed entry: the other side of a partition. */
  readonly meeting: boolean;
  /** Name of the side that the voter's log is on; `null`: it never parted (§9). */
  readonly mark: Term | null;
}

/** The leader asks the receiver to campaign at once; void once it follows another term (§7). */
export interface TransferNow {
  readonly kind: "transferNow";
  readonly term: Term;
}

/** Asks the leader to be taken in, or to have its addresses changed (§6). */
export interface JoinRequest {
  readonly kind: "joinRequest";
  readonly member: Member;
}

/**
 * Asks the leader to be dropped; holds for the sender's incarnation, in this term of the leader,
 * and until it appends another config than the sender's newest (§6).
 */
export interface LeaveRequest {
  readonly kind: "leaveRequest";
  readonly term: Term;
  readonly configIndex: Index;
}

/** The leader tells that a config without the receiver is committed (§6). */
export interface LeaveReply {
  readonly kind: "leaveReply";
  readonly config: ConfigEntry;
}

/** The leader asks the receiver to leave: `admin remove` (§6). */
export interface AskToLeave {
  readonly kind: "askToLeave";
  readonly term: Term;
}

export type Message =
  | Ping
  | Pong
  | Append
  | AppendReply
  | SnapshotNeeded
  | VoteRequest
  | VoteReply
  | TransferNow
  | JoinRequest
  | LeaveRequest
  | LeaveReply
  | AskToLeave;
