/**
 * The chat's rules in small, for the linearizability checker alone: accounts with unique names,
 * sessions, and messages in the order of their sending (§8). Written anew from the rules and not
 * from `src/chat`, so that a mistake there shows. It may know some accounts only: then whatever
 * rests on another one is as the client was told.
 *
 * @module
 */

import type { Outcome, PlainCommand } from "../../chat/command.ts";
import type { Index } from "../../raft/types.ts";
import type { SeenMessage } from "../history.ts";
import type { SearchedModel, SearchedOperation } from "./linearize.ts";

/** What a client asked, and what it was told. */
export type ChatStep =
  | {
    readonly kind: "command";
    readonly command: PlainCommand;
    /** `null`: nobody was told. It happened or not; if it did, it changed something. */
    readonly told: Outcome | null;
    /** Where the message of a sending lies in the log; `null` for anything else. */
    readonly index: Index | null;
    /** Of a new admin token: in whose place its attempts put it, whichever was decided first. */
    readonly replaces?: readonly (string | null)[];
    /** Of a logout of all: sessions at most that attempts of logins opened, and nobody knows. */
    readonly strays?: number;
  }
  | { readonly kind: "received"; readonly accountId: string; readonly told: readonly SeenMessage[] }
  | { readonly kind: "users"; readonly told: readonly string[] };

export type ChatOperation = ChatStep & SearchedOperation & {
  /** For people: what it was. */
  readonly label: string;
};

type Undo = () => void;
type CommandStep = Extract<ChatStep, { kind: "command" }>;
type CommandOf<K extends PlainCommand["kind"]> = Extract<PlainCommand, { kind: K }>;

/** What comes of a command here: the outcome as far as it is compared, and how it changes things. */
interface Decision {
  readonly result: string;
  readonly change?: () => Undo;
}

interface Account {
  readonly name: string;
  readonly passwordHash: string;
  live: boolean;
}

interface Session {
  readonly accountId: string;
  open: boolean;
}

interface Message {
  readonly id: string;
  readonly toAccountId: string;
  acknowledged: boolean;
}

const nothing: Undo = () => {};

/** The outcome as it is compared: without texts and times, which nobody promises. */
export function resultOf(outcome: Outcome): string {
  if (!outcome.ok) return outcome.reason;
  switch (outcome.kind) {
    case "logout":
      return `ok, ${outcome.revoked} revoked`;
    case "acknowledge":
      return `ok, ${outcome.acknowledged} acknowledged`;
    default:
      return "ok";
  }
}

/** The accounts of `knows`, and all that belongs to them. */
export class ChatModel implements SearchedModel<ChatStep> {
  readonly #knows: (accountId: string) => boolean;
  readonly #accounts = new Map<string, Account>();
  readonly #names = new Set<string>();
  readonly #sessions = new Map<string, Session>();
  readonly #messages = new Map<string, Message>();
  readonly #inboxes = new Map<string, Message[]>();
  #adminTokenHash: string | null = null;
  #lastIndex: Index = 0;

  constructor(knows: (accountId: string) => boolean = () => true) {
    this.#knows = knows;
  }

  /**
   * Whether a session is open may depend on the order: one ends others, and one begins late. So does
   * which admin token came last.
   */
  get key(): string {
    const open = [...this.#sessions].filter(([, { open }]) => open).map(([id]) => id).sort();
    return `${open.join()} ${this.#adminTokenHash}`;
  }

  step(step: ChatStep): Undo | null {
    switch (step.kind) {
      case "command":
        return this.#command(step);
      case "received":
        return this.#shows(step.accountId, step.told) ? nothing : null;
      case "users":
        return this.#lists(step.told) ? nothing : null;
    }
  }

  #command(step: CommandStep): Undo | null {
    const { result, change } = this.#decide(step);
    if (step.told === null) return change?.() ?? null;
    return result === resultOf(step.told) ? (change ?? (() => nothing))() : null;
  }

  #decide(step: CommandStep): Decision {
    const { command } = step;
    switch (command.kind) {
      case "createAccount":
        return this.#createAccount(command);
      case "login":
        return this.#login(command);
      case "renewSession":
        return this.#refused(step) ?? { result: "ok" };
      case "logout":
        return this.#refused(step) ?? this.#logout(command, step);
      case "deleteAccount":
        return this.#refused(step) ?? this.#deleteAccount(command);
      case "sendMessage":
        return this.#refused(step) ?? this.#send(command, step);
      case "acknowledge":
        return this.#refused(step) ?? this.#acknowledge(command);
      case "setAdminToken":
        return this.#setAdminToken(command, step);
    }
  }

  /** Of attempts that saw different tokens one may have come in time, or too late. */
  #setAdminToken(
    { tokenHash, replaces }: CommandOf<"setAdminToken">,
    { told, replaces: seen = [replaces] }: CommandStep,
  ): Decision {
    const before = this.#adminTokenHash;
    const isLate = told?.ok === false && seen.some((hash) => hash !== before);
    if (isLate || !seen.includes(before)) return { result: "PERMISSION_DENIED" };
    const change = () => {
      this.#adminTokenHash = tokenHash;
      return () => void (this.#adminTokenHash = before);
    };
    return { result: "ok", change };
  }

  #createAccount({ requestId, accountId, name, passwordHash }: CommandOf<"createAccount">) {
    const key = name.toLowerCase();
    if (accountId !== requestId) return { result: "INVALID_ARGUMENT" };
    if (this.#names.has(key)) return { result: "NAME_TAKEN" };
    const change = () => {
      this.#accounts.set(accountId, { name: key, passwordHash, live: true });
      this.#names.add(key);
      return () => {
        this.#accounts.delete(accountId);
        this.#names.delete(key);
      };
    };
    return { result: "ok", change };
  }

  #login({ accountId, sessionId, passwordHash }: CommandOf<"login">): Decision {
    const account = this.#accounts.get(accountId);
    if (account?.live !== true || account.passwordHash !== passwordHash) {
      return { result: "UNAUTHENTICATED" };
    }
    if (this.#sessions.has(sessionId)) return { result: "INTERNAL" };
    const change = () => {
      this.#sessions.set(sessionId, { accountId, open: true });
      return () => void this.#sessions.delete(sessionId);
    };
    return { result: "ok", change };
  }

  /** Why the author may not, or `null`. Of an author that is not known it is what was told. */
  #refused({ command, told }: CommandStep): Decision | null {
    if (!("sessionId" in command)) return null;
    const { accountId, sessionId } = command;
    if (!this.#knows(accountId)) {
      const refused = told?.ok === false && told.reason === "UNAUTHENTICATED";
      return refused ? { result: told.reason } : null;
    }
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return { result: "UNAUTHENTICATED" };
    if (session.accountId !== accountId) return { result: "PERMISSION_DENIED" };
    return session.open ? null : { result: "UNAUTHENTICATED" };
  }

  #logout(command: CommandOf<"logout">, step: CommandStep): Decision {
    const { accountId, sessionId, all, endedSessionId } = command;
    if (all) return this.#logoutOfAll(accountId, step);
    const named = this.#sessions.get(endedSessionId ?? sessionId);
    // Of another part of the accounts a session is not known here, and is none of the author's.
    if (named?.accountId !== accountId) return { result: "INVALID_ARGUMENT" };
    return named.open
      ? { result: "ok, 1 revoked", change: () => end([named]) }
      : { result: "ok, 0 revoked" };
  }

  #logoutOfAll(accountId: string, { told, strays = 0 }: CommandStep): Decision {
    const ended = this.#openOf(accountId);
    const counted = told?.ok && told.kind === "logout" ? told.revoked : ended.length;
    const holds = counted >= ended.length && counted <= ended.length + strays;
    const revoked = holds ? counted : ended.length;
    return { result: `ok, ${revoked} revoked`, change: () => end(ended) };
  }

  #deleteAccount({ accountId }: CommandOf<"deleteAccount">): Decision {
    const account = this.#accounts.get(accountId);
    if (account === undefined) return { result: "UNAUTHENTICATED" };
    const change = () => {
      const reopen = end(this.#openOf(accountId));
      account.live = false;
      this.#names.delete(account.name);
      return () => {
        reopen();
        account.live = true;
        this.#names.add(account.name);
      };
    };
    return { result: "ok", change };
  }

  #openOf(accountId: string): Session[] {
    return [...this.#sessions.values()].filter((one) => one.open && one.accountId === accountId);
  }

  #send({ requestId, toAccountId }: CommandOf<"sendMessage">, step: CommandStep): Decision {
    const { told, index } = step;
    const to = toAccountId ?? "";
    if (!this.#knows(to)) return { result: told === null ? "ok" : resultOf(told) };
    if (this.#accounts.get(to)?.live !== true) return { result: "NO_SUCH_USER" };
    // Positions are the order that clients are shown, so each is behind those before (§8).
    if (index === null || index <= this.#lastIndex) return { result: "out of order" };
    const change = () => {
      const before = this.#lastIndex;
      const message = { id: requestId, toAccountId: to, acknowledged: false };
      const inbox = this.#inboxes.get(to) ?? [];
      this.#inboxes.set(to, inbox);
      inbox.push(message);
      this.#messages.set(requestId, message);
      this.#lastIndex = index;
      return () => {
        inbox.pop();
        this.#messages.delete(requestId);
        this.#lastIndex = before;
      };
    };
    return { result: "ok", change };
  }

  #acknowledge({ accountId, messageIds }: CommandOf<"acknowledge">): Decision {
    const messages = [...new Set(messageIds)].flatMap((id) => this.#messages.get(id) ?? []);
    if (messages.some(({ toAccountId }) => toAccountId !== accountId)) {
      return { result: "PERMISSION_DENIED" };
    }
    const news = messages.filter(({ acknowledged }) => !acknowledged);
    const result = `ok, ${news.length} acknowledged`;
    if (news.length === 0) return { result };
    const mark = (acknowledged: boolean) => {
      for (const message of news) message.acknowledged = acknowledged;
    };
    const change = () => {
      mark(true);
      return () => mark(false);
    };
    return { result, change };
  }

  #shows(accountId: string, told: readonly SeenMessage[]): boolean {
    const live = this.#accounts.get(accountId)?.live === true;
    const inbox = live ? this.#inboxes.get(accountId) ?? [] : [];
    if (inbox.length !== told.length) return false;
    return told.every(({ id, acknowledged }, at) =>
      inbox[at]!.id === id && (acknowledged ?? inbox[at]!.acknowledged) === inbox[at]!.acknowledged
    );
  }

  #lists(told: readonly string[]): boolean {
    const known = told.filter((id) => this.#knows(id));
    const live = [...this.#accounts].filter(([, account]) => account.live);
    return live.length === known.length && known.every((id) => this.#accounts.get(id)?.live);
  }
}

function end(sessions: readonly Session[]): Undo {
  for (const session of sessions) session.open = false;
  return () => {
    for (const session of sessions) session.open = true;
  };
}
