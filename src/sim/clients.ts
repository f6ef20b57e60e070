/**
 * The clients of a simulation: each user sends, reads, acknowledges, renews its session, and
 * repeats with the same request id, on whichever node answers, until it knows what came of it
 * (§8). Owns what clients remember; the nodes' side is `sim_service.ts`.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { Outcome, PlainCommand } from "../chat/command.ts";
import type { ChatError } from "../errors.ts";
import type { Proposed } from "../node/driver_api.ts";
import { author, type CommandFields, sending } from "./client_commands.ts";
import { callNode, pause } from "./client_calls.ts";
import { ClientRaces, type SendOptions, type User } from "./client_races.ts";
import { ClientReads } from "./client_reads.ts";
import type { Cluster } from "./cluster.ts";
import type { OperationBody } from "./history.ts";
import type { Operation } from "./scenario.ts";
import type { SimNode } from "./sim_node.ts";
import { proposeCommand } from "./sim_service.ts";
import { Subscriber } from "./subscriber.ts";

/** A client waits this long before it tries again, ms: `high` doubles with each failure, to `max`. */
const RETRY_MS = { low: 20, high: 120, max: 960 };

/** All users of a run. */
export class Clients {
  readonly #cluster: Cluster;
  readonly #random;
  readonly #users: readonly User[];
  readonly #reads: ClientReads;
  /** Who was the leader when somebody last heard of it. */
  #hint: SimNode | null = null;
  #turn = 0;
  #operations = 0;
  #open = 0;
  #closed = false;
  readonly #races: ClientRaces;
  /** Ids of accounts that were made to be deleted. */
  readonly visitors: string[] = [];
  /** Requests that have come to a node. */
  readonly #requested = new Set<string>();
  /** How often each kind of operation was begun that puts several at once. */
  readonly counts = new Map<string, number>();
  /** Ids of messages between users that were accepted, as their senders know. */
  readonly confirmed = new Set<string>();

  constructor(cluster: Cluster, users: number) {
    this.#cluster = cluster;
    this.#random = cluster.world.random.fork("clients");
    this.#reads = new ClientReads(cluster, (body) => this.#invoke(body));
    this.#users = Array.from(
      { length: users },
      (_, number) => this.#newUser(number, `account-${number}`),
    );
    this.#races = new ClientRaces({
      user: (number) => this.#user(number),
      send: (from, to, options) => this.#send(from, to, options),
      sendOutside: (from, accountId) => this.#sendOutside(from, accountId),
      createAccount: (accountId) => this.#createAccount(accountId),
      logout: (user) => this.#logout(user),
      login: (user) => this.#login(user),
      visit: (during) => this.#visit(during),
    });
  }

  /** Operations that have no answer yet. */
  get open(): number {
    return this.#open;
  }

  get subscribers(): readonly Subscriber[] {
    return this.#users.map(({ subscriber }) => subscriber);
  }

  accountOf(user: number): string {
    return this.#user(user).accountId;
  }

  /** Ids of all sessions that were opened so far. */
  get sessions(): readonly string[] {
    return this.#users.flatMap(({ sessions }) => sessions);
  }

  /** Makes all accounts and their first sessions, and begins to listen. */
  async begin(): Promise<void> {
    await Promise.all(this.#users.map(async (user) => {
      await this.#mutate(user.accountId, (fields) => ({
        ...fields,
        kind: "createAccount",
        accountId: user.accountId,
        name: `user${user.number}`,
        passwordHash: "hash",
      }));
      await this.#login(user);
      user.subscriber.start();
    }));
  }

  close(): void {
    this.#closed = true;
    for (const { subscriber } of this.#users) subscriber.close();
  }

  /** Begins an operation of a scenario; it goes on until it is answered or the run ends. */
  begins(operation: Operation): void {
    // What it waits for may be there already.
    this.#cluster.world.wake();
    void this.#perform(operation);
  }

  /** A write, to see whether writes are decided. True once it is, be it refused. */
  async write(): Promise<boolean> {
    return await this.#send(this.#user(0), this.#user(1)) !== null;
  }

  /**
   * A write through one node alone: it takes it, or names the leader that does. True once it is
   * decided; false if the node ends before.
   */
  async writeThrough(node: SimNode): Promise<boolean> {
    const [from, to] = [this.#user(0), this.#user(1)];
    const { session } = from;
    const operation = this.#invoke({ kind: "send", from: from.number, to: to.number, session });
    const requestId = `request-${operation}`;
    const command = sending(from, { session, toAccountId: to.accountId });
    const ask = (asked: SimNode) =>
      callNode(this.#cluster.world, { node: asked }, (one) => {
        const timeMs = one.clock!.wall();
        return this.#propose(one, command({ requestId, fingerprint: requestId, timeMs }));
      });
    while (!this.#closed && node.alive) {
      const first = await ask(node);
      const leader = first.kind === "error" ? this.#leaderNamed(first.error) : null;
      const result = leader === null ? first : await ask(leader);
      if (result.kind === "answer") {
        const { outcome } = result.value;
        this.#cluster.recorder.fact({ kind: "answered", operation, requestId, outcome });
        if (outcome.ok) this.confirmed.add(requestId);
        return true;
      }
      await pause(this.#cluster.world, RETRY_MS.high);
    }
    return false;
  }

  /** Every user reads once more, at the leader: what is there in the end. */
  async readAll(): Promise<void> {
    const where = { linearizable: true, node: 0 };
    await Promise.all(this.#users.map((user) => this.#reads.perform(user, where)));
  }

  async #perform(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "send":
        await this.#send(this.#user(operation.from), this.#user(operation.to));
        return;
      case "acknowledge":
        return await this.#acknowledge(this.#user(operation.user));
      case "renewSession":
        return await this.#renewSession(this.#user(operation.user));
      case "visit":
        return await this.#visit();
      case "read":
        return await this.#reads.perform(this.#user(operation.user), operation);
      case "moveSubscriber":
        return this.#user(operation.user).subscriber.move(operation.node);
      default:
        this.counts.set(operation.kind, (this.counts.get(operation.kind) ?? 0) + 1);
        return await this.#races.perform(operation);
    }
  }

  #user(number: number): User {
    return this.#users[number % this.#users.length]!;
  }

  async #send(from: User, to: User, options: SendOptions = {}): Promise<Outcome | null> {
    const { session = from.session, twice = false } = options;
    const operation = this.#invoke({ kind: "send", from: from.number, to: to.number, session });
    const command = sending(from, { session, toAccountId: to.accountId });
    // Two nodes are asked at once: whoever answers first, both say the same.
    const attempts = twice ? [this.#turn, this.#turn + 1] : [null];
    const outcomes = await Promise.all(
      attempts.map((firstAsked) => this.#answer(operation, from, command, { firstAsked })),
    );
    const accepted = outcomes.some((outcome) => outcome?.ok === true);
    if (accepted) this.confirmed.add(`request-${operation}`);
    return outcomes[0]!;
  }

  async #sendOutside(from: User, accountId: string): Promise<void> {
    const operation = this.#invoke({ kind: "sendOutside", from: from.number });
    const { session } = from;
    await this.#answer(operation, from, sending(from, { session, toAccountId: accountId }));
  }

  async #acknowledge(user: User): Promise<void> {
    const messageIds = user.subscriber.takeUnacknowledged();
    if (messageIds.length === 0) return;
    const operation = this.#invoke({ kind: "acknowledge", user: user.number, messageIds });
    const session = user.session;
    await this.#answer(operation, user, (fields) => ({
      ...fields,
      kind: "acknowledge",
      ...author(user, session),
      messageIds,
    }));
  }

  /** Logs out, and in again with a new session: the old one must stay revoked. */
  async #renewSession(user: User): Promise<void> {
    const { session } = user;
    await this.#logout(user);
    // What is tried in it now is refused, whoever leads.
    void this.#send(user, user, { session });
    await this.#login(user);
  }

  async #logout(user: User): Promise<void> {
    const { session } = user;
    const operation = this.#invoke({ kind: "logout", user: user.number, session });
    await this.#answer(operation, user, (fields) => ({
      ...fields,
      kind: "logout",
      ...author(user, session),
      all: false,
    }));
  }

  /** An account is made, used for what is to happen `during` its deletion, and deleted. */
  async #visit(during: (accountId: string) => void = () => {}): Promise<void> {
    const accountId = `visitor-${this.visitors.length}`;
    // Two at a time want the same name, whatever the case.
    const number = this.visitors.length;
    const name = `${number % 2 === 0 ? "guest" : "Guest"}-${number >> 1}`;
    this.visitors.push(accountId);
    const visitor = await this.#createAccount(accountId, name);
    await this.#login(visitor);
    const deleted = this.#invoke({ kind: "deleteAccount", accountId });
    during(accountId);
    await this.#answer(deleted, visitor, (fields) => ({
      ...fields,
      kind: "deleteAccount",
      ...author(visitor, visitor.session),
    }));
    // Its sessions are over with it, and nobody opens another.
    void this.#sendOutside(visitor, accountId);
    void this.#login(visitor);
  }

  async #createAccount(accountId: string, name = accountId): Promise<User> {
    const user = this.#newUser(this.#users.length, accountId);
    const operation = this.#invoke({ kind: "createAccount", accountId });
    const command = (fields: CommandFields): PlainCommand => ({
      ...fields,
      kind: "createAccount",
      accountId,
      name,
      passwordHash: "hash",
    });
    // An account's id is that of the request that makes it (§8).
    await this.#answer(operation, user, command, { requestId: accountId });
    return user;
  }

  #newUser(number: number, accountId: string): User {
    const subscriber = new Subscriber(this.#cluster, { user: number, accountId });
    return { number, accountId, session: "", sessions: [], seen: 0, subscriber };
  }

  /** Each attempt asks for a session of its own: a token is given out once only (§8). */
  async #login(user: User): Promise<void> {
    const operation = this.#invoke({ kind: "login", user: user.number });
    let attempt = 0;
    const outcome = await this.#answer(operation, user, (fields) => {
      const id = `session-${operation}-${attempt++}`;
      return {
        ...fields,
        kind: "login",
        accountId: user.accountId,
        sessionId: id,
        tokenHash: `token of ${id}`,
        passwordHash: "hash",
        // Clocks differ and step, but not by so much.
        idleMs: limits.sessionIdleDaysDefault * 86_400_000,
      };
    });
    if (!outcome?.ok || outcome.kind !== "login") return;
    user.session = outcome.sessionId;
    user.sessions.push(outcome.sessionId);
  }

  #invoke(body: OperationBody): number {
    const operation = this.#operations++;
    this.#cluster.recorder.fact({ kind: "invoked", operation, body });
    return operation;
  }

  async #answer(
    operation: number,
    user: User,
    command: (fields: CommandFields) => PlainCommand,
    { firstAsked = null, requestId = `request-${operation}` }: {
      readonly firstAsked?: number | null;
      readonly requestId?: string;
    } = {},
  ): Promise<Outcome | null> {
    const proposed = await this.#mutate(requestId, command, firstAsked);
    if (proposed === null) return null;
    user.seen = Math.max(user.seen, proposed.index);
    const { outcome } = proposed;
    this.#cluster.recorder.fact({ kind: "answered", operation, requestId, outcome });
    // It is some way from here to what its client does next.
    this.#cluster.world.wake();
    return outcome;
  }

  /**
   * Tries until somebody says what came of it; `null` if the run ends before. The first to be asked
   * is the one at this place, or, for `null`, the leader as far as is known.
   */
  async #mutate(
    requestId: string,
    command: (fields: CommandFields) => PlainCommand,
    firstAsked: number | null = null,
  ): Promise<Proposed | null> {
    this.#open++;
    const { world } = this.#cluster;
    // Its own way around: one counter for all could lead one of them to dead nodes only.
    const turn = this.#turn++;
    let followed = false;
    for (let failures = 0; !this.#closed; failures++) {
      const hint = firstAsked !== null && failures === 0 ? null : this.#hint;
      const place = (firstAsked ?? turn) + failures;
      const node = hint ?? this.#cluster.nodes[place % this.#cluster.nodes.length]!;
      const result = await callNode(world, { node }, (asked) => {
        const timeMs = asked.clock!.wall();
        return this.#propose(asked, command({ requestId, fingerprint: requestId, timeMs }));
      });
      if (result.kind === "answer") {
        this.#hint = node;
        this.#open--;
        return result.value;
      }
      this.#hint = result.kind === "error" ? this.#leaderNamed(result.error) : null;
      // Two who name each other would be asked without end: of two hints one has to wait.
      followed = this.#hint !== null && !followed;
      if (!followed) {
        const high = Math.min(RETRY_MS.high * 2 ** failures, RETRY_MS.max);
        await pause(world, this.#random.between(RETRY_MS.low, high));
      }
    }
    this.#open--;
    return null;
  }

  async #propose(node: SimNode, command: PlainCommand): Promise<Proposed> {
    this.#noteRequest(node, command);
    const process = node.process;
    const proposed = await proposeCommand(node.driver!, command);
    if (process?.alive !== true) return proposed;
    const { index, term } = proposed;
    const { requestId } = command;
    this.#cluster.recorder.fact({
      kind: "acknowledged",
      node: node.id,
      requestId,
      index,
      term,
    });
    return proposed;
  }

  #noteRequest(node: SimNode, command: PlainCommand): void {
    const { requestId, kind } = command;
    if (this.#requested.has(requestId) && kind !== "login") return;
    this.#requested.add(requestId);
    this.#cluster.recorder.fact({ kind: "requested", node: node.id, command });
  }

  #leaderNamed(error: ChatError): SimNode | null {
    if (error.leader === undefined) return null;
    const { nodes } = this.#cluster;
    // The last one that came to the address is the one that answers there.
    return nodes.findLast(({ member }) => member.clientAddress === error.leader) ?? null;
  }
}
