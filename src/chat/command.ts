/**
 * The commands of the replicated state machine and what comes of them. A command names only
 * immutable ids and carries everything that is not deterministic, stamped by the leader
 * before it enters the log (DESIGN §4, §8). Types only: their byte form is in `codec.ts`.
 *
 * @module
 */

import type { Reason } from "../errors.ts";

/** Fields of every command. */
interface CommandBase {
  /** Made by the client; unique in the cluster; looked up before anything else. */
  readonly requestId: string;
  /**
   * Hash of the client's fields (the password apart): the same id with another fingerprint is
   * `REQUEST_ID_REUSED`.
   */
  readonly fingerprint: string;
  /** Leader's wall clock in ms; apply makes it non-decreasing. */
  readonly timeMs: number;
}

/** What clients ask for. Ids are UUID texts; `accountId` of an author comes from its session. */
export type ClientCommand =
  | (CommandBase & {
    readonly kind: "createAccount";
    /** Equals the request id. */
    readonly accountId: string;
    readonly name: string;
    /** scrypt with its parameters, as text. */
    readonly passwordHash: string;
  })
  | (CommandBase & {
    readonly kind: "login";
    readonly accountId: string;
    readonly sessionId: string;
    /** SHA-256 of the token, hex. */
    readonly tokenHash: string;
    /** The hash the password was checked against: apply refuses if the account's differs. */
    readonly passwordHash: string;
    /** How long the session lives without being used, ms; absent in older logs: for ever. */
    readonly idleMs?: number;
  })
  | (CommandBase & {
    /** The session was used: it lives so long from now on. */
    readonly kind: "renewSession";
    readonly accountId: string;
    readonly sessionId: string;
    readonly idleMs: number;
  })
  | (CommandBase & {
    readonly kind: "logout";
    readonly accountId: string;
    readonly sessionId: string;
    /** All sessions of the account, or just one. */
    readonly all: boolean;
    /** Which one, of the same account; absent: the author's. */
    readonly endedSessionId?: string;
  })
  | (CommandBase & {
    readonly kind: "deleteAccount";
    readonly accountId: string;
    readonly sessionId: string;
  })
  | (CommandBase & {
    readonly kind: "sendMessage";
    readonly accountId: string;
    readonly sessionId: string;
    /** The receiver's account, or `null` if the leader found none of that name. */
    readonly toAccountId: string | null;
    readonly body: string;
  })
  | (CommandBase & {
    readonly kind: "acknowledge";
    readonly accountId: string;
    readonly sessionId: string;
    /** Message ids, at most `limits.ackIdsMax`; "up to" was resolved by the leader. */
    readonly messageIds: readonly string[];
  });

/** What operators ask for: no account is its author, and whoever asks was checked by the node. */
export type OperatorCommand = CommandBase & {
  readonly kind: "setAdminToken";
  /** SHA-256 of the new token, hex. */
  readonly tokenHash: string;
  /** Hash of the token that it takes the place of: apply refuses if it is another by now. */
  readonly replaces: string | null;
};

/** What somebody asked for, once. */
export type PlainCommand = ClientCommand | OperatorCommand;

/**
 * A command of a side that lost a meeting (§9), proposed again by the winner's leader. Its request
 * id and fingerprint are those of the command in it.
 */
export type SalvagedCommand = CommandBase & {
  readonly kind: "salvaged";
  /** When its side accepted it; when its leader stamped it, if that side never decided it. */
  readonly timeMs: number;
  readonly command: PlainCommand;
  /** What its side answered; `null`: nothing, as far as the loser knows. */
  readonly outcome: Outcome | null;
  /**
   * Its side has since revoked the session that a login opened, or its receiver has acknowledged
   * the message: so it is here, whatever becomes of the requests that did it.
   */
  readonly ended?: true;
};

/** What the log holds. */
export type Command = PlainCommand | SalvagedCommand;

/** Where a command stands in the log. */
export interface EntryPlace {
  readonly index: number;
  readonly term: TermKey;
}

/** A term as the chat sees it: three values to compare for equality. */
export interface TermKey {
  readonly epoch: number;
  readonly number: number;
  readonly nodeId: string;
}

/** What came of a command; stored under its request id for ever, refusals too. */
export type Outcome =
  | { readonly ok: true; readonly kind: "createAccount"; readonly accountId: string }
  | { readonly ok: true; readonly kind: "login"; readonly sessionId: string }
  | {
    readonly ok: true;
    readonly kind: "renewSession";
    readonly sessionId: string;
    readonly usedAtMs: number;
    readonly expiresAtMs: number;
  }
  | { readonly ok: true; readonly kind: "logout"; readonly revoked: number }
  | { readonly ok: true; readonly kind: "deleteAccount" }
  | {
    readonly ok: true;
    readonly kind: "sendMessage";
    readonly messageId: string;
    readonly index: number;
    readonly term: TermKey;
    readonly acceptedAtMs: number;
  }
  | { readonly ok: true; readonly kind: "acknowledge"; readonly acknowledged: number }
  | { readonly ok: true; readonly kind: "setAdminToken" }
  | { readonly ok: false; readonly reason: Reason; readonly message: string };
