/**
 * What the simulator needs of a replicated state beyond the state store port: to survive the
 * crash of a process in part, and to be looked at by checkers.
 *
 * @module
 */

import type { Outcome, TermKey } from "../chat/command.ts";
import type { StateStore } from "../node/ports.ts";
import type { Base, Index } from "../raft/types.ts";
import type { StoredMessage } from "./history.ts";

/** A message as its receiver sees it. */
export interface ReceivedMessage {
  readonly id: string;
  readonly index: Index;
  readonly term: TermKey;
  readonly acknowledged: boolean;
}

/** Reads for simulated clients and for checkers, of the newest applied state. */
export interface StateView {
  /** What a live account received behind an index, in log order. */
  received(accountId: string, after?: Index): Promise<readonly ReceivedMessage[]>;
  /** All messages by id, those to deleted accounts too. */
  messages(): Promise<ReadonlyMap<string, StoredMessage>>;
  /** Every decided request with its first outcome, by request id. */
  outcomes(): Promise<ReadonlyMap<string, { readonly outcome: Outcome; readonly index: Index }>>;
  /** By id the sessions that are not revoked, with when each ends unless it is used (ms). */
  openSessions(): Promise<ReadonlyMap<string, number | null>>;
  adminTokenHash(): Promise<string | null>;
  /** Ids of the accounts that are not deleted. */
  openAccounts(): Promise<ReadonlySet<string>>;
  /** Ids of the requests of a losing side that could not be applied, and have a record (§9). */
  salvaged(): Promise<ReadonlySet<string>>;
}

/** A state store that outlives the process which uses it. */
export interface SimState extends StateStore {
  readonly view: StateView;
  /**
   * Before the next process: what a power cut takes away is gone, and a switch to a snapshot
   * that is on the log's disk is carried out (§6.4).
   */
  recover(options: { readonly powerCut: boolean; readonly base: Base }): Promise<void>;
}
