/**
 * The clients of a simulation: each user sends, reads, acknowledges, renews its session, and
 * repeats with the same request id, on whichever node answers, until it knows what came of it
 * (§8). Owns what clients remember; the nodes' side is `sim_service.ts`.
 *
 * @module
 */

import type { Outcome, PlainCommand } from "../chat/command.ts";
import type { ChatError } from "../errors.ts";
import type { Proposed } from "../node/driver_api.ts";
import type { Index } from "../raft/types.ts";
import { callNode, pause } from "./client_calls.ts";
import { ClientReads } from "./client_reads.ts";
import type { Cluster } from "./cluster.ts";
import type { OperationBody } from "./history.ts";
import type { Operation } from "./scenario.ts";
import type { SimNode } from "./sim_node.ts";
import { proposeCommand } from "./sim_service.ts";
import { Subscriber } from "./subscriber.ts";

/** What a client knows of its user. */
interface User {
  readonly number: number;
  readonly accountId: string;
  /** The session it writes in, and all that it ever had. */
  session: string;
  readonly sessions: string[];
  /** Newest index that an answer has named. */
  seen: Index;
  readonly subscriber: Subscriber;
}

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
  /** Ids of accounts that were made to be deleted. */
  readonly visitors: string[] = [];
  /** Requests that have come to a node. */
  readonly #requested = new Set<string>();

  constructor(cluster: Cluster, users: number) {
    this.#cluster = cluster;
    this.#random = cluster.world.random.fork("clients");
    this.#reads = new ClientReads(cluster, (body) => this.#invoke(body));
    this.#users = Array.from(
      { length: users },
      (_, number) => this.#newUser(number, `account-${number}`),
    );
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
    const ask = (asked: SimNode) =>
      callNode(this.#cluster.world, { node: asked }, (one) => {
        const timeMs = one.clock!.wall();
        const toAccountId = to.accountId;
        const fields = { requestId, fingerprint: requestId, timeMs, body: requestId };
        const command = { ...fields, ...author(from, session), toAccountId };
        return this.#propose(one, { kind: "sendMessage", ...command });
      });
    while (!this.#closed && node.alive) {
      const first = await ask(node);
      const leader = first.kind === "error" ? this.#leaderNamed(first.error) : null;
      const result = leader === null ? first : await ask(leader);
      if (result.kind === "answer") {
        const { outcome } = result.value;
        this.#cluster.recorder.fact({ kind: "answered", operation, requestId, outcome });
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
    }
  }

  #user(number: number): User {
    return this.#users[number % this.#users.length]!;
  }

  async #send(from: User, to: User, session = from.session): Promise<Outcome | null> {
    const operation = this.#invoke({ kind: "send", from: from.number, to: to.number, session });
    return await this.#answer(operation, from, (fields) => ({
      ...fields,
      kind: "sendMessage",
      ...author(from, session),
      toAccountId: to.accountId,
      body: fields.requestId,
    }));
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
    const operation = this.#invoke({ kind: "logout", user: user.number, session });
    await this.#answer(operation, user, (fields) => ({
      ...fields,
      kind: "logout",
      ...author(user, session),
      all: false,
    }));
    // What is tried in it now is refused, whoever leads.
    void this.#send(user, user, session);
    await this.#login(user);
  }

  async #visit(): Promise<void> {
    // An account's id is that of the request that makes it (§8): of the next operation.
    const accountId = `request-${this.#operations}`;
    // Two at a time want the same name.
    const name = `visitor-${this.visitors.length >> 1}`;
    this.visitors.push(accountId);
    const visitor = this.#newUser(this.#users.length, accountId);
    const created = this.#invoke({ kind: "createAccount", accountId });
    await this.#answer(created, visitor, (fields) => ({
      ...fields,
      kind: "createAccount",
      accountId,
      name,
      passwordHash: "hash",
    }));
    await this.#login(visitor);
    const deleted = this.#invoke({ kind: "deleteAccount", accountId });
    await this.#answer(deleted, visitor, (fields) => ({
      ...fields,
      kind: "deleteAccount",
      ...author(visitor, visitor.session),
    }));
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
  ): Promise<Outcome | null> {
    const requestId = `request-${operation}`;
    const proposed = await this.#mutate(requestId, command);
    if (proposed === null) return null;
    user.seen = Math.max(user.seen, proposed.index);
    const { outcome } = proposed;
    this.#cluster.recorder.fact({ kind: "answered", operation, requestId, outcome });
    return outcome;
  }

  /** Tries until somebody says what came of it; `null` if the run ends before. */
  async #mutate(
    requestId: string,
    command: (fields: CommandFields) => PlainCommand,
  ): Promise<Proposed | null> {
    this.#open++;
    const { world } = this.#cluster;
    // Its own way around: one counter for all could lead one of them to dead nodes only.
    const turn = this.#turn++;
    let followed = false;
    for (let failures = 0; !this.#closed; failures++) {
      const node = this.#hint ??
        this.#cluster.nodes[(turn + failures) % this.#cluster.nodes.length]!;
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
    return nodes.find(({ member }) => member.clientAddress === error.leader) ?? null;
  }
}

/** What every command has. */
interface CommandFields {
  readonly requestId: string;
  readonly fingerprint: string;
  readonly timeMs: number;
}

function author(user: User, session: string): { accountId: string; sessionId: string } {
  return { accountId: user.accountId, sessionId: session };
}
