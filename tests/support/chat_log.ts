/**
 * Short ways to write down commands and logs for tests of the state machine. Ids are plain
 * words here: an account's is its name, a session's is `<name>-1`.
 *
 * @module
 */

import type { Command, Outcome, PlainCommand, SalvagedCommand } from "../../src/chat/command.ts";
import type { PlacedCommand } from "../../src/chat/evaluate.ts";

/** The term of every entry of a test's log. */
export const testTerm = { epoch: 0, number: 7, nodeId: "node-a" } as const;

/** When every command of a test was stamped, unless it says otherwise. */
export const testTimeMs = 1_700_000_000_000;

type Kind = PlainCommand["kind"];
type Fields<K extends Kind> = Omit<
  Extract<PlainCommand, { kind: K }>,
  "kind" | "requestId" | "fingerprint" | "timeMs"
>;

/** Fields that a test changes when they are what it is about. */
export interface BaseOverrides {
  readonly fingerprint?: string;
  readonly timeMs?: number;
}

function base(requestId: string, overrides: BaseOverrides) {
  return {
    requestId,
    fingerprint: overrides.fingerprint ?? `fields of ${requestId}`,
    timeMs: overrides.timeMs ?? testTimeMs,
  };
}

/** An account whose id is the request id; its password hash is `hash of <id>`. */
export function create(id: string, name = id, overrides: BaseOverrides = {}): PlainCommand {
  const fields = { accountId: id, name, passwordHash: `hash of ${id}` };
  return { kind: "createAccount", ...base(id, overrides), ...fields };
}

export function login(
  accountId: string,
  sessionId = `${accountId}-1`,
  overrides: BaseOverrides & Partial<Fields<"login">> & { readonly requestId?: string } = {},
): PlainCommand {
  return {
    kind: "login",
    ...base(overrides.requestId ?? `login ${sessionId}`, overrides),
    accountId,
    sessionId,
    tokenHash: overrides.tokenHash ?? `token of ${sessionId}`,
    passwordHash: overrides.passwordHash ?? `hash of ${accountId}`,
    ...overrides.idleMs === undefined ? {} : { idleMs: overrides.idleMs },
  };
}

/** An author: the account, with its first session unless another is named. */
export interface Author extends BaseOverrides {
  readonly by: string;
  readonly session?: string;
}

function authorOf({ by, session }: Author) {
  return { accountId: by, sessionId: session ?? `${by}-1` };
}

export function logout(
  requestId: string,
  author: Author & {
    readonly all?: boolean;
    /** The session that is named, if one is. */
    readonly ends?: string;
  },
): PlainCommand {
  const all = author.all ?? false;
  const named = author.ends === undefined ? {} : { endedSessionId: author.ends };
  return { kind: "logout", ...base(requestId, author), ...authorOf(author), all, ...named };
}

/** The author's session was used. */
export function renew(
  requestId: string,
  author: Author & { readonly idleMs: number },
): PlainCommand {
  const { idleMs } = author;
  return { kind: "renewSession", ...base(requestId, author), ...authorOf(author), idleMs };
}

export function remove(requestId: string, author: Author): PlainCommand {
  return { kind: "deleteAccount", ...base(requestId, author), ...authorOf(author) };
}

export function send(
  requestId: string,
  message: Author & { readonly to: string | null; readonly body?: string },
): PlainCommand {
  return {
    kind: "sendMessage",
    ...base(requestId, message),
    ...authorOf(message),
    toAccountId: message.to,
    body: message.body ?? `body of ${requestId}`,
  };
}

export function acknowledge(
  requestId: string,
  author: Author & { readonly ids: readonly string[] },
): PlainCommand {
  const messageIds = author.ids;
  return { kind: "acknowledge", ...base(requestId, author), ...authorOf(author), messageIds };
}

/** An admin token in the place of another; `token` stands for its hash. */
export function setAdminToken(
  requestId: string,
  token: string,
  over: { readonly replaces: string | null } & BaseOverrides,
): PlainCommand {
  const { replaces } = over;
  return { kind: "setAdminToken", ...base(requestId, over), tokenHash: token, replaces };
}

/** A command of a losing side, with what that side answered; accepted when it was stamped. */
export function salvaged(
  command: PlainCommand,
  outcome: Outcome | null,
  over: { readonly timeMs?: number; readonly ended?: true } = {},
): SalvagedCommand {
  const { requestId, fingerprint, timeMs } = command;
  return { kind: "salvaged", requestId, fingerprint, timeMs, command, outcome, ...over };
}

/** The commands one after another from an index on, 1 unless given. */
export function placed(commands: readonly Command[], firstIndex = 1): PlacedCommand[] {
  return commands.map((command, offset) => ({
    place: { index: firstIndex + offset, term: testTerm },
    command,
  }));
}

/** Accounts that exist and are logged in, two commands each. */
export function loggedIn(...names: readonly string[]): PlainCommand[] {
  return names.flatMap((name) => [create(name), login(name)]);
}
