/**
 * The clients of a simulation: each user sends, reads, acknowledges, changes its session, and
 * repeats with the same request id, on whichever node answers, until it knows what came of it
 * (§8). Owns what clients remember; the nodes' side is `sim_service.ts`.
 *
 * @module
 */

import type { Outcome, PlainCommand } from "../chat/command.ts";
import type { ChatError } from "../errors.ts";
import type { Proposed } from "../node/driver_api.ts";
import { author, type CommandFields, type MakeCommand, sending } from "./client_commands.ts";
import { callNode, pause } from "./client_calls.ts";
import { type ClientCalls, ClientRaces, type SendOptions, type User } from "./client_races.ts";
import { ClientReads } from "./client_reads.ts";
import { ClientSessions } from "./client_sessions.ts";
import type { Cluster } from "./cluster.ts";
import type { OperationBody } from "./history.ts";
import { Operators } from "./operators.ts";
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
  readonly #sessions: ClientSessions;
  readonly #operators: Operators;
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
    const calls: ClientCalls = {
      invoke: (body) => this.#invoke(body),
      answer: (operation, user, command) => this.#answer(operation, user, command),
      once: (operation, command) => this.#once(operation, command),
      send: (from, to, options) => this.#send(from, to, options),
    };
    this.#sessions = new ClientSessions(calls);
    this.#operators = new Operators(calls, cluster.world);
    this.#races = new ClientRaces({
      user: (number) => this.#user(number),
      send: (from, to, options) => this.#send(from, to, options),
      sendOutside: (from, accountId) => this.#sendOutside(from, accountId),
      createAccount: (accountId) => this.#createAccount(accountId),
      logout: (user) => this.#sessions.logout(user),
      login: (user) => this.#sessions.login(user),
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
      await this.#sessions.login(user);
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
    const command = sending(from, { session, toAccountId: to.accountId });
    while (!this.#closed && node.alive) {
      const outcome = await this.#once(operation, command, node);
      if (outcome?.ok) this.confirmed.add(`request-${operation}`);
      if (outcome !== null) return true;
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
        return await this.#sessions.replace(this.#user(operation.user));
      case "loseSession":
        return await this.#sessions.lose(this.#user(operation.user));
      case "endAllSessions":
        return await this.#sessions.endAll(this.#user(operation.user));
      case "endAnothers":
        return await this.#sessions.endAnothers(
          this.#user(operation.user),
          this.#user(operation.user + 1),
        );
      case "useSession":
        return await this.#sessions.use(this.#user(operation.user));
      case "setAdminToken":
        return await this.#operators.setToken(operation.count);
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

  #next(place: number): SimNode {
    return this.#cluster.nodes[place % this.#cluster.nodes.length]!;
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

  /** An account is made, used for what is to happen `during` its deletion, and deleted. */
  async #visit(during: (accountId: string) => void = () => {}): Promise<void> {
    const accountId = `visitor-${this.visitors.length}`;
    // Two at a time want the same name, whatever the case.
    const number = this.visitors.length;
    const name = `${number % 2 === 0 ? "guest" : "Guest"}-${number >> 1}`;
    this.visitors.push(accountId);
    const visitor = await this.#createAccount(accountId, name);
    await this.#sessions.login(visitor);
    const deleted = this.#invoke({ kind: "deleteAccount", accountId });
    during(accountId);
    await this.#answer(deleted, visitor, (fields) => ({
      ...fields,
      kind: "deleteAccount",
      ...author(visitor, visitor.session),
    }));
    // Its sessions are over with it, and nobody opens another.
    void this.#sendOutside(visitor, accountId);
    void this.#sessions.login(visitor);
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

  #invoke(body: OperationBody): number {
    const operation = this.#operations++;
    this.#cluster.recorder.fact({ kind: "invoked", operation, body });
    return operation;
  }

  /** Asks a node, and the leader that it names: what gives no answer then is `null`. */
  async #once(
    operation: number,
    command: (fields: CommandFields) => PlainCommand,
    node = this.#next(this.#turn++),
  ): Promise<Outcome | null> {
    const requestId = `request-${operation}`;
    const ask = (asked: SimNode) =>
      callNode(this.#cluster.world, { node: asked }, (one) => {
        const timeMs = one.clock!.wall();
        return this.#propose(one, command({ requestId, fingerprint: requestId, timeMs }));
      });
    const first = await ask(node);
    const leader = first.kind === "error" ? this.#leaderNamed(first.error) : null;
    const result = leader === null ? first : await ask(leader);
    if (result.kind !== "answer") return null;
    const { outcome } = result.value;
    this.#cluster.recorder.fact({ kind: "answered", operation, requestId, outcome });
    return outcome;
  }

  async #answer(
    operation: number,
    user: Pick<User, "seen">,
    command: MakeCommand,
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
    command: MakeCommand,
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
      const node = hint ?? this.#next(place);
      const result = await callNode(world, { node }, (asked) => {
        const timeMs = asked.clock!.wall();
        const made = command({ requestId, fingerprint: requestId, timeMs }, asked);
        if (!(made instanceof Promise)) return this.#propose(asked, made);
        return made.then((one) => this.#propose(asked, one));
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
    // The node fills in of these what it sees, or a new session, at each attempt.
    const differs = kind === "login" || kind === "setAdminToken";
    if (this.#requested.has(requestId) && !differs) return;
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
