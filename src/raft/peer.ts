/**
 * What this node remembers of one other node: what it granted to it and was granted by it,
 * whether it is gone, and, while this node leads, how far its log is. Times are in ms of the
 * clock that each field names (§2, §5). Data only; the rules are in `lease.ts`, `certainty.ts`
 * and `replication.ts`.
 *
 * @module
 */

import type { Index, NodeId, Side, Term } from "./types.ts";

/** How far a follower's log is, as its leader knows it. */
export interface Progress {
  /** Persisted by the peer up to here, in this term. */
  match: Index;
  /** Next index to send. */
  next: Index;
  /** False until one append was accepted: then appends are pipelined. */
  streaming: boolean;
  /** Last index of each append on its way, oldest first. */
  inFlight: Index[];
  /** Where the last refusal made it begin again; 0 once something was accepted. */
  refusedAt: Index;
  /** Refused at one place twice in a row: the next append waits for its heartbeat. */
  waits: boolean;
  /** Mono ms of the last append sent. */
  sentAt: number;
  /** Mono ms of the last answer that moved something. */
  movedAt: number;
  /** Commit index last told. */
  toldCommit: Index;
  /** Up to here the peer knows what is committed, by its answers. */
  knownCommit: Index;
  /** Request number of a log read on its way for this peer, else 0. */
  reading: number;
  /** Index of the snapshot that the peer is installing; the log is kept from there. */
  snapshotIndex: Index;
  /** True while the peer was told to fetch a snapshot and has not answered with progress. */
  needsSnapshot: boolean;
}

export interface Peer {
  readonly id: NodeId;
  /** Highest start of it that was heard of. */
  incarnation: number;

  /** Granter's side: this node's grant to it is live until here (slow clock). */
  grantUntil: number;
  /** Mono ms of the first refused connection since its last message, else `null`. */
  firstRefusal: number | null;
  /** Link down and refused twice: its process is dead (§5). */
  gone: boolean;
  /** This node's last vote for it by last resort, with its slow ms: what comes of it is on its way. */
  lastResort: { readonly term: Term; readonly at: number } | null;

  /** Asker's side: sending time (fast) of the newest ping that it answered with a grant. */
  grantedAt: number;
  /** When it was found gone (fast), else `null`. */
  foundGoneAt: number | null;
  /** Whether this node was awake from `grantedAt` to that finding. */
  awakeToFinding: boolean;
  /** It answered "you are not a voter", and nothing newer has cleared that. */
  deniesVoter: boolean;
  /** Sending time (fast) of the newest ping that it answered so. */
  deniedAt: number;
  /** Sending time (fast) of the newest ping that it answered at all. */
  answeredPingAt: number;
  /** Arrival (fast) of its newest answer: how long it has been silent. */
  answeredAt: number;
  /** Slow ms of its first ping since its newest answer, or since it was silent; else infinite. */
  unansweredSince: number;
  /** Sending time (fast) of the newest ping that it, following this leader, answered as certain. */
  certainAt: number;
  /** Sending time (fast) of the newest granted ping whose answer carried the term led here. */
  readLeaseAt: number;

  /** Slow ms of its last message, or of its joining. */
  heardAt: number;
  /** Slow ms of its last ping: who pings is pinged back. */
  pingedAt: number;
  /** Whether its last ping asked for a lease. */
  asksLease: boolean;
  /** The term it says it leads, in its last ping; `null` if it says that it does not lead. */
  leads: Term | null;
  /** The side of a fork that it leads, by its last ping, else `null` (§9). */
  side: Side | null;
  /** The term of this node in which it said, in its last ping, that it cannot follow it (§6). */
  cannotFollow: Term | null;
  /** The highest term in which it said, in a ping, that it does not lead; `null` if never. */
  gaveUpTerm: Term | null;
  /** Highest term that it is known to have promised. */
  promised: Term | null;

  /** Times that it was made a voter by this leader: backs off one that keeps falling out. */
  promotions: number;
  /** Mono ms before which it is not made a voter. */
  promoteAfter: number;
  progress: Progress;
}

export function newPeer(id: NodeId, grantUntil: number): Peer {
  return {
    id,
    incarnation: 0,
    grantUntil,
    firstRefusal: null,
    gone: false,
    lastResort: null,
    grantedAt: -Infinity,
    foundGoneAt: null,
    awakeToFinding: false,
    deniesVoter: false,
    deniedAt: -Infinity,
    answeredPingAt: -Infinity,
    answeredAt: -Infinity,
    unansweredSince: Infinity,
    certainAt: -Infinity,
    readLeaseAt: -Infinity,
    heardAt: -Infinity,
    pingedAt: -Infinity,
    asksLease: false,
    leads: null,
    side: null,
    cannotFollow: null,
    gaveUpTerm: null,
    promised: null,
    promotions: 0,
    promoteAfter: 0,
    progress: newProgress(1),
  };
}

export function newProgress(next: Index): Progress {
  return {
    match: 0,
    next,
    streaming: false,
    inFlight: [],
    refusedAt: 0,
    waits: false,
    sentAt: -Infinity,
    movedAt: -Infinity,
    toldCommit: 0,
    knownCommit: 0,
    reading: 0,
    snapshotIndex: 0,
    needsSnapshot: false,
  };
}
