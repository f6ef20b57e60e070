/**
 * The operations of a history as the linearizability checker searches an order for them. Owns
 * what is one operation (a request with all its retries; each attempt of a login), when it may
 * have taken effect, and what of the history a part of the accounts sees; judges nothing.
 *
 * @module
 */

import type { Outcome, PlainCommand } from "../../chat/command.ts";
import type { Index } from "../../raft/types.ts";
import type { History, HistoryEvent } from "../history.ts";
import { type ChatOperation, type ChatStep, resultOf } from "./chat_model.ts";

/** A request as its client knows it. Times are places in the history. */
interface Request {
  /** Each as it came to a node: of attempts that differ (§8) all, else the first. */
  readonly commands: { readonly command: PlainCommand; readonly start: number }[];
  told: Outcome | null;
  end: number;
  /** Where in the log its first entry lies, as far as anybody was told. */
  hint: Index;
}

interface Read {
  readonly body: Extract<HistoryEvent, { kind: "invoked" }>["body"] & { kind: "read" | "users" };
  readonly start: number;
  /** Requests that took effect before what it shows, for the client had seen that. */
  readonly seen: readonly string[];
}

/** What one user's client has seen: a read that names its position shows no less (§8). */
class Floors {
  readonly #seen = new Map<string, string[]>();

  raise(accountId: string, ...requestIds: string[]): void {
    this.#seen.set(accountId, [...this.of(accountId), ...requestIds]);
  }

  of(accountId: string): readonly string[] {
    return this.#seen.get(accountId) ?? [];
  }
}

/** Reads a history once, in order. */
class Collector {
  readonly requests = new Map<string, Request>();
  readonly #reads = new Map<number, Read>();
  readonly #floors = new Floors();
  /** Places of messages that somebody was shown, or may have noticed otherwise. */
  readonly shown: Map<string, Index>;
  readonly answered: {
    readonly read: Read;
    readonly step: ChatStep;
    readonly end: number;
    readonly label: string;
  }[] = [];
  /** Requests whose clients were told two different things. */
  readonly contradicted: string[] = [];

  constructor(stored: ReadonlyMap<string, Index>) {
    this.shown = new Map(stored);
  }

  take(event: HistoryEvent, at: number): void {
    switch (event.kind) {
      case "requested":
        return this.#requested(event, at);
      case "acknowledged":
        return this.#acknowledged(event);
      case "answered":
        return this.#answered(event, at);
      case "invoked":
        return this.#invoked(event, at);
      case "delivered":
        return void this.shown.set(event.message.id, event.message.index);
      case "readAnswered":
      case "usersAnswered":
        return this.#readAnswered(event, at);
      default:
        return;
    }
  }

  #requested(event: HistoryEvent & { kind: "requested" }, start: number): void {
    const { command } = event;
    const { requestId } = command;
    const fresh: Request = { commands: [], told: null, end: Infinity, hint: Infinity };
    const request = this.requests.get(requestId) ?? fresh;
    this.requests.set(requestId, request);
    request.commands.push({ command, start });
  }

  #acknowledged({ requestId, index }: HistoryEvent & { kind: "acknowledged" }): void {
    const request = this.requests.get(requestId);
    if (request !== undefined && request.told === null) {
      request.hint = request.commands[0]!.command.kind === "login"
        ? index
        : Math.min(request.hint, index);
    }
  }

  #answered({ requestId, outcome }: HistoryEvent & { kind: "answered" }, end: number): void {
    const request = this.requests.get(requestId);
    if (request === undefined) return;
    if (request.told !== null) {
      if (resultOf(request.told) !== resultOf(outcome)) this.contradicted.push(requestId);
      return;
    }
    request.told = outcome;
    request.end = end;
    const { command } = request.commands[0]!;
    if (command.kind !== "setAdminToken") this.#floors.raise(command.accountId, requestId);
  }

  #invoked({ operation, body }: HistoryEvent & { kind: "invoked" }, start: number): void {
    if (body.kind !== "read" && body.kind !== "users") return;
    // One at session consistency may show what was long ago, but nothing older than was seen.
    const seen = body.linearizable ? [] : [...this.#floors.of(body.accountId)];
    const begins = body.linearizable ? start : -Infinity;
    this.#reads.set(operation, { body, start: begins, seen });
  }

  #readAnswered(
    event: HistoryEvent & { kind: "readAnswered" | "usersAnswered" },
    end: number,
  ): void {
    const read = this.#reads.get(event.operation);
    if (read === undefined) return;
    const { accountId } = read.body;
    const by = `by ${event.node} to operation ${event.operation}`;
    if (event.kind === "usersAnswered") {
      const step: ChatStep = { kind: "users", told: event.accounts };
      const label = `the users {${event.accounts}}, shown ${by}`;
      this.answered.push({ read, step, end, label });
      return;
    }
    for (const { id, index } of event.messages) this.shown.set(id, index);
    this.#floors.raise(accountId, ...event.messages.map(({ id }) => id));
    const step: ChatStep = { kind: "received", accountId, told: event.messages };
    const label = `the ${event.messages.length} messages of ${accountId}, shown ${by}`;
    this.answered.push({ read, step, end, label });
  }
}

/**
 * All operations of a history that an order must be found for, and contradictions seen on the way.
 * `stored`: where messages lie in the log, by id, though maybe nobody was shown them there.
 */
export function operationsOf(history: History, stored: ReadonlyMap<string, Index> = new Map()): {
  readonly operations: readonly ChatOperation[];
  readonly contradicted: readonly string[];
} {
  const collector = new Collector(stored);
  history.events.forEach((event, at) => collector.take(event, at));
  const operations: ChatOperation[] = [];
  const places = new Map<string, number>();
  for (const [requestId, request] of collector.requests) {
    // Where it was decided first, if a node can say so: an answer may be of a later attempt.
    const decided = history.finals.map(({ outcomes }) => outcomes.get(requestId)?.index)
      .find((index) => index !== undefined);
    if (decided !== undefined && request.commands[0]!.command.kind !== "login") {
      request.hint = decided;
    }
    const operation = commandOperation(request, collector.shown.get(requestId) ?? null);
    if (operation === null) continue;
    places.set(requestId, operations.length);
    operations.push({ ...operation, ...straysOf(request, collector.requests) });
  }
  for (const { read, step, end, label } of collector.answered) {
    const after = read.seen.flatMap((id) => places.get(id) ?? []);
    operations.push({ ...step, start: read.start, end, after, pure: true, hint: 0, label });
  }
  return { operations: inLogOrder(operations), contradicted: collector.contradicted };
}

/**
 * Messages take effect in the order of their places in the log (`chat_model.ts`), so each that was
 * confirmed waits for the one before it. The search would find that out, at length.
 */
function inLogOrder(operations: readonly ChatOperation[]): readonly ChatOperation[] {
  const indexOf = (place: number) => {
    const operation = operations[place]!;
    return operation.kind === "command" && !operation.pure ? operation.index : null;
  };
  const placed = operations.flatMap((_, place) => indexOf(place) === null ? [] : [place])
    .sort((one, other) => indexOf(one)! - indexOf(other)!);
  const ordered = [...operations];
  let previous: number | null = null;
  for (const place of placed) {
    const operation = operations[place]!;
    if (previous !== null) ordered[place] = { ...operation, after: [...operation.after, previous] };
    if (operation.end < Infinity) previous = place;
  }
  return ordered;
}

/** `null` for what nobody was told of and nobody can have noticed: it need not have happened. */
function commandOperation(request: Request, shown: Index | null): ChatOperation | null {
  const { told, end, hint } = request;
  const first = request.commands[0]!;
  const chosen = told?.ok === true && told.kind === "login"
    ? request.commands.find(({ command }) =>
      command.kind === "login" && command.sessionId === told.sessionId
    )
    : first;
  const { command, start } = chosen ?? first;
  const index = told?.ok === true && told.kind === "sendMessage" ? told.index : shown;
  if (told === null && (command.kind === "login" || command.kind === "sendMessage")) {
    // Nobody knows the session's token; and whoever reads after the message would be shown it.
    if (command.kind === "login" || index === null) return null;
  }
  const place = index ?? hint;
  const label = `${command.kind} (${command.requestId}), told ` +
    (told === null ? "nothing" : resultOf(told));
  const replaces = request.commands.flatMap(({ command: one }) =>
    one.kind === "setAdminToken" ? [one.replaces] : []
  );
  return {
    kind: "command",
    command,
    told,
    index,
    start,
    end,
    after: [],
    pure: changesNothing(told),
    hint: place,
    label,
    ...replaces.length === 0 ? {} : { replaces },
  };
}

/** How many sessions nobody knows of that a logout of all may have found open. */
function straysOf(
  { commands, end }: Request,
  requests: ReadonlyMap<string, Request>,
): { readonly strays?: number } {
  const { command: logout } = commands[0]!;
  if (logout.kind !== "logout" || !logout.all) return {};
  let strays = 0;
  for (const { commands, told } of requests.values()) {
    const known = told?.ok && told.kind === "login" ? told.sessionId : null;
    for (const { command, start } of commands) {
      if (command.kind !== "login" || command.accountId !== logout.accountId) continue;
      if (start < end && command.sessionId !== known) strays += 1;
    }
  }
  return { strays };
}

function changesNothing(told: Outcome | null): boolean {
  if (told === null) return false;
  if (!told.ok || told.kind === "renewSession") return true;
  return (told.kind === "acknowledge" && told.acknowledged === 0) ||
    (told.kind === "logout" && told.revoked === 0);
}

/** Accounts that share a name over time, which couples them; each list is one part. */
export function partsOf(operations: readonly ChatOperation[]): readonly ReadonlySet<string>[] {
  const byName = new Map<string, Set<string>>();
  for (const operation of operations) {
    if (operation.kind !== "command" || operation.command.kind !== "createAccount") continue;
    const { name, accountId } = operation.command;
    const part = byName.get(name.toLowerCase()) ?? new Set();
    byName.set(name.toLowerCase(), part.add(accountId));
  }
  return [...byName.values()];
}

/** What a part of the accounts sees of all operations: an order of all is one of these, too. */
export function projected(
  operations: readonly ChatOperation[],
  part: ReadonlySet<string>,
): readonly ChatOperation[] {
  const places = new Map<number, number>();
  const kept: ChatOperation[] = [];
  operations.forEach((operation, place) => {
    const one = seenFrom(operation, part);
    if (one === null) return;
    places.set(place, kept.length);
    kept.push(one);
  });
  return inLogOrder(kept.map((operation) => ({
    ...operation,
    after: operation.after.flatMap((place) => places.get(place) ?? []),
  })));
}

function seenFrom(operation: ChatOperation, part: ReadonlySet<string>): ChatOperation | null {
  if (operation.kind === "users") return operation;
  if (operation.kind === "received") return part.has(operation.accountId) ? operation : null;
  const { command, told } = operation;
  // It may rest on a session or a message of another part.
  if (told?.ok === false && told.reason === "PERMISSION_DENIED") return null;
  if (command.kind === "setAdminToken") return null;
  const own = part.has(command.accountId);
  if (command.kind !== "sendMessage") return own ? operation : null;
  if (part.has(command.toAccountId ?? "")) return operation;
  // What its author sees of it is only whether the session was open.
  return own && told !== null ? { ...operation, pure: true } : null;
}
