/**
 * What a batch of commands sees and does, in memory: the rows it needs, read before, with the
 * effects of its own earlier commands on top, and the list of what must be written. Owns that
 * overlay; never runs SQL and never decides anything.
 *
 * @module
 */

import type { Outcome, SalvagedCommand, TermKey } from "./command.ts";

/** An account as far as commands look at it. */
export interface AccountState {
  readonly id: string;
  readonly name: string;
  readonly passwordHash: string;
  deletedAtMs: number | null;
}

/** An account that was made in this batch. */
export interface NewAccount extends AccountState {
  readonly createdAtMs: number;
}

/** A session as far as commands look at it. */
export interface SessionState {
  readonly id: string;
  readonly accountId: string;
  readonly createdAtMs: number;
  revokedAtMs: number | null;
  /** When it was last used, as far as the state was told; `null`: never. */
  usedAtMs: number | null;
  /** When it ends if it is not used; `null`: not by itself. */
  expiresAtMs: number | null;
}

/** A session that was opened in this batch. */
export interface NewSession extends SessionState {
  readonly tokenHash: string;
}

/** A message as far as acknowledging looks at it. */
export interface MessageState {
  readonly index: number;
  readonly toAccountId: string;
  acknowledged: boolean;
}

/** A message that was sent in this batch. */
export interface NewMessage extends MessageState {
  readonly id: string;
  readonly fromAccountId: string;
  readonly body: string;
  readonly sentAtMs: number;
  readonly term: TermKey;
}

/** A decided request. */
export interface RequestState {
  readonly requestId: string;
  readonly index: number;
  readonly fingerprint: string;
  readonly acceptedAtMs: number;
  readonly outcome: Outcome;
}

/** A salvaged command that could not be applied, as far as commands look at it. */
export interface SalvageState {
  readonly requestId: string;
  /** Two sides may have used one request id for two requests. */
  readonly fingerprint: string;
}

/** One that could not be applied in this batch. */
export interface NewSalvage extends SalvageState {
  readonly index: number;
  /** Why it could not be applied, in words for an operator. */
  readonly reason: string;
  readonly command: SalvagedCommand;
}

/** Rows by their ids, as the next command must see them. */
export interface BatchRows {
  readonly requests: Map<string, RequestState>;
  readonly accounts: Map<string, AccountState>;
  /** Name keys of live accounts. */
  readonly names: Set<string>;
  readonly sessions: Map<string, SessionState>;
  readonly messages: Map<string, MessageState>;
  /** By {@linkcode salvageKey}. */
  readonly salvage: Map<string, SalvageState>;
  /** SHA-256 of the admin token, hex; `null` if the cluster has none. */
  adminTokenHash: string | null;
  /** When the newest decided request was accepted: the clock of the state. */
  lastTimeMs: number;
  /** Whether messages of deleted accounts are still to be moved. */
  deletionsPending: boolean;
}

/** What is to be written, in the order in which it came about. */
export interface BatchChanges {
  readonly requests: RequestState[];
  readonly accounts: NewAccount[];
  /** At most one: a deletion begins a batch of its own (apply.ts). */
  deletion: { readonly index: number; readonly account: AccountState } | null;
  readonly sessions: NewSession[];
  /** Sessions that are revoked now. */
  readonly revoked: SessionState[];
  /** Sessions that were used. */
  readonly renewed: SessionState[];
  readonly messages: NewMessage[];
  /** Messages that are acknowledged now. */
  readonly acknowledged: MessageState[];
  readonly salvage: NewSalvage[];
  /** The admin token that is set now; the last one of the batch. */
  adminToken: { readonly tokenHash: string; readonly setAtMs: number } | null;
}

/** A batch under evaluation. */
export interface Batch {
  readonly rows: BatchRows;
  readonly changes: BatchChanges;
}

/** A batch that has read and done nothing yet. */
export function emptyBatch(): Batch {
  return {
    rows: {
      requests: new Map(),
      accounts: new Map(),
      names: new Set(),
      sessions: new Map(),
      messages: new Map(),
      salvage: new Map(),
      adminTokenHash: null,
      lastTimeMs: 0,
      deletionsPending: false,
    },
    changes: noChanges(),
  };
}

/** What a batch that has done nothing yet has changed. */
export function noChanges(): BatchChanges {
  return {
    requests: [],
    accounts: [],
    deletion: null,
    sessions: [],
    revoked: [],
    renewed: [],
    messages: [],
    acknowledged: [],
    salvage: [],
    adminToken: null,
  };
}

/** Under which a salvage record is found. */
export function salvageKey({ requestId, fingerprint }: SalvageState): string {
  return `${requestId} ${fingerprint}`;
}

/** Stores the first outcome of a request; so the clock is the newest stored request's time. */
export function storeRequest({ rows, changes }: Batch, request: RequestState): void {
  rows.requests.set(request.requestId, request);
  changes.requests.push(request);
  rows.lastTimeMs = request.acceptedAtMs;
}
