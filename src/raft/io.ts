/**
 * The contract between the core and its host: every input, every effect, and the order in which
 * the host must carry effects out. The driver in `src/node` is the one production host; the
 * simulator runs that same driver.
 *
 * The host's duties:
 * 1. Feed inputs one at a time, each with both clocks read just before it.
 * 2. Carry out the effects of one input in the order given, before those of the next.
 * 3. Write persists in the order of their numbers, each as one transaction with one fsync
 *    (several may share one), and report the highest finished number with `persisted`.
 * 4. Send a message with `after` 0 at once; one with `after` n only when persist n is on disk.
 *    Messages to one peer may be lost or repeated; they are not reordered on one link.
 * 5. Apply entries in order, once, up to the newest `apply` effect; then report `applied`.
 *    Answer a client only when its entry is applied.
 * 6. Feed a `tick` at least every heartbeat interval / 4.
 * 7. Report each refused connection to a peer with `peerRefused` (§5, "gone").
 *
 * @module
 */

import type { Message } from "./message.ts";
import type {
  Base,
  Entry,
  EntryBody,
  Index,
  LogPosition,
  Member,
  NodeId,
  PersistBatch,
  Policy,
  Role,
  StoredState,
  Term,
  TermStart,
} from "./types.ts";

/** What the host feeds into the core. */
export type Input =
  /** `random` in [0, 1): the only randomness the core has, for election jitter. */
  | { readonly kind: "tick"; readonly random: number }
  | {
    readonly kind: "message";
    readonly from: NodeId;
    /** Start of the sender; messages of older ones are dropped. */
    readonly incarnation: number;
    readonly message: Message;
  }
  /** Commands to append, in order. Answered by one `proposed` or `notProposed` of the same id. */
  | { readonly kind: "propose"; readonly id: number; readonly commands: readonly Uint8Array[] }
  | { readonly kind: "persisted"; readonly number: number }
  | { readonly kind: "applied"; readonly position: LogPosition }
  /** The state database is durable up to here: the log below may be compacted. */
  | { readonly kind: "checkpointed"; readonly index: Index }
  /** One attempt to connect to the peer was refused while its link is down. */
  | { readonly kind: "peerRefused"; readonly peer: NodeId }
  /** Answer to a `readLog` effect; empty if the range is compacted by now. */
  | { readonly kind: "logRead"; readonly request: number; readonly entries: readonly Entry[] }
  /** A snapshot was built as a file of its own; the core decides whether to switch to it. */
  | {
    readonly kind: "snapshotBuilt";
    readonly base: Base;
    readonly termStarts: readonly TermStart[];
  }
  /** A snapshot fetch began at this index (for `snapshotIndex` in answers), or failed (`null`). */
  | { readonly kind: "snapshotFetching"; readonly index: Index | null }
  /**
   * Answer to the `handOver` effect of this number. `done`: the leader asked has committed what this
   * log has and its own log lacks, as commands of its own, or had it already.
   */
  | { readonly kind: "handedOver"; readonly number: number; readonly done: boolean }
  /** A join that came by rpc from a node without links. Answered by one `joinAnswer`. */
  | { readonly kind: "join"; readonly id: number; readonly member: Member }
  /** SIGTERM: hand over, leave, then `left`. */
  | { readonly kind: "leave" }
  /** Answered by one `adminAnswer` of the same id. */
  | { readonly kind: "transfer"; readonly id: number; readonly to: NodeId | null }
  | { readonly kind: "remove"; readonly id: number; readonly peer: NodeId };

/** Why a proposal, a join or an admin request was not taken. */
export type Refusal =
  | { readonly reason: "NOT_LEADER"; readonly leader: NodeId }
  | { readonly reason: "NO_LEADER" | "OVERLOADED" | "REMOVED" }
  | { readonly reason: "INVALID_ARGUMENT"; readonly message: string };

/** What the core tells the host to do. */
export type Effect =
  | ({ readonly kind: "persist" } & PersistBatch)
  | {
    readonly kind: "send";
    readonly to: NodeId;
    readonly message: Message;
    /** Number of the persist that must be on disk first; 0 = at once. */
    readonly after: number;
  }
  /** Everything up to this index is committed and on this disk. Never goes back. */
  | { readonly kind: "apply"; readonly through: Index }
  | {
    readonly kind: "proposed";
    readonly id: number;
    /** Index of the first command of the proposal; the others follow. */
    readonly firstIndex: Index;
    readonly term: Term;
  }
  | { readonly kind: "notProposed"; readonly id: number; readonly refusal: Refusal }
  /** Role, term, leader or readiness changed. Proposals of earlier terms may be lost. */
  | {
    readonly kind: "role";
    readonly role: Role;
    readonly term: Term;
    /** `null` also once the one that was followed is suspected, or sends no appends. */
    readonly leader: NodeId | null;
    /** A voter of a config it knows to be committed, and certain (§1). */
    readonly ready: boolean;
  }
  /** Whom to keep a link to, whenever it changes: members and whoever must be answered. */
  | { readonly kind: "peers"; readonly members: readonly Member[] }
  | {
    readonly kind: "readLog";
    readonly request: number;
    readonly from: Index;
    /** Up to and including. */
    readonly to: Index;
  }
  /** Fetch a snapshot from this member, build it beside the current state, report it. */
  | { readonly kind: "fetchSnapshot"; readonly from: NodeId }
  /** Give that fetch up, and report so: it was to be waited for no longer. */
  | { readonly kind: "fetchEnded" }
  /** The log up to here is no longer needed; the base moves. */
  | { readonly kind: "compact"; readonly base: Base }
  /**
   * Hand over to that leader, which is on another side of a fork, every command of this log up to
   * `through` that its log lacks (§9). Answered by one `handedOver`, once everything committed is
   * applied here. The log does not change meanwhile, unless the hand-over is given up: by
   * `handOverEnded`, or by a newer one, which then takes the place of this one.
   */
  | {
    readonly kind: "handOver";
    /** Hand-overs of one start are numbered. */
    readonly number: number;
    readonly to: NodeId;
    readonly through: Index;
    /** Where this log begins: what led to there is in the state only. */
    readonly baseIndex: Index;
    /** First indexes of all terms of this log: tell what both logs have in common. */
    readonly termStarts: readonly TermStart[];
  }
  /** This hand-over is given up: nothing more goes over, and no answer is wanted. */
  | { readonly kind: "handOverEnded"; readonly number: number }
  | {
    readonly kind: "joinAnswer";
    readonly id: number;
    readonly refusal: Refusal | null;
  }
  | {
    readonly kind: "adminAnswer";
    readonly id: number;
    readonly refusal: Refusal | null;
  }
  /** A config without this node is committed (or it was the last voter): the process may end. */
  | { readonly kind: "left" }
  /** Something a person should read in the log: a fork, a refused term, a removal. */
  | { readonly kind: "notice"; readonly level: "info" | "warn"; readonly text: string };

/** What the core needs to know besides what is stored. */
export interface CoreOptions {
  /** This node as it wants to be recorded. */
  readonly self: Member;
  /** This start of it: greater than that of every earlier start (§3). */
  readonly incarnation: number;
  /** What the disk holds; entries may be only the newest part of the log (the memory window). */
  readonly stored: StoredLog;
  /** Checksum of an entry from its predecessor's, its term and its body: pure, collision-free. */
  readonly chain: Chain;
  /** How much of the log is kept; the production values unless a simulation wants less. */
  readonly bounds?: LogBounds;
}

/** How much of a log is kept (§10), and sent at once, in entries. */
export interface LogBounds {
  /** Behind the end of the log, so that a node that was away briefly needs no snapshot. */
  readonly tailEntries: number;
  /** In memory; what is older is read from the disk. */
  readonly memoryEntriesMax: number;
  /** Between two places where the log may be cut. */
  readonly cutPointEntries: number;
  /** In one append, or one part of a tail that a voter hands over. */
  readonly appendEntriesMax: number;
}

/** {@linkcode StoredState} with what the state database has applied. */
export interface StoredLog extends StoredState {
  readonly applied: LogPosition;
}

/** See {@linkcode CoreOptions.chain}. */
export type Chain = (
  previous: string,
  index: Index,
  term: Term,
  body: EntryBody,
) => string;

/** A member as this node sees it. */
export interface MemberStatus {
  readonly member: Member;
  readonly voter: boolean;
  /** Heard of within T, not gone. */
  readonly reachable: boolean;
  /** Persisted up to here, as far as the leader knows; `null` elsewhere. */
  readonly matchIndex: Index | null;
  readonly incarnation: number | null;
}

/** What this node knows of itself and its cluster, for status and metrics. */
export interface CoreStatus {
  readonly role: Role;
  readonly term: Term;
  /** `null` also once the one that was followed is suspected, or sends no appends. */
  readonly leader: NodeId | null;
  readonly lastIndex: Index;
  readonly commitIndex: Index;
  readonly appliedIndex: Index;
  readonly ready: boolean;
  readonly certain: boolean;
  readonly livesByLastResort: boolean;
  /** Whom it misses since then: it ends once they are back, or removed. */
  readonly missing: readonly Member[];
  /** How many more faults the cluster survives right now. */
  readonly tolerates: number;
  readonly policy: Policy | null;
  readonly members: readonly MemberStatus[];
}
