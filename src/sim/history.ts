/**
 * What happened in a simulation, as plain data: the facts that the checkers judge. Nothing here
 * judges, and nothing says what was meant to happen.
 *
 * @module
 */

import type { Outcome, PlainCommand } from "../chat/command.ts";
import type { PortCall } from "./process.ts";
import type { Index, LogPosition, NodeId, Policy, Role, Term } from "../raft/types.ts";

/** A log entry without what it carries; a config's voters in rank order. */
export interface WrittenEntry extends LogPosition {
  readonly voters?: readonly NodeId[];
  /** True if the config carries a mark: a fork of the history (§7). */
  readonly marked?: boolean;
  /** Of a config: the term of the last parting that led to it, if any did: its side's name (§9). */
  readonly side?: string;
  /** Of a config with a side: who began that knew all up to here to be committed, if not more. */
  readonly sharedThrough?: Index;
}

/** One transaction of a node's log that reached its disk. */
export interface WrittenBatch {
  /** The log begins here now, with this config's voters. */
  readonly installed?: WrittenEntry;
  readonly truncateFrom?: Index;
  readonly promised?: Term;
  readonly entries: readonly WrittenEntry[];
  readonly commitIndex?: Index;
}

/** A message as a client got it. */
export interface SeenMessage {
  readonly id: string;
  readonly index: Index;
  /** Left out where that is not shown. */
  readonly acknowledged?: boolean;
}

/** What a client asked for. */
export type OperationBody =
  | {
    readonly kind: "send";
    readonly from: number;
    readonly to: number;
    readonly session: string;
  }
  /** To an account that is none of the users'. */
  | { readonly kind: "sendOutside"; readonly from: number }
  | { readonly kind: "acknowledge"; readonly user: number; readonly messageIds: readonly string[] }
  /** `session`: the one that is to end; the user asks in it, or in another one. */
  | { readonly kind: "logout"; readonly user: number; readonly session: string }
  /** `sessions`: those that the user knew of. */
  | { readonly kind: "logoutOfAll"; readonly user: number; readonly sessions: readonly string[] }
  | { readonly kind: "useSession"; readonly user: number; readonly session: string }
  | { readonly kind: "setAdminToken" }
  | { readonly kind: "login"; readonly user: number }
  | { readonly kind: "createAccount" | "deleteAccount"; readonly accountId: string }
  /** What the user received. */
  | {
    readonly kind: "read";
    readonly user: number;
    readonly accountId: string;
    readonly linearizable: boolean;
  }
  /** Who there is, as the user is told. */
  | {
    readonly kind: "users";
    readonly accountId: string;
    readonly linearizable: boolean;
  };

/** A fault as it was carried out. */
export interface InjectedFault {
  readonly kind: string;
  /** Whom it hit; none if it is the cluster's. */
  readonly nodes: readonly NodeId[];
  /** How long it lasts; 0 if it is over at once. */
  readonly ms: number;
}

/** A fact with its virtual time in ms. */
export type HistoryEvent = { readonly at: number } & HistoryFact;

export type HistoryFact =
  | { readonly kind: "started" | "left"; readonly node: NodeId }
  /** `during`: at which call to a port; `null` if between two events. */
  | { readonly kind: "crashed"; readonly node: NodeId; readonly during: PortCall | null }
  /** The node stopped itself, and nothing that was done to it says why. */
  | { readonly kind: "fatal"; readonly node: NodeId; readonly message: string }
  /** The node stopped itself, or refused to start, as it must: a fault gave it the reason. */
  | { readonly kind: "stopped"; readonly node: NodeId; readonly reason: string }
  | { readonly kind: "written"; readonly node: NodeId; readonly batches: readonly WrittenBatch[] }
  | {
    readonly kind: "role";
    readonly node: NodeId;
    readonly role: Role;
    readonly term: Term;
    readonly ready: boolean;
    /** What it knew to be committed then. */
    readonly commitIndex: Index;
  }
  /** A node was about to tell a candidate that it has its vote for this term. */
  | { readonly kind: "granted"; readonly node: NodeId; readonly term: Term }
  /** Entries that a node applied, with what came of each. */
  | {
    readonly kind: "applied";
    readonly node: NodeId;
    readonly entries: readonly (LogPosition & { readonly outcome: string | null })[];
    /** What it knew to be committed as it began; these entries may be a part of that only. */
    readonly commitIndex: Index;
  }
  /** A node was about to tell a client what came of its command. */
  | {
    readonly kind: "acknowledged";
    readonly node: NodeId;
    readonly requestId: string;
    readonly index: Index;
    readonly term: Term;
  }
  /** The node claims that no view without it can have been formed (§5). */
  | { readonly kind: "certain"; readonly node: NodeId }
  /**
   * The node would answer a linearizable read now, and an entry that was acknowledged is not on its
   * disk, or not applied.
   */
  | { readonly kind: "mayRead"; readonly node: NodeId; readonly appliedIndex: Index }
  | { readonly kind: "invoked"; readonly operation: number; readonly body: OperationBody }
  /** A client's command came to a node for the first time; each, if attempts differ (§8). */
  | { readonly kind: "requested"; readonly node: NodeId; readonly command: PlainCommand }
  /** A client got its answer to a mutation, at whatever attempt. */
  | {
    readonly kind: "answered";
    readonly operation: number;
    readonly requestId: string;
    readonly outcome: Outcome;
  }
  | {
    readonly kind: "readAnswered";
    readonly operation: number;
    readonly node: NodeId;
    readonly messages: readonly SeenMessage[];
  }
  /** Ids of the accounts that were shown. */
  | {
    readonly kind: "usersAnswered";
    readonly operation: number;
    readonly node: NodeId;
    readonly accounts: readonly string[];
  }
  /** A subscriber got a message; `stream` counts its connections. */
  | {
    readonly kind: "delivered";
    readonly user: number;
    readonly stream: number;
    readonly message: SeenMessage;
  }
  /** Two live nodes could not exchange a message within T, or were about to be unable to. */
  | { readonly kind: "partitioned" }
  | {
    readonly kind: "fault";
    readonly text: string;
    readonly node: NodeId | null;
    /** What was carried out; `null` if it was left out, or is only a remark. */
    readonly injected: InjectedFault | null;
  }
  /** A node takes a snapshot in, until it has switched to it or given it up. */
  | {
    readonly kind: "snapshot";
    readonly node: NodeId;
    readonly from: NodeId;
    readonly running: boolean;
  }
  /** A node that met the other side of a fork hands over to its leader, or does no longer (§9). */
  | {
    readonly kind: "handOver";
    readonly node: NodeId;
    readonly to: NodeId;
    readonly running: boolean;
  }
  /** What an operator asked for has come to an end; `node`: whom it was about. */
  | {
    readonly kind: "settled";
    readonly what: "transfer" | "remove";
    readonly node: NodeId | null;
  }
  /** No fault happens from here on; who is down comes back if it ever does. */
  | { readonly kind: "healed" }
  /** A write that began after the faults was accepted. */
  | { readonly kind: "accepted" }
  /** So was one that was asked of this node, when everybody had caught up. */
  | { readonly kind: "acceptedThrough"; readonly node: NodeId }
  | {
    readonly kind: "final";
    readonly node: NodeId;
    readonly appliedIndex: Index;
    readonly digest: string;
    readonly member: boolean;
    /** No member, and none that must come back by itself: removed, or cut off from all it knows. */
    readonly excused: boolean;
  };

/** A message as it is stored. */
export interface StoredMessage {
  readonly index: Index;
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly body: string;
  readonly sentAtMs: number;
}

/** What was decided, as one node's database has it at the end. */
export interface FinalState {
  readonly node: NodeId;
  readonly outcomes: ReadonlyMap<string, { readonly outcome: Outcome; readonly index: Index }>;
  /** All messages that were ever sent, by id: those to accounts that are deleted since, too. */
  readonly messages: ReadonlyMap<string, StoredMessage>;
  /** Messages by receiver. */
  readonly received: readonly (readonly SeenMessage[])[];
  /** By id: whether it is open. */
  readonly sessions: ReadonlyMap<string, boolean>;
  /** By id, of those that are open: when it ends unless it is used; `null`: not by itself. */
  readonly sessionEnds: ReadonlyMap<string, number | null>;
  readonly adminTokenHash: string | null;
  /** By id: whether it is there and not deleted. */
  readonly accounts: ReadonlyMap<string, boolean>;
  /** Ids of requests of a losing side that could not be applied, and have a record (§9). */
  readonly salvaged: ReadonlySet<string>;
  /** Ids of messages that are acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
}

/** A whole run. */
export interface History {
  readonly policy: Policy;
  readonly events: readonly HistoryEvent[];
  /** `null` if no node was left to ask. */
  readonly finals: readonly FinalState[];
  /** Operations that no client got an answer to, however often it asked. */
  readonly unanswered: number;
  /** Whether the policy promises that writes are accepted at the end. */
  readonly judgeLiveness: boolean;
}
