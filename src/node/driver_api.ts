/**
 * What the services of a node need from its driver: proposing commands, waiting until
 * something is applied, hearing of applies and roles, and membership. Owns only the interface;
 * `driver.ts` implements it over the core and the ports, tests over an in-memory fake.
 *
 * @module
 */

import type { Command, Outcome } from "../chat/command.ts";
import type { CoreStatus, Refusal } from "../raft/io.ts";
import type { Message } from "../raft/message.ts";
import type { Index, LogPosition, Member, NodeId, Role, Term } from "../raft/types.ts";
import type { HandOverAnswer, HandOverAsk } from "../rpc/peer_api.ts";
import type { DriverQueues } from "./measures.ts";
import type { AppliedMessage } from "./ports.ts";

/** A command that is applied on this node, with its place in the log and what came of it. */
export interface Proposed {
  readonly outcome: Outcome;
  readonly index: Index;
  readonly term: Term;
}

/** A change of role, term, leader or readiness. */
export interface RoleChange {
  readonly role: Role;
  readonly term: Term;
  /** `null` also once the one that was followed is suspected, or sends no appends. */
  readonly leader: NodeId | null;
  /** A voter of a config it knows to be committed, and certain (§1). */
  readonly ready: boolean;
}

/**
 * Called after each apply, when the state database already shows it. Must not throw. `outcomes`
 * is `null` after a snapshot was switched to: then anything may have changed.
 */
export type AppliedListener = (
  messages: readonly AppliedMessage[],
  applied: LogPosition,
  outcomes: ReadonlyMap<Index, Outcome> | null,
) => void;

/** Called after each change of role, term, leader or readiness. Must not throw. */
export type RoleListener = (change: RoleChange) => void;

/** The one host of the core, as the services of its node see it. */
export interface NodeDriver {
  /** Loads the core, starts ticking; resolves once inputs are taken. */
  start(): Promise<void>;
  /** Stops at once: pending proposals fail with `LEADERSHIP_LOST`, waits with `SHUTTING_DOWN`. */
  close(): Promise<void>;
  /**
   * Appends a command and resolves once it is applied here. Proposals of one turn of the event
   * loop reach the core together. Throws `ChatError`: `NOT_LEADER` (with the leader's client
   * address), `NO_LEADER`, `OVERLOADED`, `DISK_FULL` (it did not happen), or `LEADERSHIP_LOST`,
   * `COMMIT_TIMEOUT` (it may have).
   */
  propose(command: Command): Promise<Proposed>;
  /**
   * A linearizable read point: once it resolves, the state as applied here is new enough (§8).
   * At once if the core can read, else after a short wait. Throws `NOT_LEADER`, `NO_LEADER`.
   */
  readIndex(): Promise<void>;
  /** Resolves once `index` is applied here; throws `NOT_UP_TO_DATE` at the deadline (wall, ms). */
  waitApplied(index: Index, deadlineMs: number): Promise<void>;
  /** What this node knows to be committed; also in the status, which takes longer to make. */
  commitIndex(): Index;
  status(): CoreStatus;
  queues(): DriverQueues;
  /** Newest entry whose effects the state database shows. */
  appliedPosition(): LogPosition;
  /** Term of an index on this log (also below the base), else `null`. */
  termAt(index: Index): Term | null;
  /** The result removes the listener. */
  onApplied(listener: AppliedListener): () => void;
  /** The result removes the listener. */
  onRole(listener: RoleListener): () => void;
  /** A member that asks by rpc to be taken in; `null`: the leader works on it. */
  join(member: Member): Promise<Refusal | null>;
  /** Hands over, leaves, and resolves once the cluster goes on without this node (§6). */
  leave(): Promise<void>;
  /** Throws `ChatError` where it is refused. `null`: to whom the core likes best. */
  transfer(to: NodeId | null): Promise<void>;
  /** `admin remove`. Throws `ChatError` where it is refused. */
  remove(id: NodeId): Promise<void>;
  /**
   * A step of a hand-over by a node of another side (§9), on the leader. Throws `NOT_LEADER`,
   * `NO_LEADER`, `OVERLOADED`, or what a proposal throws.
   */
  takeOver(
    ask: Omit<HandOverAsk, "clusterId" | "nodeId">,
  ): Promise<HandOverAnswer>;
  /** A message from a peer; older incarnations are dropped by the core. */
  receive(from: NodeId, incarnation: number, message: Message): void;
  /** One attempt to connect to the peer was refused while its link is down (§5). */
  peerRefused(id: NodeId): void;
}
