/**
 * A cluster in memory that tests break on purpose: leaders fall, nodes hang, answers get lost.
 * It keeps the promises of a real one (a request id is done once, one order everywhere), so
 * what a client shows is the client's doing. Used by tests alone.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type {
  Answered,
  CallContext,
  ChatApi,
  GetChatRequest,
  GetChatResponse,
  Message,
  SendMessageRequest,
  SubscribeFrame,
  SubscribeRequest,
  User,
} from "../rpc/api.ts";
import { type FakeNode, soundNode } from "./client_test_node.ts";
import type { Connection } from "./connection.ts";
import { placeOf } from "./term_order.ts";

export class FakeCluster {
  readonly id: string;
  readonly nodes = new Map<string, FakeNode>();
  readonly log: Message[] = [];
  /** Every request that reached a node: `method address`. */
  readonly calls: string[] = [];
  readonly acknowledged: string[] = [];
  /** Sessions that were ended, by their ids or tokens. */
  readonly ended: string[] = [];
  readonly users: User[] = [];
  leader: string | null = null;
  term = 0;
  /** Planted faults: acknowledged messages that a conversation lacks, or shows twice. */
  forget: (message: Message) => boolean = () => false;
  repeat: (message: Message) => boolean = () => false;
  /** What the next messages come to at the apply; it stays so under their ids. */
  readonly refusals: ChatError[] = [];
  readonly #done = new Map<string, Message>();
  readonly #refused = new Map<string, ChatError>();
  /** Ends whatever waits at a node. */
  readonly #waits = new Set<{ address: string; end: (error: ChatError) => void }>();
  readonly #readers = new Set<() => void>();
  /** Answers on their way. */
  readonly #held: (() => void)[] = [];
  /** How often this side went over to another: streams from before have ended (DESIGN §9). */
  #merges = 0;
  /** No login gets a token that another one had. */
  #logins = 0;
  /** Terms of the sides that went over: no place of them is on this log. */
  readonly #lostTerms = new Set<number>();

  constructor(addresses: readonly string[], id = "cluster-1") {
    this.id = id;
    for (const address of addresses) this.addNode(address);
    if (addresses[0] !== undefined) this.elect(addresses[0]);
  }

  addNode(address: string): void {
    this.nodes.set(address, soundNode(address, this.id));
  }

  node(address: string): FakeNode {
    const node = this.nodes.get(address);
    if (node === undefined) throw new Error(`No node at ${address}`);
    return node;
  }

  elect(address: string | null): void {
    this.leader = address;
    if (address !== null) this.term++;
  }

  /**
   * This side goes over to another, led by that node, on which what it wrote since the last election
   * gets places of a higher term; whoever has seen it knows it by its id alone (DESIGN §9).
   */
  merge(address: string): void {
    const newest = placeOf(this.log.at(-1)?.position ?? "")?.term.number ?? this.term;
    for (let term = newest; term <= this.term; term++) this.#lostTerms.add(term);
    this.elect(address);
    for (const [at, message] of this.log.entries()) {
      if (placeOf(message.position)?.term.number !== newest) continue;
      const moved = { ...message, position: this.position(message.seq) };
      this.log[at] = moved;
      this.#done.set(message.id, moved);
    }
    this.#merges++;
    this.wakeReaders();
  }

  /** The process is gone: what waits there ends at once. */
  kill(address: string): void {
    this.node(address).dead = true;
    if (this.leader === address) this.leader = null;
    for (const wait of [...this.#waits]) if (wait.address === address) wait.end(lost(address));
  }

  revive(address: string): void {
    const node = this.node(address);
    node.dead = false;
    node.hung = false;
    node.answersToHold = 0;
    for (const held of this.#held.splice(0)) held();
  }

  termText(): string {
    return `0.${this.term}@node`;
  }

  position(seq: number): string {
    return `${seq}.0.${this.term}.node`;
  }

  /** Writes a message as another client's request would. */
  write(from: string, to: string, body: string, id = `${from}-${this.log.length}`): Message {
    const seq = this.log.length + 1;
    const message: Message = {
      id,
      seq,
      position: this.position(seq),
      from,
      to,
      body,
      sentAtMs: 0,
      acknowledged: false,
    };
    this.log.push(message);
    this.#done.set(id, message);
    for (const wake of [...this.#readers]) wake();
    return message;
  }

  /** Makes streams at a node look again, as after an apply. */
  wakeReaders(): void {
    for (const wake of [...this.#readers]) wake();
  }

  /** The transport of a client under test. */
  connect = (address: string): Connection => {
    const api: Partial<ChatApi> & { close(): void } = {
      getCluster: (_, context) =>
        this.#call("getCluster", address, context, () => this.#cluster(address)),
      login: ({ name }, context) =>
        this.#call("login", address, context, () => {
          this.#assertLeads(address);
          const number = ++this.#logins;
          return { token: number === 1 ? `token-${name}` : `token-${name}#${number}`, name };
        }),
      sendMessage: (request, context) =>
        this.#call("sendMessage", address, context, () => this.#send(address, request, context)),
      createAccount: (_, context) =>
        this.#call("createAccount", address, context, () => {
          this.#assertLeads(address);
          return {};
        }),
      deleteAccount: (_, context) =>
        this.#call("deleteAccount", address, context, () => {
          this.#assertLeads(address);
          return {};
        }),
      logout: ({ sessionId }, context) =>
        this.#call("logout", address, context, () => {
          this.#assertLeads(address);
          this.ended.push(sessionId ?? `that of ${context.token}`);
          return {};
        }),
      listSessions: (_, context) =>
        this.#call("listSessions", address, context, () => {
          const times = { createdAtMs: 0, usedAtMs: 86_400_000, expiresAtMs: null };
          return { sessions: [{ id: "s1", ...times, current: true }], nextPageToken: "" };
        }),
      listUsers: (_, context) =>
        this.#call("listUsers", address, context, () => ({
          users: this.users,
          nextPageToken: "",
        })),
      getMessages: (_, context) =>
        this.#call("getMessages", address, context, () => ({
          messages: this.#applied(address).filter(({ to }) => to === userOf(context)),
          nextPageToken: "",
        })),
      acknowledgeMessages: ({ ids = [] }, context) =>
        this.#call("acknowledgeMessages", address, context, () => {
          this.#assertLeads(address);
          this.acknowledged.push(...ids);
          return { acknowledged: ids.length, more: false };
        }),
      getChat: (request, context) =>
        this.#call("getChat", address, context, () => {
          this.#assertCaughtUp(address, context);
          return this.#talk(address, userOf(context), request);
        }),
      subscribe: (request, context) => this.#subscribe(address, request, context),
      close() {},
    };
    return api as Connection;
  };

  async #call<T>(
    method: string,
    address: string,
    context: CallContext,
    answer: () => T,
  ): Promise<Answered<T>> {
    this.calls.push(`${method} ${address}`);
    const node = this.nodes.get(address);
    await Promise.resolve();
    if (node === undefined || node.dead) throw lost(address);
    if (node.hung) await this.#hang(address, context.signal);
    const failure = method === "getCluster" ? undefined : node.failures.shift();
    if (failure !== undefined) throw failure;
    const value = answer();
    const mutation = ["sendMessage", "login", "createAccount"].includes(method);
    if (mutation && node.answersToLose > 0) {
      node.answersToLose--;
      throw lost(address);
    }
    const position = this.#positionOf(address);
    if (node.answersToHold > 0) {
      node.answersToHold--;
      await this.#hold(address, context.signal);
    }
    return { ...value, info: { clusterId: node.clusterId, position } };
  }

  /** Never answers; ends when the node dies or the caller goes. */
  #hang(address: string, signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      const wait = {
        address,
        end: (error: ChatError) => {
          this.#waits.delete(wait);
          reject(error);
        },
      };
      this.#waits.add(wait);
      signal.addEventListener("abort", () => wait.end(lost(address)));
    });
  }

  /** Until any node is revived, or the caller goes. */
  #hold(address: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#held.push(resolve);
      signal.addEventListener("abort", () => reject(lost(address)));
    });
  }

  #belief(address: string): { leader: string; term: string } {
    return this.node(address).belief ?? { leader: this.leader ?? "", term: this.termText() };
  }

  #cluster(address: string) {
    const members = [...this.nodes.keys()].map((one) => ({
      id: one,
      clientAddress: one,
      voter: true,
    }));
    return { clusterId: this.node(address).clusterId, members, ...this.#belief(address) };
  }

  #assertLeads(address: string): void {
    if (this.leader === address) return;
    const { leader, term } = this.#belief(address);
    if (leader === "" || leader === address) throw new ChatError("NO_LEADER", "No leader is known");
    throw new ChatError("NOT_LEADER", `The leader is at ${leader}`, { leader, term });
  }

  #send(address: string, request: SendMessageRequest, context: CallContext) {
    this.#assertLeads(address);
    if (request.to === "nobody") throw new ChatError("NO_SUCH_USER", "There is no nobody");
    const { requestId, to, body } = request;
    const isDone = this.#done.has(requestId);
    const refusal = this.#refused.get(requestId) ?? (isDone ? undefined : this.refusals.shift());
    if (refusal !== undefined) {
      this.#refused.set(requestId, refusal);
      throw refusal;
    }
    const message = this.#done.get(requestId) ?? this.write(userOf(context), to, body, requestId);
    return { id: message.id, seq: message.seq, position: message.position, acceptedAtMs: 0 };
  }

  /** What a member has of a conversation: the newest before a position, or the oldest after one. */
  #talk(address: string, user: string, request: GetChatRequest): GetChatResponse {
    const { with: other, limit = Infinity, before, after } = request;
    const end = before === undefined ? Infinity : placeOf(before)?.index ?? 0;
    const start = after === undefined ? 0 : placeOf(after)?.index ?? 0;
    const messages = this.#applied(address).filter(({ from, to, seq }) =>
      seq < end && seq > start && (from === user ? to === other : from === other && to === user)
    ).filter((message) => !this.forget(message));
    const shown = messages.flatMap((one) => this.repeat(one) ? [one, one] : [one]);
    const page = after === undefined ? shown.slice(-limit) : shown.slice(0, limit);
    return { messages: page, more: shown.length > limit };
  }

  #applied(address: string): readonly Message[] {
    return this.log.filter((message) => message.seq <= (this.nodes.get(address)?.appliedMax ?? 0));
  }

  /**
   * What a member has applied: who is up to date has what each term begins with, too; who lags is no
   * further than its last message, whatever terms have begun since.
   */
  #positionOf(address: string): string {
    const applied = this.#applied(address);
    const lags = this.nodes.get(address)?.appliedMax !== Infinity;
    return lags ? applied.at(-1)?.position ?? "" : this.position(applied.length);
  }

  #assertCaughtUp(address: string, context: CallContext): void {
    const seen = context.position === undefined ? null : placeOf(context.position);
    if (seen === null) return;
    const isLost = this.#lostTerms.has(seen.term.number);
    if (isLost || seen.index > this.node(address).appliedMax) {
      throw new ChatError("NOT_UP_TO_DATE", `${address} lags`);
    }
  }

  /** A stream from the newest position that is on this log. */
  async *#subscribe(
    address: string,
    request: SubscribeRequest,
    context: CallContext,
  ): AsyncGenerator<SubscribeFrame, void, void> {
    this.calls.push(`subscribe ${address}`);
    const node = this.node(address);
    if (node.dead) throw lost(address);
    const failure = node.failures.shift();
    if (failure !== undefined) throw failure;
    const places = request.positions.map((position) => placeOf(position));
    const known = places.find((place) => {
      return place !== null && (place.index === 0 || this.#isOnLog(place.index, place.term.number));
    });
    // All of them are another side's: everything is sent again, and told by its ids.
    const fromStart = request.fromUnacknowledged === true || places.length > 0;
    const merges = this.#merges;
    let seen = known?.index ?? (fromStart ? 0 : this.log.length);
    yield { kind: "heartbeat", position: this.log[seen - 1]?.position ?? this.position(0) };
    for (;;) {
      for (const message of this.#applied(address).filter((one) => one.seq > seen)) {
        seen = message.seq;
        if (message.to === userOf(context)) yield { kind: "message", message };
      }
      if (this.#applied(address).length <= seen) await this.#changed(address, context.signal);
      if (this.#merges !== merges) throw lost(address);
    }
  }

  #isOnLog(index: number, term: number): boolean {
    return placeOf(this.log[index - 1]?.position ?? "")?.term.number === term;
  }

  #changed(address: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#readers.delete(wake);
        this.#waits.delete(wait);
      };
      const wake = () => {
        if (this.node(address).hung) return;
        done();
        resolve();
      };
      const end = (error: ChatError) => {
        done();
        reject(error);
      };
      const wait = { address, end };
      this.#readers.add(wake);
      this.#waits.add(wait);
      signal.addEventListener("abort", () => end(lost(address)));
    });
  }
}

function userOf(context: CallContext): string {
  return (context.token ?? "token-?").slice("token-".length).replace(/#\d+$/, "");
}

/** As a broken or refused connection shows itself. */
export function lost(address: string): ChatError {
  return new ChatError("NO_ANSWER", `Connection to ${address} lost`);
}
